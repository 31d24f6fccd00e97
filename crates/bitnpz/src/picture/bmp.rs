//! Decoding BMP files.

use std::io::Cursor;
use std::ops::Range;

use bitnpz_npy::with_room;
use image::codecs::bmp::BmpDecoder;

use super::fault::{Fault, check_size};
use super::image_crate::decode_with;
use super::raster::{PixelLayout, Raster, Samples};

/// The longest side that the decoder of the `image` crate accepts.
const MAX_DECODER_SIDE: usize = 0xFFFF;
/// The side of the parts in which longer pictures are decoded: a power of two below the decoder's limit, so that a part starts
/// at a whole byte and its rows are whole words of 32 bits at any number of bits per pixel.
const PART_SIDE: usize = 1 << 15;

pub(super) fn decode(bytes: &[u8], limit: u64) -> Result<Raster, Fault> {
    let header = BmpHeader::read(bytes).ok_or("the header of the BMP file is truncated")?;
    if header.width == 0 || header.height == 0 {
        return Err("the BMP file has no pixels".into());
    }
    check_size(header.width as u128 * header.height as u128 * 4, limit)?;
    check_palette(bytes, &header)?;
    if header.width > MAX_DECODER_SIDE || header.height > MAX_DECODER_SIDE {
        return decode_parts(bytes, &header, limit);
    }
    decode_part(bytes, limit)
}

fn decode_part(bytes: &[u8], limit: u64) -> Result<Raster, Fault> {
    decode_with(BmpDecoder::new(Cursor::new(bytes))?, limit)
}

/// Checks that the palette has the colour of every pixel, because decoders take a missing colour for black. Run-length encoded
/// pixels are not checked.
fn check_palette(bytes: &[u8], header: &BmpHeader) -> Result<(), Fault> {
    let bits = usize::from(header.bits);
    if !(1..=8).contains(&bits) || header.is_run_length || header.colours >= 1 << bits {
        return Ok(());
    }
    let row_bytes = row_bytes(header.width, bits);
    for row in 0..header.height {
        let start = header.pixels + row * row_bytes;
        let row = bytes.get(start..start + row_bytes).ok_or("the pixels of the BMP file are truncated")?;
        for column in 0..header.width {
            let place = column * bits;
            let index = u32::from(row[place / 8] << (place % 8) >> (8 - bits));
            if index >= header.colours {
                let found = header.colours;
                return Err(Fault::Message(format!(
                    "expected a palette with colour {index}, found {found} colours"
                )));
            }
        }
    }
    Ok(())
}

/// Returns the length in bytes of a row of pixels, which is padded to 32 bits.
fn row_bytes(pixels: usize, bits: usize) -> usize {
    (pixels * bits).div_ceil(32) * 4
}

/// Decodes a picture with a long side in parts, each made a file of its own.
fn decode_parts(bytes: &[u8], header: &BmpHeader, limit: u64) -> Result<Raster, Fault> {
    if header.is_run_length {
        return Err(Fault::unsupported("a run-length encoded BMP file with a side over 65,535 pixels"));
    }
    let (width, height) = (header.width, header.height);
    let mut whole: Option<(PixelLayout, Vec<u8>)> = None;
    for bottom in (0..height).step_by(PART_SIDE) {
        for left in (0..width).step_by(PART_SIDE) {
            let rows = bottom..height.min(bottom + PART_SIDE);
            let file = part_as_file(bytes, header, left..width.min(left + PART_SIDE), rows.clone())?;
            let pixels = decode_part(&file, limit)?;
            let Samples::U8(samples) = &pixels.samples else {
                return Err("expected samples of 8 bits".into());
            };
            let channels = pixels.layout.channels();
            if whole.is_none() {
                let mut room = with_room(width * height * channels)?;
                room.resize(width * height * channels, 0);
                whole = Some((pixels.layout, room));
            }
            let Some((layout, whole)) = whole.as_mut().filter(|whole| whole.0 == pixels.layout) else {
                return Err("expected parts with one layout of pixels, found several".into());
            };
            let top = if header.is_top_down { rows.start } else { height - rows.end };
            for (row, samples) in samples.chunks_exact(pixels.width * layout.channels()).enumerate() {
                let start = ((top + row) * width + left) * channels;
                whole[start..start + samples.len()].copy_from_slice(samples);
            }
        }
    }
    let (layout, samples) = whole.ok_or("the BMP file has no pixels")?;
    Ok(Raster::from_u8(width, height, layout, samples))
}

/// Returns a BMP file of these columns and rows; rows are counted in the order of the file.
fn part_as_file(
    bytes: &[u8],
    header: &BmpHeader,
    columns: Range<usize>,
    rows: Range<usize>,
) -> Result<Vec<u8>, Fault> {
    let truncated = || Fault::from("the pixels of the BMP file are truncated");
    let bits = usize::from(header.bits);
    let (whole_row, part_row) = (row_bytes(header.width, bits), row_bytes(columns.len(), bits));
    let head = bytes.get(..header.pixels).ok_or_else(truncated)?;
    let mut file = with_room(head.len() + part_row * rows.len())?;
    file.extend_from_slice(head);
    let sides = [(18, columns.len()), (22, rows.len())];
    for (place, side) in sides {
        let side = i32::try_from(side).map_err(|_| truncated())?;
        let side = if place == 22 && header.is_top_down { -side } else { side };
        file.get_mut(place..place + 4).ok_or_else(truncated)?.copy_from_slice(&side.to_le_bytes());
    }
    for row in rows {
        let start = header.pixels + row * whole_row + columns.start * bits / 8;
        let row = bytes.get(start..start + part_row.min(whole_row)).ok_or_else(truncated)?;
        file.extend_from_slice(row);
    }
    Ok(file)
}

/// The fields of a BMP header.
struct BmpHeader {
    /// The offset of the pixels in the file.
    pixels: usize,
    width: usize,
    height: usize,
    /// `true` if the first row of the file is the top row of the picture.
    is_top_down: bool,
    /// The bits per pixel.
    bits: u16,
    is_run_length: bool,
    /// The number of colours in the palette.
    colours: u32,
}

impl BmpHeader {
    fn read(bytes: &[u8]) -> Option<Self> {
        let short = |at: usize| Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?));
        let long = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
        let full = |bits: u16| 1_u32.checked_shl(bits.into()).unwrap_or(u32::MAX);
        let (pixels, size) = (usize::try_from(long(10)?).ok()?, long(14)?);
        if size == 12 {
            let (width, height, bits) = (short(18)?.into(), short(20)?.into(), short(24)?);
            let colours = full(bits);
            return Some(Self {
                pixels,
                width,
                height,
                is_top_down: false,
                bits,
                is_run_length: false,
                colours,
            });
        }
        let bits = short(28)?;
        let colours = if size >= 40 { Some(long(46)?).filter(|&colours| colours > 0) } else { None };
        let height = long(22)?.cast_signed();
        Some(Self {
            pixels,
            width: usize::try_from(long(18)?).ok()?,
            height: usize::try_from(height.unsigned_abs()).ok()?,
            is_top_down: height < 0,
            bits,
            is_run_length: matches!(long(30)?, 1 | 2),
            colours: colours.unwrap_or_else(|| full(bits)),
        })
    }
}
