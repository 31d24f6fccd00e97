//! The bits of a sample, each with its features.

/// The bits that were seen in a sample, each with the features of its context.
#[derive(Clone, Debug, Default)]
pub(super) struct Observations {
    /// For each bit a key: itself in the lowest bit, above it the features, the first one lowest.
    keys: Vec<u64>,
}

impl Observations {
    /// Adds a bit with its features.
    pub(super) fn add(&mut self, features: &[u8], bit: u8) {
        let features = features.iter().rev().fold(0, |key, &feature| key << 1 | u64::from(feature));
        self.keys.push(features << 1 | u64::from(bit));
    }

    /// Returns the number of bits.
    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// Returns each key once, with the number of times it was added.
    pub(super) fn count(mut self) -> Vec<(u64, u32)> {
        self.keys.sort_unstable();
        self.keys.chunk_by(|a, b| a == b).map(|same| (same[0], same.len() as u32)).collect()
    }
}
