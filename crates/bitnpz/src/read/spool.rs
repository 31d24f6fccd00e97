//! Keeping a stream in a file, so that it can be read from any place.

use std::fs::File;
use std::io::{self, Read, Write};

use bitnpz_npz::ErrorKind;

use crate::error::Result;
use crate::interrupt;

/// Bytes that are read at a time.
const PIECE: usize = 1 << 18;

/// A temporary file without a name of all that a stream has, which may be so many bytes.
pub(super) fn spool(mut stream: impl Read, most: u64) -> Result<File> {
    let mut file = tempfile::tempfile().map_err(bitnpz_npz::Error::from)?;
    let (mut piece, mut found) = (vec![0; PIECE], 0);
    loop {
        interrupt::check()?;
        let read = match stream.read(&mut piece) {
            Ok(0) => return Ok(file),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(bitnpz_npz::Error::from(error).into()),
        };
        found += read as u64;
        if found > most {
            let limit = ErrorKind::Limit { limit: "spooled_bytes", allowed: most, found };
            return Err(bitnpz_npz::Error::from(limit).into());
        }
        file.write_all(&piece[..read]).map_err(bitnpz_npz::Error::from)?;
    }
}
