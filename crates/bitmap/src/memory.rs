//! Memory for what a file asks for, which may not be there.

use crate::error::{ErrorKind, Result};

/// Empties a vector that has room for so many bytes then.
pub(crate) fn make_room(vector: &mut Vec<u8>, bytes: usize) -> Result<()> {
    vector.clear();
    Ok(vector.try_reserve_exact(bytes).map_err(|_| ErrorKind::OutOfMemory { bytes })?)
}
