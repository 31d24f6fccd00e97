//! Contact sheets: many images side by side in one picture.

use std::io::{Cursor, Write};
use std::path::Path;

use bitnpz_bitmap::{Bitmap, BitmapView};
use bitnpz_npy::with_room;
use image::{GrayImage, ImageFormat};

use super::error::PictureError;
use crate::interrupt;
use crate::read::Images;

/// The maximum width of a sheet in pixels, unless one cell is wider: what most screens show without scrolling.
const MAX_SHEET_WIDTH: usize = 1200;
/// Smaller images are enlarged to at most this many pixels, and images over twice as long are reduced: about a thumbnail.
const CELL_SIDE: usize = 96;
/// The pixels between cells and around them: room for a frame of one pixel around each cell.
const CELL_GAP: usize = 6;

// Shades of grey. Paper and frame differ from both shades of the images, so that the edges of an image can be seen.
const PAPER: u8 = 250;
const FRAME: u8 = 205;
const BLACK: u8 = 20;
const WHITE: u8 = 255;

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
    /// The file name extensions of the formats.
    pub const ENDINGS: [&str; 4] = ["png", "bmp", "pgm", "pbm"];

    /// Returns the format that a file name's extension stands for, or `None` if there is no such format.
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

/// Writes a picture that shows images of these sizes side by side, with their bits of 1 as ink.
///
/// Small images are enlarged by a whole factor and large ones reduced. `image` returns the image at an index and is called once
/// for each, in order, so that only one image is in memory at a time.
///
/// # Errors
///
/// If writing fails or `image` returns an error.
pub fn sheet<E: From<PictureError>>(
    file: impl Write,
    format: SheetFormat,
    sizes: &[[usize; 2]],
    mut image: impl FnMut(usize) -> Result<Bitmap, E>,
) -> Result<(), E> {
    let largest = sizes.iter().flatten().copied().max().unwrap_or(1).max(1);
    let (enlarge, reduce) = (CELL_SIDE.div_euclid(largest).max(1), largest.div_ceil(2 * CELL_SIDE).max(1));
    let cell = |length: usize| (length * enlarge).div_ceil(reduce).max(1);
    let cell_height = sizes.iter().map(|size| cell(size[0])).max().unwrap_or(CELL_SIDE);
    let cell_width = sizes.iter().map(|size| cell(size[1])).max().unwrap_or(CELL_SIDE);

    let fitting = ((MAX_SHEET_WIDTH - CELL_GAP) / (cell_width + CELL_GAP)).max(1);
    // Few images fill a sheet of about 16 by 10 instead of one long row.
    let page = (sizes.len() as f64 * 1.6 * cell_height as f64 / cell_width as f64).sqrt().ceil();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small positive number")]
    let columns = fitting.min((page as usize).max(1));
    let lines = sizes.len().div_ceil(columns).max(1);
    let width = CELL_GAP + columns * (cell_width + CELL_GAP);
    let height = CELL_GAP + lines * (cell_height + CELL_GAP);
    let mut pixels = paper(width, height)?;
    for number in 0..sizes.len() {
        let bitmap = image(number)?;
        let image = bitmap.view();
        let left = CELL_GAP + number % columns * (cell_width + CELL_GAP);
        let top = CELL_GAP + number / columns * (cell_height + CELL_GAP);
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
        SheetFormat::Png => write_png(file, width, height, &pixels),
        SheetFormat::Pgm => write_pgm(file, width, height, &pixels),
        SheetFormat::Pbm => write_pbm(file, width, height, &pixels),
        SheetFormat::Bmp => write_with_image_crate(file, ImageFormat::Bmp, width, height, pixels),
    }?)
}

/// Returns the pixels of an empty sheet.
fn paper(width: usize, height: usize) -> Result<Vec<u8>, PictureError> {
    let failed = |message: String| PictureError::Encode { message };
    let len = width.checked_mul(height).ok_or_else(|| failed("the sheet is too large".to_owned()))?;
    let mut pixels = with_room(len).map_err(|error| failed(format!("the sheet is too large: {error}")))?;
    pixels.resize(len, PAPER);
    Ok(pixels)
}

impl Images {
    /// Returns a contact sheet of these images as a PNG file.
    ///
    /// # Errors
    ///
    /// If an index is out of range or an image is damaged.
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

/// Returns the shade of a pixel of a cell: of one pixel of the image, or the mean of several.
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
    let range = usize::from(WHITE - BLACK);
    WHITE - u8::try_from(range * ink / seen).unwrap_or(0)
}

/// Writes a binary PGM file of one byte per pixel.
fn write_pgm(mut file: impl Write, width: usize, height: usize, pixels: &[u8]) -> Result<(), PictureError> {
    let written = write!(file, "P5\n{width} {height}\n255\n").and_then(|()| file.write_all(pixels));
    written.map_err(|error| PictureError::Encode { message: error.to_string() })
}

/// Writes a binary PBM file of one bit per pixel: pixels darker than middle grey are black.
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

/// Writes a file in a format of the `image` crate.
fn write_with_image_crate(
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

/// Writes a PNG file of one byte per pixel.
fn write_png(file: impl Write, width: usize, height: usize, pixels: &[u8]) -> Result<(), PictureError> {
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
    fn makes_sheets_of_any_sizes() {
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
