//! The parts of an output that belong to images of a batch.

/// The parts of an output that belong to images of a batch, by their numbers in it.
pub(super) enum Outputs<'o, O> {
    /// One behind the other, each with so many items.
    Consecutive(&'o mut [O], usize),
    /// Each in a place of its own.
    Apart(Vec<&'o mut [O]>),
}

impl<O> Outputs<'_, O> {
    /// Returns the part of the image with this number.
    pub(super) fn of(&mut self, number: usize) -> &mut [O] {
        match self {
            Self::Consecutive(all, each) => &mut all[number * *each..][..*each],
            Self::Apart(parts) => parts[number],
        }
    }
}
