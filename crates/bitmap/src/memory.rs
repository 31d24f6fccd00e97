//! Allocating what a file or a caller asks for, which may be more than there is.

use crate::error::{ErrorKind, Result};

/// Empties a vector and makes room for `bytes` bytes, or fails with an error.
pub(crate) fn make_room(vector: &mut Vec<u8>, bytes: usize) -> Result<()> {
    vector.clear();
    Ok(vector.try_reserve_exact(bytes).map_err(|_| ErrorKind::OutOfMemory { bytes })?)
}
