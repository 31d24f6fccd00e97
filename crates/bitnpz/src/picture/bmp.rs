//! BMP.

use std::io::Cursor;

use bitnpz_npy::with_room;
use image::ImageDecoder;
use image::codecs::bmp::BmpDecoder;
use zune_bmp::zune_core::bytestream::ZCursor;
use zune_bmp::zune_core::colorspace::ColorSpace;
use zune_bmp::zune_core::options::DecoderOptions;

use super::decode::samples;
use super::fault::{Fault, check_size};
use super::pixels::{Layout, Pixels, Samples};

/// The longest side that the decoder of the image crate takes.
const SIDE: u32 = 0xFFFF;

pub(super) fn decode(bytes: &[u8], limit: u64) -> Result<Pixels, Fault> {
    let header = Header::read(bytes).ok_or("the header of this BMP file is cut off")?;
    if header.width > SIDE || header.height > SIDE {
        return decode_long(bytes, &header, limit);
    }
    let mut decoder = BmpDecoder::new(Cursor::new(bytes))?;
    let Some(palette) = decoder.get_palette().map(<[_]>::to_vec) else { return samples(decoder, limit) };
    let (width, height) = decoder.dimensions();
    check_size(u128::from(width) * u128::from(height) * 4, limit)?;
    decoder.set_indexed_color(true);
    let pixels = samples(decoder, limit)?;
    let Samples::U8(indices) = &pixels.samples else { return Err("expected a palette of 8 bits".into()) };
    let mut colours = with_room(indices.len() * 3)?;
    for &index in indices {
        if u32::from(index) >= header.colours {
            return Err(outside(index.into(), &header));
        }
        colours.extend_from_slice(palette.get(usize::from(index)).unwrap_or(&[0; 3]));
    }
    Ok(Pixels::of_u8(pixels.width, pixels.height, Layout::Rgb, colours))
}

fn outside(index: u32, header: &Header) -> Fault {
    Fault::Message(format!("found a pixel of colour {index}, and the palette has {} colours", header.colours))
}

/// Decodes a picture with a side over 65,535.
fn decode_long(bytes: &[u8], header: &Header, limit: u64) -> Result<Pixels, Fault> {
    let (width, height) = (header.width as usize, header.height as usize);
    check_size(u128::from(header.width) * u128::from(header.height) * 4, limit)?;
    if header.bits <= 8 && header.colours < 1 << header.bits {
        return Err(outside(header.colours, header));
    }
    let options = DecoderOptions::default().set_max_width(width).set_max_height(height);
    let mut decoder = zune_bmp::BmpDecoder::new_with_options(ZCursor::new(bytes), options);
    let failed = |error: zune_bmp::BmpDecoderErrors| Fault::Message(format!("{error:?}"));
    decoder.decode_headers().map_err(failed)?;
    let layout = match decoder.colorspace() {
        Some(ColorSpace::Luma) => Layout::Grey,
        Some(ColorSpace::RGB) => Layout::Rgb,
        Some(ColorSpace::RGBA) => Layout::RgbAlpha,
        other => return Err(Fault::unread(format!("the colour space {other:?}"))),
    };
    let samples = decoder.decode().map_err(failed)?;
    if samples.len() != width * height * layout.channels() {
        return Err("the pixels are not as many as the header says".into());
    }
    Ok(Pixels::of_u8(width, height, layout, samples))
}

/// What the header of a file says.
struct Header {
    width: u32,
    height: u32,
    /// Bits of a pixel.
    bits: u16,
    /// Colours of the palette.
    colours: u32,
}

impl Header {
    fn read(bytes: &[u8]) -> Option<Self> {
        let short = |at: usize| Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?));
        let long = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
        let full = |bits: u16| 1_u32.checked_shl(bits.into()).unwrap_or(u32::MAX);
        let size = long(14)?;
        if size == 12 {
            let bits = short(24)?;
            return Some(Self { width: short(18)?.into(), height: short(20)?.into(), bits, colours: full(bits) });
        }
        let bits = short(28)?;
        let colours = if size >= 40 { Some(long(46)?).filter(|&colours| colours > 0) } else { None };
        // A negative height says that the rows begin at the top.
        let height = i32::from_le_bytes(bytes.get(22..26)?.try_into().ok()?).unsigned_abs();
        Some(Self { width: long(18)?, height, bits, colours: colours.unwrap_or_else(|| full(bits)) })
    }
}
