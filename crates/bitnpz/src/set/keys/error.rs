//! Errors of reading the keys of a segment.

use bitnpz_npy::OutOfMemory;

/// An error of reading the keys of a segment.
#[derive(Clone, Copy, Debug)]
pub(in crate::set) enum KeysError {
    /// The member is damaged: what was expected and what was found.
    Damaged(&'static str),
    OutOfMemory(OutOfMemory),
}

/// The result of reading keys.
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

/// The message for a truncated member.
pub(super) const TRUNCATED: &str = "expected more bytes of keys, found the end";
