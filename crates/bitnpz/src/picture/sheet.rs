//! Contact sheets.

use std::io::{Cursor, Write};
use std::path::Path;

use bitnpz_bitmap::{Bitmap, BitmapView};
use image::{GrayImage, ImageFormat};

use super::PictureError;
use crate::interrupt;
use crate::read::Images;

/// About how wide a sheet is, in pixels.
const WIDTH: usize = 1200;
/// Cells are enlarged to about this many pixels, and larger ones reduced to it.
const CELL: usize = 96;
/// Pixels between cells, and around them.
const GAP: usize = 6;

const PAPER: u8 = 250;
const FRAME: u8 = 205;
const INK: u8 = 20;
const BLANK: u8 = 255;

/// The format of a contact sheet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SheetFormat {
    /// PNG.
    #[default]
    Png,
    /// BMP.
    Bmp,
    /// PGM, binary.
    Pgm,
    /// PBM, binary: black and white only.
    Pbm,
}

impl SheetFormat {
    /// The endings of files that sheets can be written to.
    pub const ENDINGS: [&str; 4] = ["png", "bmp", "pgm", "pbm"];

    /// The format of a file of this name, by its ending; `None` if sheets cannot be written in it.
    #[must_use]
    pub fn of(path: &Path) -> Option<Self> {
        Some(match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "png" => Self::Png,
            "bmp" => Self::Bmp,
            "pgm" => Self::Pgm,
            "pbm" => Self::Pbm,
            _ => return None,
        })
    }
}

/// Writes a picture that shows images of these sizes side by side, their bits of 1 as ink. Small images are enlarged by a whole
/// factor and large ones reduced, so that a look tells what they are. `image` gives one after the other, so that only one is in
/// memory.
///
/// # Errors
///
/// If writing fails, or `image` does.
pub fn sheet<E: From<PictureError>>(
    file: impl Write,
    format: SheetFormat,
    sizes: &[[usize; 2]],
    mut image: impl FnMut(usize) -> Result<Bitmap, E>,
) -> Result<(), E> {
    let largest = sizes.iter().flatten().copied().max().unwrap_or(1).max(1);
    let (enlarge, reduce) = (CELL.div_euclid(largest).max(1), largest.div_ceil(2 * CELL).max(1));
    let cell = |length: usize| (length * enlarge).div_ceil(reduce).max(1);
    let cell_height = sizes.iter().map(|size| cell(size[0])).max().unwrap_or(CELL);
    let cell_width = sizes.iter().map(|size| cell(size[1])).max().unwrap_or(CELL);

    let fitting = ((WIDTH - GAP) / (cell_width + GAP)).max(1);
    // Few images stand in about as many columns as fill a page of 16 by 10.
    let page = (sizes.len() as f64 * 1.6 * cell_height as f64 / cell_width as f64).sqrt().ceil();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small positive number")]
    let columns = fitting.min((page as usize).max(1));
    let lines = sizes.len().div_ceil(columns).max(1);
    let width = GAP + columns * (cell_width + GAP);
    let height = GAP + lines * (cell_height + GAP);
    let mut pixels = vec![PAPER; width * height];
    for number in 0..sizes.len() {
        let bitmap = image(number)?;
        let image = bitmap.view();
        let left = GAP + number % columns * (cell_width + GAP);
        let top = GAP + number / columns * (cell_height + GAP);
        for row in top - 1..=top + cell_height {
            pixels[row * width + left - 1..][..cell_width + 2].fill(FRAME);
        }
        for row in 0..cell_height {
            let line = &mut pixels[(top + row) * width + left..][..cell_width];
            for (column, pixel) in line.iter_mut().enumerate() {
                *pixel = shade(&image, row, column, enlarge, reduce);
            }
        }
    }
    Ok(match format {
        SheetFormat::Png => write_grey(file, width, height, &pixels),
        SheetFormat::Pgm => write_pgm(file, width, height, &pixels),
        SheetFormat::Pbm => write_pbm(file, width, height, &pixels),
        SheetFormat::Bmp => write_with(file, ImageFormat::Bmp, width, height, pixels),
    }?)
}

impl Images {
    /// The PNG file of a contact sheet of these images.
    ///
    /// # Errors
    ///
    /// If there is no image with one of these numbers, or one is damaged.
    pub fn sheet(&self, indices: &[usize]) -> crate::Result<Vec<u8>> {
        let sizes = indices.iter().map(|&index| self.size_of(index)).collect::<crate::Result<Vec<_>>>()?;
        let mut png = Vec::new();
        sheet(&mut png, SheetFormat::Png, &sizes, |number| {
            interrupt::check()?;
            self.bitmap(indices[number])
        })?;
        Ok(png)
    }
}

/// How dark a pixel of a cell is: that of one pixel of the image, or the mean of several.
fn shade(image: &BitmapView<'_>, row: usize, column: usize, enlarge: usize, reduce: usize) -> u8 {
    let (top, left) = (row / enlarge * reduce, column / enlarge * reduce);
    let inside = |start: usize, side: usize| start..side.min(start + reduce);
    let (rows, columns) = (inside(top, image.height()), inside(left, image.width()));
    let seen = rows.len() * columns.len();
    if seen == 0 {
        return PAPER;
    }
    let in_row = |row| columns.clone().filter(|&column| image.get(row, column) == Some(true)).count();
    let ink: usize = rows.map(in_row).sum();
    let range = usize::from(BLANK - INK);
    BLANK - u8::try_from(range * ink / seen).unwrap_or(0)
}

/// Writes a binary PGM file of one byte per pixel.
fn write_pgm(mut file: impl Write, width: usize, height: usize, pixels: &[u8]) -> Result<(), PictureError> {
    let written = write!(file, "P5\n{width} {height}\n255\n").and_then(|()| file.write_all(pixels));
    written.map_err(|error| PictureError::Encode { message: error.to_string() })
}

/// Writes a binary PBM file of one bit per pixel: what is darker than half is black.
fn write_pbm(mut file: impl Write, width: usize, height: usize, pixels: &[u8]) -> Result<(), PictureError> {
    let packed: Vec<u8> = pixels
        .chunks(width.max(1))
        .flat_map(|row| row.chunks(8))
        .map(|pixels| {
            pixels.iter().enumerate().fold(0, |byte, (i, &pixel)| byte | u8::from(pixel < 128) << (7 - i))
        })
        .collect();
    let written = write!(file, "P4\n{width} {height}\n").and_then(|()| file.write_all(&packed));
    written.map_err(|error| PictureError::Encode { message: error.to_string() })
}

/// Writes a file in a format of the crate `image`.
fn write_with(
    mut file: impl Write,
    format: ImageFormat,
    width: usize,
    height: usize,
    pixels: Vec<u8>,
) -> Result<(), PictureError> {
    let failed = |message: String| PictureError::Encode { message };
    let [width, height] = [width, height].map(|length| u32::try_from(length).unwrap_or(u32::MAX));
    let picture = GrayImage::from_raw(width, height, pixels);
    let picture = picture.ok_or_else(|| failed("the sheet is too large".to_owned()))?;
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).map_err(|error| failed(error.to_string()))?;
    file.write_all(bytes.get_ref()).map_err(|error| failed(error.to_string()))
}

fn write_grey(file: impl Write, width: usize, height: usize, pixels: &[u8]) -> Result<(), PictureError> {
    let failed = |error: png::EncodingError| PictureError::Encode { message: error.to_string() };
    let [width, height] = [width, height].map(|length| u32::try_from(length).unwrap_or(u32::MAX));
    let mut encoder = png::Encoder::new(file, width, height);
    encoder.set_color(png::ColorType::Grayscale);
    let mut writer = encoder.write_header().map_err(failed)?;
    writer.write_image_data(pixels).map_err(failed)?;
    writer.finish().map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn can_a_sheet_be_made_of_any_images() {
        let sizes = [[28, 28], [1, 1], [0, 5], [400, 300], [5, 900], [1 << 60, 0], [0, 1 << 60]];
        for count in 0..=sizes.len() {
            let sizes = &sizes[..count];
            let image = |number: usize| Ok(Bitmap::zeros(sizes[number][0], sizes[number][1]).unwrap());
            let formats = SheetFormat::ENDINGS
                .map(|ending| SheetFormat::of(Path::new(&format!("a.{ending}"))).unwrap());
            let pictures = formats.map(|format| {
                let mut file = Vec::new();
                sheet::<PictureError>(&mut file, format, sizes, image).unwrap();
                image::load_from_memory(&file).unwrap().to_luma8()
            });
            assert!(pictures[0].width() > 0 && pictures[0].height() > 0);
            for (picture, format) in pictures.iter().zip(formats) {
                assert_eq!(picture.dimensions(), pictures[0].dimensions());
                assert!(*picture == pictures[0] || format == SheetFormat::Pbm);
            }
        }
    }
}
