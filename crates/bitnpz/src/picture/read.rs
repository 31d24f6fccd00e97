//! Reading picture files.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use bitnpz_bitmap::Bitmap;
use bitnpz_npy::make_room;

use super::PictureError;
use super::bilevel::{TwoColours, Unmade, bits};
use super::decode::decode;
use super::fault::{Fault, check_size};

/// Which pixels become the bit 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ink {
    /// White ones, as NumPy has it of a black and white picture.
    #[default]
    White,
    /// Black ones.
    Black,
}

/// What pixels that are not opaque lie on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Background {
    /// White, or black for a picture of which nothing could be seen on white.
    #[default]
    Contrast,
    /// White.
    White,
    /// Black.
    Black,
}

/// How a picture is made bilevel.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ReadOptions {
    /// From which brightness on a pixel is white, in the picture's own values: 0 to 255 for samples of at most 8 bits, 0 to 65,535
    /// for those of 16. The brightness of a colour is its luma by Rec. 601, as the grey of Pillow and OpenCV. Without a threshold
    /// only pictures of two colours are read, and the lighter is white.
    pub threshold: Option<f64>,
    /// Which pixels become the bit 1.
    pub ink: Ink,
    /// What pixels that are not opaque lie on.
    pub background: Background,
    /// The most bytes that the file, and the samples that are decoded from it, may take each.
    pub picture_bytes: u64,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self { threshold: None, ink: Ink::White, background: Background::Contrast, picture_bytes: 1 << 30 }
    }
}

impl ReadOptions {
    /// White from this brightness on.
    #[must_use]
    pub fn with_threshold(mut self, threshold: impl Into<f64>) -> Self {
        self.threshold = Some(threshold.into());
        self
    }

    /// Pixels of this ink become the bit 1.
    #[must_use]
    pub fn with_ink(mut self, ink: Ink) -> Self {
        self.ink = ink;
        self
    }

    /// Pixels that are not opaque lie on this.
    #[must_use]
    pub fn with_background(mut self, background: Background) -> Self {
        self.background = background;
        self
    }

    /// At most so many bytes for the file, and as many for its samples.
    #[must_use]
    pub fn with_picture_bytes(mut self, bytes: u64) -> Self {
        self.picture_bytes = bytes;
        self
    }
}

/// A picture that was read, and what had to be decided to make it bilevel.
#[derive(Debug)]
#[non_exhaustive]
pub struct Picture {
    /// The image (height, width).
    pub bitmap: Bitmap,
    /// Its colours, if there was no threshold and they are two others than black and white.
    pub colours: Option<TwoColours>,
    /// What its pixels lie on, if not all of them are opaque: white or black.
    pub background: Option<Background>,
}

impl Picture {
    /// Reads a picture: PNG, PBM and its relatives (PGM, PPM, PAM), TIFF, BMP, GIF, JPEG or WebP.
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
    /// If it cannot be decoded, asks for more memory than it may, holds several pictures, or has more than two colours and
    /// there is no threshold. A picture of one colour has to be black or white.
    pub fn read(path: impl AsRef<Path>, options: &ReadOptions) -> Result<Self, PictureError> {
        let path = path.as_ref();
        let failed = |fault| match fault {
            Fault::Message(message) => PictureError::Decode { path: path.to_owned(), message },
            Fault::Several(count) => PictureError::Several { path: path.to_owned(), count },
        };
        let bytes = bytes(path, options.picture_bytes).map_err(failed)?;
        let pixels = decode(&bytes, options.picture_bytes).map_err(failed)?;
        drop(bytes);
        let made = bits(&pixels, options).map_err(|error| match error {
            Unmade::Fault(fault) => failed(fault),
            Unmade::Grey(grey) => PictureError::Grey {
                path: path.to_owned(),
                pixel: grey.pixel,
                found: grey.found,
                threshold: grey.threshold,
            },
        })?;
        Ok(Self { bitmap: made.bitmap, colours: made.colours, background: made.ground })
    }
}

/// Reads a picture, as [`Picture::read`], and gives its image (height, width) alone.
///
/// # Errors
///
/// As those of [`Picture::read`].
pub fn read(path: impl AsRef<Path>, options: &ReadOptions) -> Result<Bitmap, PictureError> {
    Ok(Picture::read(path, options)?.bitmap)
}

/// The bytes of a file that is not too large.
fn bytes(path: &Path, limit: u64) -> Result<Vec<u8>, Fault> {
    let mut file = File::open(path)?;
    let size = check_size(file.metadata()?.len().into(), limit)?;
    let mut bytes = Vec::new();
    make_room(&mut bytes, size + 1)?;
    // A file that grows meanwhile is no larger for it.
    file.by_ref().take(size as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use image::{DynamicImage, GrayImage, Luma, LumaA};

    use super::*;

    #[test]
    fn is_a_picture_of_every_kind_read_as_saved() {
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
        let shade = |column, row| if row == 1 && column > 1 { 100 } else { 200 * (row ^ 1) };
        GrayImage::from_fn(4, 2, |column, row| Luma([u8::try_from(shade(column, row)).unwrap()]))
            .save(&path)
            .unwrap();
        let error = read(&path, &ReadOptions::default()).unwrap_err();
        let is_told =
            matches!(error, PictureError::Grey { pixel: [1, 2], found: 100.0, threshold: 100.0, .. });
        assert!(is_told, "{error}");
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
    fn lies_what_is_transparent_on_the_ground_that_was_chosen() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        // Ink of this brightness in the left half, nothing in the right.
        for (ink, background, ground, count) in [
            (0, Background::Contrast, Background::White, 4),
            (255, Background::Contrast, Background::Black, 4),
            (255, Background::White, Background::White, 8),
            (0, Background::Black, Background::Black, 0),
        ] {
            image::GrayAlphaImage::from_fn(4, 2, |column, _| LumaA([ink, if column < 2 { 255 } else { 0 }]))
                .save(&path)
                .unwrap();
            let picture = Picture::read(&path, &ReadOptions::default().with_background(background)).unwrap();
            assert_eq!((picture.background, picture.bitmap.view().count_ones()), (Some(ground), count));
        }
        image::GrayAlphaImage::from_pixel(2, 2, LumaA([0, 0])).save(&path).unwrap();
        assert_eq!(
            read(&path, &ReadOptions::default()).unwrap().view().count_ones(),
            4,
            "nothing lies on white"
        );
    }

    #[test]
    fn asks_no_picture_for_more_memory_than_it_may_have() {
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
