//! What is wrong with the keys of a segment.

use bitnpz_npy::OutOfMemory;

/// Why the keys of a segment cannot be read.
#[derive(Clone, Copy, Debug)]
pub(in crate::set) enum KeysError {
    /// What was expected and what was found.
    Damaged(&'static str),
    OutOfMemory(OutOfMemory),
}

/// What reading keys gives.
pub(super) type Result<T> = std::result::Result<T, KeysError>;

impl From<&'static str> for KeysError {
    fn from(message: &'static str) -> Self {
        Self::Damaged(message)
    }
}

impl From<OutOfMemory> for KeysError {
    fn from(error: OutOfMemory) -> Self {
        Self::OutOfMemory(error)
    }
}

/// What a member that is cut short lacks.
pub(super) const END: &str = "expected more of the keys, found the end";
