//! Reads a part of a deflated member.

use bitnpz_npy::with_room;

use super::data::MemberData;
use super::inflate::{DEFLATE_RATIO, inflate_part};
use crate::error::{Error, ErrorKind, Result};
use crate::record::parts::Parts;

/// Returns the bytes of a part, whose checksum is verified.
pub(super) fn read_part(member: &MemberData<'_>, parts: &Parts, number: usize) -> Result<Vec<u8>> {
    let (start, compressed) = (member.locate()?.data_start, parts.compressed(number..number + 1));
    let data = member.source.get(start + compressed.start, compressed.end - compressed.start)?;
    let range = parts.range(number);
    let len = range.end - range.start;
    if len / DEFLATE_RATIO > data.len() as u64 {
        let message =
            format!("part {number}: {} bytes of deflate cannot be {len} bytes decompressed", data.len());
        return Err(Error::corrupt(message));
    }
    let allowed = member.limits.member_bytes;
    if len > allowed {
        return Err(ErrorKind::Limit { limit: "member_bytes", allowed, found: len }.into());
    }
    // One more byte, to notice data that is too long.
    let mut bytes =
        with_room(usize::try_from(len).ok().and_then(|len| len.checked_add(1)).unwrap_or(usize::MAX))?;
    inflate_part(&data, &mut bytes)
        .map_err(|error| Error::corrupt(format!("part {number}: the deflate stream is damaged: {error}")))?;
    if bytes.len() as u64 != len {
        return Err(Error::inconsistent("the size of a part", len, bytes.len()));
    }
    let [expected, found] = [parts.crc32(number), crc32fast::hash(&bytes)].map(|crc| format!("{crc:08x}"));
    if expected == found { Ok(bytes) } else { Err(Error::inconsistent("the CRC of a part", expected, found)) }
}
