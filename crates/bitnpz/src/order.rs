//! Runs of keys, in which an archive notes the order of saving.

/// A place and how many keys in a row lie there. Place 0 is the members, place `n + 1` the image set with number `n`.
pub(crate) type Run = (usize, usize);

/// Returns the runs of places that lie one after the other: the order of an archive that notes none.
pub(crate) fn in_sequence(counts: &[usize]) -> impl Iterator<Item = Run> {
    counts.iter().copied().enumerate().filter(|&(_, count)| count > 0)
}
