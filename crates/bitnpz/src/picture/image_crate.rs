//! Decoding with the decoders of the `image` crate.

use bitnpz_npy::with_room;
use image::{ColorType, ImageDecoder};

use super::fault::{Fault, check_size};
use super::raster::{PixelLayout, Raster};

/// Returns limits for the `image` crate that allow this many bytes and any width and height.
pub(super) fn limits(limit: u64) -> image::Limits {
    let mut limits = image::Limits::no_limits();
    limits.max_alloc = Some(limit);
    limits
}

/// Decodes a picture with a decoder of the `image` crate, using at most about `limit` bytes.
pub(super) fn decode_with(mut decoder: impl ImageDecoder, limit: u64) -> Result<Raster, Fault> {
    let (width, height) = decoder.dimensions();
    let (width, height) = (width as usize, height as usize);
    let colour = decoder.color_type();
    let pixel_bytes = u128::from(colour.bytes_per_pixel());
    let size = check_size(width as u128 * height as u128 * pixel_bytes, limit)?;
    decoder.set_limits(limits(limit))?;
    let mut bytes = with_room(size)?;
    bytes.resize(size, 0);
    decoder.read_image(&mut bytes)?;
    let eight = |layout, bytes| Ok(Raster::from_u8(width, height, layout, bytes));
    let sixteen = |layout, bytes: Vec<u8>| {
        let mut words = with_room(bytes.len() / 2)?;
        words.extend(bytes.chunks_exact(2).map(|word| u16::from_ne_bytes([word[0], word[1]])));
        Ok(Raster::from_u16(width, height, layout, words))
    };
    match colour {
        ColorType::L8 => eight(PixelLayout::Grey, bytes),
        ColorType::La8 => eight(PixelLayout::GreyAlpha, bytes),
        ColorType::Rgb8 => eight(PixelLayout::Rgb, bytes),
        ColorType::Rgba8 => eight(PixelLayout::RgbAlpha, bytes),
        ColorType::L16 => sixteen(PixelLayout::Grey, bytes),
        ColorType::La16 => sixteen(PixelLayout::GreyAlpha, bytes),
        ColorType::Rgb16 => sixteen(PixelLayout::Rgb, bytes),
        ColorType::Rgba16 => sixteen(PixelLayout::RgbAlpha, bytes),
        other => Err(Fault::unsupported(format!("the colour type {other:?}"))),
    }
}
