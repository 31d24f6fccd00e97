//! Reading picture files.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use bitnpz_bitmap::Bitmap;
use image::codecs::gif::GifDecoder;
use image::{AnimationDecoder, DynamicImage, ImageFormat, ImageReader};
use ndarray::Array2;

use super::PictureError;

/// Which pixels become the bit 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ink {
    /// White ones, as NumPy has it of a black and white picture.
    #[default]
    White,
    /// Black ones.
    Black,
}

/// How a picture is made bilevel.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ReadOptions {
    /// From which brightness on, of 0 to 255, a pixel is white; without, only black and white pictures are read.
    pub threshold: Option<u8>,
    /// Which pixels become the bit 1.
    pub ink: Ink,
}

impl ReadOptions {
    /// White from this brightness on.
    #[must_use]
    pub fn with_threshold(mut self, threshold: u8) -> Self {
        self.threshold = Some(threshold);
        self
    }

    /// Pixels of this ink become the bit 1.
    #[must_use]
    pub fn with_ink(mut self, ink: Ink) -> Self {
        self.ink = ink;
        self
    }
}

/// Reads a picture: PNG, PBM and its relatives, TIFF, BMP or GIF. What is transparent lies on white.
///
/// # Errors
///
/// If it cannot be read, holds several pictures, or has a pixel that is neither black nor white and there is no
/// threshold.
pub fn read(path: impl AsRef<Path>, options: &ReadOptions) -> Result<Bitmap, PictureError> {
    let path = path.as_ref();
    let picture = decode(path)?;
    let luma = match picture.color().has_alpha() {
        true => on_white(&picture),
        false => picture.into_luma8(),
    };
    let threshold = options.threshold.unwrap_or(128);
    let mut image = Array2::from_elem((luma.height() as usize, luma.width() as usize), false);
    for (pixel, (column, row, luma)) in image.iter_mut().zip(luma.enumerate_pixels()) {
        let found = luma.0[0];
        if options.threshold.is_none() && !matches!(found, 0 | 255) {
            return Err(PictureError::Grey { path: path.to_owned(), pixel: [row, column], found });
        }
        *pixel = (found >= threshold) == (options.ink == Ink::White);
    }
    let packed = Bitmap::pack(&image).map_err(|error| failed(path, &error))?;
    Ok(packed.0)
}

fn failed(path: &Path, error: &dyn std::fmt::Display) -> PictureError {
    PictureError::Decode { path: path.to_owned(), message: error.to_string() }
}

fn decode(path: &Path) -> Result<DynamicImage, PictureError> {
    let open = || File::open(path).map(BufReader::new).map_err(|error| failed(path, &error));
    let reader = ImageReader::new(open()?).with_guessed_format().map_err(|error| failed(path, &error))?;
    if reader.format() == Some(ImageFormat::Gif) {
        let frames = GifDecoder::new(open()?).map_err(|error| failed(path, &error))?.into_frames();
        if frames.take(2).count() > 1 {
            return Err(PictureError::Several { path: path.to_owned() });
        }
    }
    reader.decode().map_err(|error| failed(path, &error))
}

fn on_white(picture: &DynamicImage) -> image::GrayImage {
    let picture = picture.to_luma_alpha8();
    image::GrayImage::from_fn(picture.width(), picture.height(), |column, row| {
        let [luma, alpha] = picture.get_pixel(column, row).0.map(u32::from);
        let mixed = (luma * alpha + 255 * (255 - alpha) + 127) / 255;
        image::Luma([u8::try_from(mixed).unwrap_or(u8::MAX)])
    })
}

#[cfg(test)]
mod tests {
    use image::{GrayImage, Luma, LumaA};

    use super::*;

    #[test]
    fn is_a_picture_of_every_kind_read_as_saved() {
        let folder = tempfile::tempdir().unwrap();
        let picture =
            GrayImage::from_fn(13, 5, |column, row| Luma([if (column + row) % 3 == 0 { 255 } else { 0 }]));
        for extension in ["png", "pbm", "pgm", "bmp", "gif", "tiff"] {
            let path = folder.path().join(format!("a.{extension}"));
            let saved: DynamicImage = if extension == "gif" {
                DynamicImage::from(picture.clone()).to_rgba8().into()
            } else {
                picture.clone().into()
            };
            saved.save(&path).unwrap();
            let bitmap = read(&path, &ReadOptions::default()).unwrap();
            assert_eq!((bitmap.height(), bitmap.width()), (5, 13));
            let inverted = read(&path, &ReadOptions::default().with_ink(Ink::Black)).unwrap();
            for (column, row, pixel) in picture.enumerate_pixels() {
                let (row, column) = (row as usize, column as usize);
                assert_eq!(bitmap.get(row, column), Some(pixel.0[0] == 255), "{extension}");
                assert_eq!(inverted.get(row, column), Some(pixel.0[0] == 0), "{extension}");
            }
        }
    }

    #[test]
    fn is_grey_read_only_with_a_threshold() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        GrayImage::from_fn(4, 2, |column, row| Luma([if row == 1 && column > 1 { 100 } else { 0 }]))
            .save(&path)
            .unwrap();
        let error = read(&path, &ReadOptions::default()).unwrap_err();
        assert!(matches!(error, PictureError::Grey { pixel: [1, 2], found: 100, .. }), "{error}");
        assert_eq!(read(&path, &ReadOptions::default().with_threshold(100)).unwrap().view().count_ones(), 2);
        assert_eq!(read(&path, &ReadOptions::default().with_threshold(101)).unwrap().view().count_ones(), 0);
        image::GrayAlphaImage::from_pixel(2, 2, LumaA([0, 0])).save(&path).unwrap();
        assert_eq!(
            read(&path, &ReadOptions::default()).unwrap().view().count_ones(),
            4,
            "nothing lies on white"
        );
        std::fs::write(&path, "no picture").unwrap();
        assert!(read(&path, &ReadOptions::default()).unwrap_err().to_string().contains("a.png"));
    }
}
