//! Writing picture files.

use std::io::Write;

use bitnpz_bitmap::BitmapView;

use super::error::PictureError;

/// Writes a PNG file of one bit per pixel.
///
/// # Errors
///
/// If writing fails, or if the image has no pixels, because a PNG file has at least one.
pub fn write_png(file: impl Write, image: BitmapView<'_>) -> Result<(), PictureError> {
    let failed = |error: png::EncodingError| PictureError::Encode { message: error.to_string() };
    let [width, height] =
        [image.width(), image.height()].map(|length| u32::try_from(length).unwrap_or(u32::MAX));
    let mut encoder = png::Encoder::new(file, width, height);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::One);
    let mut writer = encoder.write_header().map_err(failed)?;
    writer.write_image_data(image.as_bytes()).map_err(failed)?;
    writer.finish().map_err(failed)
}

#[cfg(test)]
mod tests {
    use bitnpz_bitmap::Bitmap;

    use super::*;
    use crate::picture::{ReadOptions, read};

    #[test]
    fn round_trips_a_picture() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        let bitmap = Bitmap::from_packed(3, 11, vec![0xA5, 0xC0, 0x3C, 0x20, 0xFF, 0xE0]).unwrap();
        write_png(std::fs::File::create(&path).unwrap(), bitmap.view()).unwrap();
        assert_eq!(read(&path, &ReadOptions::default()).unwrap(), bitmap);
        assert!(write_png(std::io::sink(), Bitmap::zeros(0, 5).unwrap().view()).is_err());
    }
}
