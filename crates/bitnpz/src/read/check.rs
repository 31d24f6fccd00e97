//! Checks that several readers share.

use bitnpz_npy::Dtype;
use bitnpz_npz::Member;

use crate::error::{Error, ErrorKind, Result};

/// Checks that an array of `found` bytes is within the limit. Packed rows can unpack to 64 times their size, and payloads to any
/// size.
pub(crate) fn check_array(found: u64, limit: u64) -> Result<()> {
    let too_large = ErrorKind::TooLarge { found, limit, name: "array_bytes" };
    if found > limit { Err(too_large.into()) } else { Ok(()) }
}

/// Checks that the caller's array has the expected shape.
pub(super) fn check_shape(expected: &[usize], found: &[usize]) -> Result<()> {
    if expected == found {
        Ok(())
    } else {
        Err(ErrorKind::WrongShape { expected: expected.to_vec(), found: found.to_vec() }.into())
    }
}

/// Checks that the size of an array of this shape in bytes does not overflow.
pub(super) fn check_countable(shape: &[usize], dtype: &Dtype) -> Result<()> {
    let checked = bitnpz_npy::check_shape(shape, dtype.item_size());
    Ok(checked.map_err(|message| bitnpz_npy::Error::from(bitnpz_npy::ErrorKind::Shape { message }))?)
}

/// Returns the error of a damaged member.
pub(super) fn damaged(member: &Member<'_>, message: String) -> Error {
    let error = Error::from(ErrorKind::Damaged { member: member.name().to_owned(), message });
    error.with_key(member.key())
}
