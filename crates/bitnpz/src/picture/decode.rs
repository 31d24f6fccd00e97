//! The one door to all decoders.

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use bitnpz_npy::with_room;
use image::codecs::gif::GifDecoder;
use image::codecs::jpeg::JpegDecoder;
use image::codecs::png::PngDecoder;
use image::codecs::webp::WebPDecoder;
use image::{ColorType, ImageDecoder, ImageFormat};

use super::fault::{Fault, check_size};
use super::pixels::{Layout, Pixels};
use super::{bmp, pnm, tiff};

/// Decodes the one picture that a file has, in at most about `limit` bytes.
///
/// A decoder that panics has met bytes that it does not understand: that is an error like any other.
pub(super) fn decode(bytes: &[u8], limit: u64) -> Result<Pixels, Fault> {
    let decoded = catch_unwind(AssertUnwindSafe(|| decode_kind(bytes, limit)));
    decoded.unwrap_or_else(|_| {
        Err(Fault::from("the decoder of this kind of picture gave up on it: it is damaged"))
    })
}

fn decode_kind(bytes: &[u8], limit: u64) -> Result<Pixels, Fault> {
    if tiff::is_tiff(bytes) {
        return tiff::decode(bytes, limit);
    }
    match image::guess_format(bytes) {
        Ok(ImageFormat::Png) => png(bytes, limit),
        Ok(ImageFormat::Gif) => gif(bytes, limit),
        Ok(ImageFormat::WebP) => webp(bytes, limit),
        Ok(ImageFormat::Jpeg) => samples(JpegDecoder::new(Cursor::new(bytes))?, limit),
        Ok(ImageFormat::Bmp) => bmp::decode(bytes, limit),
        Ok(ImageFormat::Pnm) => pnm::decode(bytes, limit),
        _ => Err(
            "expected a picture (PNG, PBM, PGM, PPM, PAM, TIFF, BMP, GIF, JPEG, WebP), found something else"
                .into(),
        ),
    }
}

fn png(bytes: &[u8], limit: u64) -> Result<Pixels, Fault> {
    let limits = png::Limits { bytes: usize::try_from(limit).unwrap_or(usize::MAX) };
    let header = png::Decoder::new_with_limits(Cursor::new(bytes), limits).read_info();
    let header = header.map_err(|error| Fault::Message(error.to_string()))?;
    let frames = header.info().animation_control().map_or(1, |animation| animation.num_frames as usize);
    if frames > 1 {
        return Err(Fault::Several(frames));
    }
    samples(PngDecoder::with_limits(Cursor::new(bytes), image_limits(limit))?, limit)
}

fn gif(bytes: &[u8], limit: u64) -> Result<Pixels, Fault> {
    let mut options = ::gif::DecodeOptions::new();
    options.skip_frame_decoding(true);
    let mut frames = options.read_info(bytes).map_err(|error| Fault::Message(error.to_string()))?;
    let mut count = 0;
    // What follows the first frame is damaged or not there: no picture.
    while let Ok(Some(_)) = frames.next_frame_info() {
        count += 1;
    }
    if count > 1 {
        return Err(Fault::Several(count));
    }
    samples(GifDecoder::new(Cursor::new(bytes))?, limit)
}

fn webp(bytes: &[u8], limit: u64) -> Result<Pixels, Fault> {
    let decoder = WebPDecoder::new(Cursor::new(bytes))?;
    if decoder.has_animation() {
        return Err(Fault::Several(2));
    }
    samples(decoder, limit)
}

/// What a decoder of the image crate may have.
fn image_limits(limit: u64) -> image::Limits {
    let mut limits = image::Limits::no_limits();
    limits.max_alloc = Some(limit);
    limits
}

/// Decodes with a decoder of the image crate.
pub(super) fn samples(mut decoder: impl ImageDecoder, limit: u64) -> Result<Pixels, Fault> {
    let (width, height) = decoder.dimensions();
    let (width, height) = (width as usize, height as usize);
    let colour = decoder.color_type();
    let pixel_bytes = u128::from(colour.bytes_per_pixel());
    let size = check_size(width as u128 * height as u128 * pixel_bytes, limit)?;
    decoder.set_limits(image_limits(limit))?;
    let mut bytes = with_room(size)?;
    bytes.resize(size, 0);
    decoder.read_image(&mut bytes)?;
    let eight = |layout, bytes| Ok(Pixels::of_u8(width, height, layout, bytes));
    let sixteen = |layout, bytes: Vec<u8>| {
        let mut words = with_room(bytes.len() / 2)?;
        words.extend(bytes.chunks_exact(2).map(|word| u16::from_ne_bytes([word[0], word[1]])));
        Ok(Pixels::of_u16(width, height, layout, words))
    };
    match colour {
        ColorType::L8 => eight(Layout::Grey, bytes),
        ColorType::La8 => eight(Layout::GreyAlpha, bytes),
        ColorType::Rgb8 => eight(Layout::Rgb, bytes),
        ColorType::Rgba8 => eight(Layout::RgbAlpha, bytes),
        ColorType::L16 => sixteen(Layout::Grey, bytes),
        ColorType::La16 => sixteen(Layout::GreyAlpha, bytes),
        ColorType::Rgb16 => sixteen(Layout::Rgb, bytes),
        ColorType::Rgba16 => sixteen(Layout::RgbAlpha, bytes),
        other => Err(Fault::unread(format!("the colour type {other:?}"))),
    }
}
