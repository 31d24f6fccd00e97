//! Allocations that fail with an error, for sizes that a file or a caller decides.

use std::fmt;

/// An allocation failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OutOfMemory {
    /// The size of the allocation in bytes.
    pub bytes: u64,
}

impl OutOfMemory {
    /// Makes the error for an allocation of this many items.
    #[must_use]
    pub fn of<T>(items: usize) -> Self {
        Self { bytes: (items as u64).saturating_mul(size_of::<T>() as u64) }
    }
}

impl fmt::Display for OutOfMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot allocate {} bytes of memory", self.bytes)
    }
}

impl std::error::Error for OutOfMemory {}

/// Returns an empty vector with room for this many items, like `Vec::with_capacity`.
///
/// # Errors
///
/// If the memory cannot be allocated.
///
/// ```
/// let rows: Vec<u8> = bitnpz_npy::with_room(98)?;
/// assert!(rows.capacity() >= 98);
/// let refused = bitnpz_npy::with_room::<u64>(usize::MAX).unwrap_err();
/// assert_eq!(refused.bytes, u64::MAX);
/// # Ok::<(), bitnpz_npy::OutOfMemory>(())
/// ```
pub fn with_room<T>(items: usize) -> Result<Vec<T>, OutOfMemory> {
    let mut vector = Vec::new();
    make_room(&mut vector, items)?;
    Ok(vector)
}

/// Returns this many zero bytes, like `vec![0; bytes]`.
///
/// # Errors
///
/// If the memory cannot be allocated.
pub fn zeros(bytes: usize) -> Result<Vec<u8>, OutOfMemory> {
    let mut buffer = with_room(bytes)?;
    buffer.resize(bytes, 0);
    Ok(buffer)
}

/// Reserves room for this many more items, like `Vec::reserve`.
///
/// # Errors
///
/// If the memory cannot be allocated.
pub fn make_room<T>(vector: &mut Vec<T>, items: usize) -> Result<(), OutOfMemory> {
    vector.try_reserve(items).map_err(|_| OutOfMemory::of::<T>(items))
}

/// Copies items into a new vector.
///
/// # Errors
///
/// If the memory cannot be allocated.
pub fn copy<T: Copy>(items: &[T]) -> Result<Vec<T>, OutOfMemory> {
    let mut copy = with_room(items.len())?;
    copy.extend_from_slice(items);
    Ok(copy)
}
