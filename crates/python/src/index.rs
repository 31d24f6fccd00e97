//! Indices as Python has them.

/// Converts an index of one of `len` items to one from the start; `None` if it is out of bounds. Negative indices count from
/// the end.
pub(crate) fn from_start(index: i64, len: usize) -> Option<usize> {
    let index = if index < 0 { index.checked_add_unsigned(len as u64)? } else { index };
    usize::try_from(index).ok().filter(|&index| index < len)
}
