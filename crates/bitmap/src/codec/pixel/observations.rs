//! The bits of a sample, each with its features.

/// A bit with the features of its context, and the image that it is from.
///
/// The bit is the lowest one, above it are the features, the first one lowest, above these the number of the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key(u64);

/// The bits of a key for the number of an image, and above which they are.
const IMAGE_BITS: u32 = 20;
const IMAGE_SHIFT: u32 = u64::BITS - IMAGE_BITS;

impl Key {
    fn new(image: usize, features: &[u8], bit: u8) -> Self {
        let features = features.iter().rev().fold(0, |key, &feature| key << 1 | u64::from(feature));
        Self((image as u64) << IMAGE_SHIFT | features << 1 | u64::from(bit))
    }

    /// Returns the bit, as a number.
    pub(super) fn bit(self) -> usize {
        (self.0 & 1) as usize
    }

    /// Returns whether a feature is 1.
    pub(super) fn has(self, feature: usize) -> bool {
        self.0 >> (1 + feature) & 1 == 1
    }

    /// Returns the number of the image.
    pub(super) fn image(self) -> u64 {
        self.0 >> IMAGE_SHIFT
    }
}

/// The bits that were seen in a sample, each with the features of its context.
#[derive(Clone, Debug, Default)]
pub(super) struct Observations {
    keys: Vec<Key>,
}

impl Observations {
    /// Adds a bit with its features. Images of the same number count as one.
    pub(super) fn add(&mut self, image: usize, features: &[u8], bit: u8) {
        self.keys.push(Key::new(image, features, bit));
    }

    /// Returns the number of bits.
    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// Returns each key once, image by image, with the number of times it was added.
    pub(super) fn count(mut self) -> Vec<(Key, u32)> {
        self.keys.sort_unstable();
        self.keys.chunk_by(|a, b| a == b).map(|same| (same[0], same.len() as u32)).collect()
    }
}
