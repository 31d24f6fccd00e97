//! The symbols of a sample, each with its features.

/// The symbols that were seen in a sample, each with the features of its context.
#[derive(Clone, Debug, Default)]
pub(in crate::codec) struct Observations {
    /// For each symbol a key: the symbol in the lowest four bits, above it the features, the first one lowest.
    keys: Vec<u64>,
}

impl Observations {
    /// Returns the features of `bits` bits each as they stand in a key.
    pub(in crate::codec) fn features(values: &[u8], bits: u32) -> u64 {
        values.iter().rev().fold(0, |key, &value| key << bits | u64::from(value)) << 4
    }

    /// Adds a symbol with the features that [`features`](Self::features) returned.
    pub(in crate::codec) fn add(&mut self, features: u64, symbol: u8) {
        self.keys.push(features | u64::from(symbol));
    }

    /// Returns the number of symbols.
    pub(in crate::codec) fn len(&self) -> usize {
        self.keys.len()
    }

    /// Returns each key once, with the number of times it was added.
    pub(super) fn count(mut self) -> Vec<(u64, u32)> {
        self.keys.sort_unstable();
        self.keys.chunk_by(|a, b| a == b).map(|same| (same[0], same.len() as u32)).collect()
    }
}
