//! Reads a whole member into a buffer.

use std::cell::RefCell;
use std::io::{self, Read};

use bitnpz_npy::make_room;
use flate2::{Decompress, FlushDecompress, Status};

use super::data::MemberData;
use super::reader::MemberReader;
use crate::error::{Error, ErrorKind, Result};
use crate::method::Method;

/// The largest ratio by which deflate can compress: 258 bytes in two bits. A stream that claims more is damaged.
pub(crate) const DEFLATE_RATIO: u64 = 1032;

/// The most that is allocated in advance for methods without a largest ratio: an archive can claim any size. Larger members
/// grow the buffer as they are decompressed.
const FIRST_OUTPUT_BYTES: u64 = 1 << 20;

thread_local! {
    /// A decompressor for this thread, as making one costs more than decompressing a small image.
    pub(super) static INFLATE: RefCell<Decompress> = RefCell::new(Decompress::new(false));
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
    INFLATE.with_borrow_mut(|inflate| {
        inflate.reset(false);
        let status = inflate.decompress_vec(data, bytes, FlushDecompress::Finish);
        check_length(size, bytes.len())?;
        match status {
            Ok(Status::StreamEnd) if inflate.total_in() == data.len() as u64 => Ok(()),
            Ok(Status::StreamEnd) => {
                let found = inflate.total_in();
                Err(Error::inconsistent(
                    "the end of the deflate stream",
                    format!("byte {}", data.len()),
                    found,
                ))
            }
            Ok(_) => Err(Error::corrupt("the deflate stream has no end")),
            Err(error) => Err(Error::corrupt(format!("the deflate stream is damaged: {error}"))),
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
