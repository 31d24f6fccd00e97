//! Runs of keys, by which an archive records the order in which keys were saved.

/// A source of keys and the number of consecutive keys from it. Source 0 is the ordinary members, source `n + 1` the image set
/// with number `n`.
pub(crate) type Run = (usize, usize);

/// Returns one run for each source, in the order of the sources: the order of an archive that records none.
pub(crate) fn in_sequence(counts: &[usize]) -> impl Iterator<Item = Run> {
    counts.iter().copied().enumerate().filter(|&(_, count)| count > 0)
}
