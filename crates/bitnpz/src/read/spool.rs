//! Copying a stream to a temporary file, so that it can be read at any position.

use std::fs::File;
use std::io::{self, Read, Write};

use bitnpz_npy::zeros;
use bitnpz_npz::ErrorKind;

use crate::error::Result;
use crate::interrupt;

/// The length of the buffer: long enough that system calls do not slow the copy down, short enough that interruption is
/// checked often.
const SPOOL_BUFFER_BYTES: usize = 1 << 18;

/// Copies a stream of at most `max_bytes` bytes to a temporary file without a name.
pub(super) fn spool(mut stream: impl Read, max_bytes: u64) -> Result<File> {
    let mut file = tempfile::tempfile().map_err(bitnpz_npz::Error::from)?;
    let (mut buffer, mut found) = (zeros(SPOOL_BUFFER_BYTES)?, 0);
    loop {
        interrupt::check()?;
        let read = match stream.read(&mut buffer) {
            Ok(0) => return Ok(file),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(bitnpz_npz::Error::from(error).into()),
        };
        found += read as u64;
        if found > max_bytes {
            let limit = ErrorKind::Limit { limit: "spooled_bytes", allowed: max_bytes, found };
            return Err(bitnpz_npz::Error::from(limit).into());
        }
        file.write_all(&buffer[..read]).map_err(bitnpz_npz::Error::from)?;
    }
}
