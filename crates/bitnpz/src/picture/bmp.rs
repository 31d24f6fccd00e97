//! BMP.

use std::io::Cursor;
use std::ops::Range;

use bitnpz_npy::with_room;
use image::codecs::bmp::BmpDecoder;

use super::decode::samples;
use super::fault::{Fault, check_size};
use super::pixels::{Layout, Pixels, Samples};

/// The longest side that the decoder takes.
const SIDE: usize = 0xFFFF;
/// The side of the parts in which longer pictures are decoded: whole bytes, and words of 32 bits, for any number of bits.
const PART: usize = 1 << 15;

pub(super) fn decode(bytes: &[u8], limit: u64) -> Result<Pixels, Fault> {
    let header = Header::read(bytes).ok_or("the header of this BMP file is cut off")?;
    check_size(header.width as u128 * header.height as u128 * 4, limit)?;
    check_palette(bytes, &header)?;
    if header.width > SIDE || header.height > SIDE {
        return decode_parts(bytes, &header, limit);
    }
    decode_part(bytes, limit)
}

fn decode_part(bytes: &[u8], limit: u64) -> Result<Pixels, Fault> {
    samples(BmpDecoder::new(Cursor::new(bytes))?, limit)
}

/// Fails if a pixel is of a colour that the palette has not, which decoders take for black. Pixels in runs are taken as they are.
fn check_palette(bytes: &[u8], header: &Header) -> Result<(), Fault> {
    let bits = usize::from(header.bits);
    if !(1..=8).contains(&bits) || header.is_run_length || header.colours >= 1 << bits {
        return Ok(());
    }
    let row_bytes = row_bytes(header.width, bits);
    for row in 0..header.height {
        let start = header.pixels + row * row_bytes;
        let row = bytes.get(start..start + row_bytes).ok_or("the pixels of this BMP file are cut off")?;
        for column in 0..header.width {
            let place = column * bits;
            let index = u32::from(row[place / 8] << (place % 8) >> (8 - bits));
            if index >= header.colours {
                let found = header.colours;
                return Err(Fault::Message(format!(
                    "expected a palette with colour {index}, found {found} in it"
                )));
            }
        }
    }
    Ok(())
}

/// Returns the bytes of a row of so many pixels.
fn row_bytes(pixels: usize, bits: usize) -> usize {
    (pixels * bits).div_ceil(32) * 4
}

/// Decodes a picture with a long side in parts, each as the file of a smaller picture.
fn decode_parts(bytes: &[u8], header: &Header, limit: u64) -> Result<Pixels, Fault> {
    if header.is_run_length {
        return Err(Fault::unread("a BMP file of run lengths with a side over 65,535 pixels"));
    }
    let (width, height) = (header.width, header.height);
    let mut whole: Option<(Layout, Vec<u8>)> = None;
    for bottom in (0..height).step_by(PART) {
        for left in (0..width).step_by(PART) {
            let rows = bottom..height.min(bottom + PART);
            let file = part(bytes, header, left..width.min(left + PART), rows.clone())?;
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
                return Err("expected parts of one kind".into());
            };
            let top = if header.is_top_down { rows.start } else { height - rows.end };
            for (row, samples) in samples.chunks_exact(pixels.width * layout.channels()).enumerate() {
                let start = ((top + row) * width + left) * channels;
                whole[start..start + samples.len()].copy_from_slice(samples);
            }
        }
    }
    let (layout, samples) = whole.ok_or("there are no pixels")?;
    Ok(Pixels::of_u8(width, height, layout, samples))
}

/// The file of these columns, and of these rows as they follow each other in the file.
fn part(bytes: &[u8], header: &Header, columns: Range<usize>, rows: Range<usize>) -> Result<Vec<u8>, Fault> {
    let cut_off = || Fault::from("the pixels of this BMP file are cut off");
    let bits = usize::from(header.bits);
    let (whole_row, part_row) = (row_bytes(header.width, bits), row_bytes(columns.len(), bits));
    let head = bytes.get(..header.pixels).ok_or_else(cut_off)?;
    let mut file = with_room(head.len() + part_row * rows.len())?;
    file.extend_from_slice(head);
    let sides = [(18, columns.len()), (22, rows.len())];
    for (place, side) in sides {
        let side = i32::try_from(side).map_err(|_| cut_off())?;
        let side = if place == 22 && header.is_top_down { -side } else { side };
        file.get_mut(place..place + 4).ok_or_else(cut_off)?.copy_from_slice(&side.to_le_bytes());
    }
    for row in rows {
        let start = header.pixels + row * whole_row + columns.start * bits / 8;
        let row = bytes.get(start..start + part_row.min(whole_row)).ok_or_else(cut_off)?;
        file.extend_from_slice(row);
    }
    Ok(file)
}

/// What the header of a file says.
struct Header {
    /// Where the pixels begin.
    pixels: usize,
    width: usize,
    height: usize,
    /// Whether the first row of the file is the topmost.
    is_top_down: bool,
    /// Bits of a pixel.
    bits: u16,
    is_run_length: bool,
    /// Colours of the palette.
    colours: u32,
}

impl Header {
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
