//! Memory for what a file asks for, which may not be there.

use std::fmt;

use crate::error::{Error, ErrorKind};

/// So many bytes of memory were asked for and not to be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OutOfMemory {
    /// The bytes asked for.
    pub bytes: u64,
}

impl OutOfMemory {
    /// Of so many items.
    #[must_use]
    pub fn of<T>(items: usize) -> Self {
        Self { bytes: (items as u64).saturating_mul(size_of::<T>() as u64) }
    }
}

impl fmt::Display for OutOfMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes of memory are not to be had", self.bytes)
    }
}

impl std::error::Error for OutOfMemory {}

impl From<OutOfMemory> for Error {
    fn from(error: OutOfMemory) -> Self {
        ErrorKind::OutOfMemory(error).into()
    }
}

/// An empty vector with room for so many items: what `Vec::with_capacity` gives, where a file or a caller decides how many.
///
/// # Errors
///
/// If the memory is not there.
pub fn with_room<T>(items: usize) -> Result<Vec<T>, OutOfMemory> {
    let mut vector = Vec::new();
    make_room(&mut vector, items)?;
    Ok(vector)
}

/// Makes room for so many items more.
///
/// # Errors
///
/// If the memory is not there.
pub fn make_room<T>(vector: &mut Vec<T>, items: usize) -> Result<(), OutOfMemory> {
    vector.try_reserve(items).map_err(|_| OutOfMemory::of::<T>(items))
}

/// A copy of these items.
///
/// # Errors
///
/// If the memory for it is not there.
pub fn copy<T: Copy>(items: &[T]) -> Result<Vec<T>, OutOfMemory> {
    let mut copy = with_room(items.len())?;
    copy.extend_from_slice(items);
    Ok(copy)
}
