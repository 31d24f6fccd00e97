//! Decoding PBM, PGM, PPM and PAM files.

use std::borrow::Cow;
use std::io::Cursor;

use image::codecs::pnm::PnmDecoder;

use super::fault::Fault;
use super::image_crate::decode_with;
use super::raster::Raster;

pub(super) fn decode(bytes: &[u8], limit: u64) -> Result<Raster, Fault> {
    let is_text = matches!(bytes.get(1), Some(b'1'..=b'3'));
    // The decoder accepts comments only in the header.
    let bytes = if is_text { Cow::Owned(without_comments(bytes)) } else { Cow::Borrowed(bytes) };
    let mut cursor = Cursor::new(&bytes[..]);
    let pixels = decode_with(PnmDecoder::new(&mut cursor)?, limit)?;
    let read = usize::try_from(cursor.position()).unwrap_or(usize::MAX);
    let rest = bytes.get(read..).unwrap_or_default().trim_ascii_start();
    if matches!(rest, [b'P', b'1'..=b'7', ..]) {
        return Err(Fault::Several(2));
    }
    Ok(pixels)
}

/// Returns the bytes of a text picture without its comments, from `#` to the end of a line.
fn without_comments(bytes: &[u8]) -> Vec<u8> {
    let mut is_comment = false;
    let is_kept = |byte: &u8| {
        is_comment = (is_comment || *byte == b'#') && !matches!(byte, b'\n' | b'\r');
        !is_comment
    };
    bytes.iter().copied().filter(is_kept).collect()
}
