//! PBM, PGM, PPM and PAM.

use std::borrow::Cow;
use std::io::Cursor;

use image::codecs::pnm::PnmDecoder;

use super::decode::samples;
use super::fault::Fault;
use super::pixels::Pixels;

pub(super) fn decode(bytes: &[u8], limit: u64) -> Result<Pixels, Fault> {
    let is_text = matches!(bytes.get(1), Some(b'1'..=b'3'));
    // The decoder knows comments in the header alone.
    let bytes = if is_text { Cow::Owned(without_comments(bytes)) } else { Cow::Borrowed(bytes) };
    let mut cursor = Cursor::new(&bytes[..]);
    let pixels = samples(PnmDecoder::new(&mut cursor)?, limit)?;
    let read = usize::try_from(cursor.position()).unwrap_or(usize::MAX);
    let rest = bytes.get(read..).unwrap_or_default().trim_ascii_start();
    if matches!(rest, [b'P', b'1'..=b'7', ..]) {
        return Err(Fault::Several(2));
    }
    Ok(pixels)
}

/// The bytes of a picture that is text, but for what stands from `#` to the end of a line.
fn without_comments(bytes: &[u8]) -> Vec<u8> {
    let mut is_comment = false;
    let is_kept = |byte: &u8| {
        is_comment = (is_comment || *byte == b'#') && !matches!(byte, b'\n' | b'\r');
        !is_comment
    };
    bytes.iter().copied().filter(is_kept).collect()
}
