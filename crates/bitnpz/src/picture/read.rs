//! Reading picture files.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use bitnpz_bitmap::Bitmap;
use bitnpz_npy::make_room;

use super::bilevel::{BilevelError, TwoColours, reduce};
use super::decode::decode;
use super::error::PictureError;
use super::fault::{Fault, check_size};
use super::options::{Background, ReadOptions};

/// A picture read from a file, and the choices made to make it bilevel.
#[derive(Debug)]
#[non_exhaustive]
pub struct Picture {
    /// The image, shape (height, width).
    pub bitmap: Bitmap,
    /// The colours of the picture, if it has two other than black and white and they were told apart without the given threshold.
    pub colours: Option<TwoColours>,
    /// The background that was used, white or black; `None` if all pixels are opaque.
    pub background: Option<Background>,
}

impl Picture {
    /// Reads a picture file: PNG, PBM, PGM, PPM, PAM, TIFF, BMP, GIF, JPEG or WebP.
    ///
    /// ```
    /// use bitnpz::picture::{Picture, ReadOptions};
    ///
    /// let path = tempfile::tempdir()?.keep().join("mask.pgm");
    /// std::fs::write(&path, "P2 3 1 255 0 1 1")?;
    /// let picture = Picture::read(&path, &ReadOptions::default())?;
    /// assert_eq!(picture.bitmap.view().count_ones(), 2);
    /// assert_eq!(picture.colours.unwrap().to_string(), "1 rather than 0");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the file cannot be decoded, needs more memory than the limit, holds several pictures, or has more than two colours and
    /// there is no threshold. A picture of one colour must be black or white.
    pub fn read(path: impl AsRef<Path>, options: &ReadOptions) -> Result<Self, PictureError> {
        let path = path.as_ref();
        let failed = |fault| match fault {
            Fault::Message(message) => PictureError::Decode { path: path.to_owned(), message },
            Fault::Several(count) => PictureError::Several { path: path.to_owned(), count },
        };
        let bytes = bytes(path, options.picture_bytes).map_err(failed)?;
        let pixels = decode(&bytes, options.picture_bytes).map_err(failed)?;
        drop(bytes);
        let bilevel = reduce(&pixels, options).map_err(|error| match error {
            BilevelError::Fault(fault) => failed(fault),
            BilevelError::NeedsThreshold(grey) => PictureError::Grey {
                path: path.to_owned(),
                pixel: grey.pixel,
                found: grey.found,
                threshold: grey.threshold,
            },
        })?;
        Ok(Self { bitmap: bilevel.bitmap, colours: bilevel.colours, background: bilevel.background })
    }
}

/// Reads a picture file and returns only its image, shape (height, width).
///
/// # Errors
///
/// As [`Picture::read`].
pub fn read(path: impl AsRef<Path>, options: &ReadOptions) -> Result<Bitmap, PictureError> {
    Ok(Picture::read(path, options)?.bitmap)
}

/// Returns the bytes of a file that is no larger than the limit.
fn bytes(path: &Path, limit: u64) -> Result<Vec<u8>, Fault> {
    let mut file = File::open(path)?;
    let size = check_size(file.metadata()?.len().into(), limit)?;
    let mut bytes = Vec::new();
    make_room(&mut bytes, size + 1)?;
    // If the file grows in the meantime, the rest is not read.
    file.by_ref().take(size as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use image::{DynamicImage, GrayImage, Luma, LumaA};

    use super::*;
    use crate::picture::options::Polarity;

    #[test]
    fn reads_every_format_as_saved() {
        let folder = tempfile::tempdir().unwrap();
        let picture =
            GrayImage::from_fn(13, 5, |column, row| Luma([if (column + row) % 3 == 0 { 255 } else { 0 }]));
        for extension in ["png", "pbm", "pgm", "bmp", "gif", "webp"] {
            let path = folder.path().join(format!("a.{extension}"));
            let saved: DynamicImage = if matches!(extension, "gif" | "webp") {
                DynamicImage::from(picture.clone()).to_rgba8().into()
            } else {
                picture.clone().into()
            };
            saved.save(&path).unwrap();
            let bitmap = read(&path, &ReadOptions::default()).unwrap();
            assert_eq!((bitmap.height(), bitmap.width()), (5, 13));
            let inverted = read(&path, &ReadOptions::default().with_polarity(Polarity::BlackIsOne)).unwrap();
            for (column, row, pixel) in picture.enumerate_pixels() {
                let (row, column) = (row as usize, column as usize);
                assert_eq!(bitmap.get(row, column), Some(pixel.0[0] == 255), "{extension}");
                assert_eq!(inverted.get(row, column), Some(pixel.0[0] == 0), "{extension}");
            }
        }
    }

    #[test]
    fn reads_grey_only_with_a_threshold() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        let shade = |column, row| if row == 1 && column > 1 { 100 } else { 200 * (row ^ 1) };
        GrayImage::from_fn(4, 2, |column, row| Luma([u8::try_from(shade(column, row)).unwrap()]))
            .save(&path)
            .unwrap();
        let error = read(&path, &ReadOptions::default()).unwrap_err();
        let is_expected =
            matches!(error, PictureError::Grey { pixel: [1, 2], found: 100.0, threshold: 100.0, .. });
        assert!(is_expected, "{error}");
        let mask = folder.path().join("mask.png");
        GrayImage::from_fn(4, 2, |column, _| Luma([u8::from(column == 1)])).save(&mask).unwrap();
        for threshold in [1, 128] {
            let options = ReadOptions::default().with_threshold(threshold);
            let picture = Picture::read(&mask, &options).unwrap();
            assert_eq!(
                (picture.bitmap.view().count_ones(), picture.colours.is_some()),
                (2, threshold == 128)
            );
        }
        for (threshold, count) in [(100, 6), (101, 4), (201, 0)] {
            let options = ReadOptions::default().with_threshold(threshold);
            assert_eq!(read(&path, &options).unwrap().view().count_ones(), count);
        }
        std::fs::write(&path, "no picture").unwrap();
        assert!(read(&path, &ReadOptions::default()).unwrap_err().to_string().contains("a.png"));
    }

    #[test]
    fn composites_transparent_pixels_over_the_background() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        // The left half is opaque and of this brightness, the right half is transparent.
        for (shade, background, used, count) in [
            (0, Background::Contrast, Background::White, 4),
            (255, Background::Contrast, Background::Black, 4),
            (255, Background::White, Background::White, 8),
            (0, Background::Black, Background::Black, 0),
        ] {
            image::GrayAlphaImage::from_fn(4, 2, |column, _| {
                LumaA([shade, if column < 2 { 255 } else { 0 }])
            })
            .save(&path)
            .unwrap();
            let picture = Picture::read(&path, &ReadOptions::default().with_background(background)).unwrap();
            assert_eq!((picture.background, picture.bitmap.view().count_ones()), (Some(used), count));
        }
        image::GrayAlphaImage::from_pixel(2, 2, LumaA([0, 0])).save(&path).unwrap();
        assert_eq!(
            read(&path, &ReadOptions::default()).unwrap().view().count_ones(),
            4,
            "a picture without visible pixels is white"
        );
    }

    #[test]
    fn refuses_pictures_over_the_limit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.pgm");
        std::fs::write(&path, "P5 100000 100000 255 ").unwrap();
        assert!(read(&path, &ReadOptions::default()).unwrap_err().to_string().contains("10000000000 bytes"));
        std::fs::write(&path, "P2 2 1 255 0 255").unwrap();
        assert!(
            read(&path, &ReadOptions::default().with_picture_bytes(15)).is_err(),
            "the file has 16 bytes"
        );
        assert!(read(&path, &ReadOptions::default().with_picture_bytes(16)).is_ok());
    }
}
