//! Choosing the decoder of a picture file.

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use image::ImageFormat;
use image::codecs::gif::GifDecoder;
use image::codecs::jpeg::JpegDecoder;
use image::codecs::png::PngDecoder;
use image::codecs::webp::WebPDecoder;

use super::fault::Fault;
use super::image_crate::{decode_with, limits};
use super::raster::Raster;
use super::{bmp, pnm, tiff};

/// Decodes the only picture of a file, using at most about `limit` bytes.
///
/// A panic of a decoder is an error like any other: some decoders panic on damaged files.
pub(super) fn decode(bytes: &[u8], limit: u64) -> Result<Raster, Fault> {
    let decoded = catch_unwind(AssertUnwindSafe(|| decode_format(bytes, limit)));
    decoded.unwrap_or_else(|_| Err(Fault::from("the picture is damaged: its decoder panicked")))
}

fn decode_format(bytes: &[u8], limit: u64) -> Result<Raster, Fault> {
    if tiff::is_tiff(bytes) {
        return tiff::decode(bytes, limit);
    }
    match image::guess_format(bytes) {
        Ok(ImageFormat::Png) => png(bytes, limit),
        Ok(ImageFormat::Gif) => gif(bytes, limit),
        Ok(ImageFormat::WebP) => webp(bytes, limit),
        Ok(ImageFormat::Jpeg) => decode_with(JpegDecoder::new(Cursor::new(bytes))?, limit),
        Ok(ImageFormat::Bmp) => bmp::decode(bytes, limit),
        Ok(ImageFormat::Pnm) => pnm::decode(bytes, limit),
        _ => Err(
            "expected a picture (PNG, PBM, PGM, PPM, PAM, TIFF, BMP, GIF, JPEG, WebP), found something else"
                .into(),
        ),
    }
}

fn png(bytes: &[u8], limit: u64) -> Result<Raster, Fault> {
    let header_limits = png::Limits { bytes: usize::try_from(limit).unwrap_or(usize::MAX) };
    let header = png::Decoder::new_with_limits(Cursor::new(bytes), header_limits).read_info();
    let header = header.map_err(|error| Fault::Message(error.to_string()))?;
    let frames = header.info().animation_control().map_or(1, |animation| animation.num_frames as usize);
    if frames > 1 {
        return Err(Fault::Several(frames));
    }
    decode_with(PngDecoder::with_limits(Cursor::new(bytes), limits(limit))?, limit)
}

fn gif(bytes: &[u8], limit: u64) -> Result<Raster, Fault> {
    let mut options = ::gif::DecodeOptions::new();
    options.skip_frame_decoding(true);
    let mut frames = options.read_info(bytes).map_err(|error| Fault::Message(error.to_string()))?;
    let mut count = 0;
    // Anything else behind the last readable frame is no picture.
    while let Ok(Some(_)) = frames.next_frame_info() {
        count += 1;
    }
    if count > 1 {
        return Err(Fault::Several(count));
    }
    decode_with(GifDecoder::new(Cursor::new(bytes))?, limit)
}

fn webp(bytes: &[u8], limit: u64) -> Result<Raster, Fault> {
    let decoder = WebPDecoder::new(Cursor::new(bytes))?;
    if decoder.has_animation() {
        return Err(Fault::Several(2));
    }
    decode_with(decoder, limit)
}
