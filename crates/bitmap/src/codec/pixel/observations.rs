//! The bits of a sample, each with its features.

/// A bit with the features of its context, and the image that it is from.
///
/// The bit is the lowest one, above it are the features, the first one lowest, above these the number of the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key(u64);

/// The bits of a key for the number of an image, and above which they are.
const IMAGE_BITS: u32 = 20;
const IMAGE_SHIFT: u32 = u64::BITS - IMAGE_BITS;

/// Returns what a key has of a bit and its features, if only this feature is 1.
pub(super) fn feature_bit(feature: usize) -> u64 {
    1 << (1 + feature)
}

impl Key {
    /// Returns the bit, as a number.
    pub(super) fn bit(self) -> usize {
        (self.0 & 1) as usize
    }

    /// Returns whether a feature is 1.
    pub(super) fn has(self, feature: usize) -> bool {
        self.0 & feature_bit(feature) != 0
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
    /// Adds bits, each in the lowest place with its [features](feature_bit) above. Images of the same number count as one.
    pub(super) fn add(&mut self, image: usize, bits: impl IntoIterator<Item = u64>) {
        let image = (image as u64) << IMAGE_SHIFT;
        self.keys.extend(bits.into_iter().map(|bit| Key(image | bit)));
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
