//! Reads a whole member into a buffer.

use std::cell::RefCell;
use std::io::{self, Read};
use std::result;

use bitnpz_npy::make_room;
use flate2::{Decompress, DecompressError, FlushDecompress, Status};

use super::data::MemberData;
use super::reader::MemberReader;
use crate::error::{Error, ErrorKind, Result};
use crate::method::Method;

/// The largest ratio by which deflate can compress: 258 bytes in two bits. A stream that claims more is damaged.
pub(crate) const DEFLATE_RATIO: u64 = 1032;

/// The most that is allocated in advance for methods without a largest ratio: an archive can claim any size. Larger members
/// grow the buffer as they are decompressed.
const FIRST_OUTPUT_BYTES: u64 = 1 << 20;

/// The decompressor counts in 32 bits what one call takes and gives.
const MOST_AT_ONCE: usize = u32::MAX as usize;

thread_local! {
    /// A decompressor for this thread, as making one costs more than decompressing a small image.
    static INFLATE: RefCell<Decompress> = RefCell::new(Decompress::new(false));
}

/// Decompresses a member into a buffer, which is cleared first, and verifies its size and CRC.
pub(super) fn read_into(member: &MemberData<'_>, bytes: &mut Vec<u8>) -> Result<()> {
    bytes.clear();
    let (size, allowed) = (member.header.uncompressed_size, member.limits.member_bytes);
    if size > allowed {
        return Err(ErrorKind::Limit { limit: "member_bytes", allowed, found: size }.into());
    }
    let data = member.compressed()?;
    match member.header.method {
        Method::STORED => {
            let len = data.as_slice().len();
            if len as u64 != size {
                return Err(Error::inconsistent("the size of a stored member", len, size));
            }
            data.move_to(bytes)?;
        }
        Method::DEFLATE => inflate(data.as_slice(), size, bytes)?,
        Method::ZSTD => unzstd(data.as_slice(), size, bytes)?,
        // bzip2 and LZMA, which NumPy reads and hardly anybody writes.
        _ => {
            make_room(bytes, usize::try_from(size.min(FIRST_OUTPUT_BYTES)).expect("a mebibyte"))?;
            MemberReader::new(member)?.read_to_end(bytes)?;
        }
    }
    member.check_crc32(crc32fast::hash(bytes))
}

fn inflate(data: &[u8], size: u64, bytes: &mut Vec<u8>) -> Result<()> {
    if size / DEFLATE_RATIO > data.len() as u64 {
        let message = format!("{} bytes of deflate cannot be {size} bytes decompressed", data.len());
        return Err(Error::corrupt(message));
    }
    // One more byte, to notice data that is too long.
    let capacity = usize::try_from(size).ok().and_then(|size| size.checked_add(1));
    let limited = ErrorKind::Limit { limit: "member_bytes", allowed: usize::MAX as u64, found: size };
    make_room(bytes, capacity.ok_or(limited)?)?;
    let status = decompress(data, bytes, FlushDecompress::Finish, MOST_AT_ONCE);
    check_length(size, bytes.len())?;
    match status {
        Ok((Status::StreamEnd, used)) if used == data.len() => Ok(()),
        Ok((Status::StreamEnd, used)) => {
            Err(Error::inconsistent("the end of the deflate stream", format!("byte {}", data.len()), used))
        }
        Ok(_) => Err(Error::corrupt("the deflate stream has no end")),
        Err(error) => Err(Error::corrupt(format!("the deflate stream is damaged: {error}"))),
    }
}

/// Decompresses one part of a member into the room that a buffer has.
pub(super) fn inflate_part(data: &[u8], bytes: &mut Vec<u8>) -> result::Result<(), DecompressError> {
    decompress(data, bytes, FlushDecompress::Sync, MOST_AT_ONCE).map(drop)
}

/// Decompresses deflate into the room that a buffer has, in pieces of at most so many bytes. Returns the status of the last, and
/// how many bytes were used.
fn decompress(
    data: &[u8],
    bytes: &mut Vec<u8>,
    flush: FlushDecompress,
    most_at_once: usize,
) -> result::Result<(Status, usize), DecompressError> {
    INFLATE.with_borrow_mut(|inflate| {
        inflate.reset(false);
        let mut used = 0;
        loop {
            let (piece, before) = (&data[used..][..most_at_once.min(data.len() - used)], bytes.len());
            let status = inflate.decompress_vec(piece, bytes, flush)?;
            let taken = usize::try_from(inflate.total_in()).expect("in memory") - used;
            used += taken;
            if status == Status::StreamEnd || (taken == 0 && bytes.len() == before) {
                return Ok((status, used));
            }
        }
    })
}

fn unzstd(data: &[u8], size: u64, bytes: &mut Vec<u8>) -> Result<()> {
    let damaged = |error: io::Error| match error.kind() {
        io::ErrorKind::OutOfMemory => Error::from(error),
        _ => Error::corrupt(format!("the zstd frame is damaged: {error}")),
    };
    make_room(bytes, usize::try_from(size.min(FIRST_OUTPUT_BYTES)).expect("a mebibyte") + 1)?;
    let mut rest = data;
    let decoder = zstd::stream::read::Decoder::with_buffer(&mut rest).map_err(damaged)?;
    decoder.single_frame().take(size + 1).read_to_end(bytes).map_err(damaged)?;
    check_length(size, bytes.len())?;
    if !rest.is_empty() {
        let found = data.len() - rest.len();
        return Err(Error::inconsistent("the end of the zstd frame", format!("byte {}", data.len()), found));
    }
    Ok(())
}

fn check_length(expected: u64, found: usize) -> Result<()> {
    match found as u64 {
        found if found == expected => Ok(()),
        found if found > expected => Err(Error::inconsistent("the size of the data", expected, "more")),
        found => Err(Error::inconsistent("the size of the data", expected, found)),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::DeflateEncoder;

    use super::*;

    #[test]
    fn what_one_call_does_not_take_the_next_does() {
        let text: Vec<u8> = (0..200_000_u32).flat_map(|number| (number / 7).to_le_bytes()).collect();
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(&text).unwrap();
        let data = encoder.finish().unwrap();
        for most_at_once in [1, 1000, data.len() - 1, data.len(), MOST_AT_ONCE] {
            let mut bytes = Vec::with_capacity(text.len() + 1);
            let (status, used) =
                decompress(&data, &mut bytes, FlushDecompress::Finish, most_at_once).unwrap();
            assert_eq!((status, used), (Status::StreamEnd, data.len()), "{most_at_once}");
            assert!(bytes == text);
            // What is cut off, and what has no room, ends without a result.
            let half = &data[..data.len() / 2];
            bytes.clear();
            let (status, used) = decompress(half, &mut bytes, FlushDecompress::Finish, most_at_once).unwrap();
            assert!(status != Status::StreamEnd && used == half.len(), "{most_at_once}");
            let mut short = Vec::with_capacity(1000);
            let (status, _) = decompress(&data, &mut short, FlushDecompress::Finish, most_at_once).unwrap();
            assert!(status != Status::StreamEnd && short[..] == text[..short.len()]);
        }
    }
}
