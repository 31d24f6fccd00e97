//! The keys of image sets of version 1: text, and the order of the keys if they are not sorted.

use crate::set::numbers::{bits_below, fixed, fixed_len, take_varint};

/// The number of keys in a block, as the format defines it. Each key of a block but the first is stored as its difference from the
/// previous key, so reading a key decodes up to this many.
const KEYS_PER_BLOCK: usize = 16;

/// The stored keys of a segment of version 1.
#[derive(Clone, Copy, Debug)]
pub(in crate::set) struct TextKeys<'a> {
    count: usize,
    /// The offset of each block in `text`.
    offsets: &'a [[u8; 4]],
    text: &'a [u8],
    /// The images in the order of their keys; `None` if the keys are sorted.
    order: Option<&'a [u8]>,
}

impl<'a> TextKeys<'a> {
    /// Wraps the stored keys of `count` images. Returns `None` if there are too few bytes.
    pub(in crate::set) fn new(bytes: &'a [u8], count: usize, is_sorted: bool) -> Option<Self> {
        let (offsets, rest) = bytes.split_at_checked(count.div_ceil(KEYS_PER_BLOCK).checked_mul(4)?)?;
        let order_len = if is_sorted { 0 } else { fixed_len(count, bits_below(count))? };
        let (text, order) = rest.split_at_checked(rest.len().checked_sub(order_len)?)?;
        Some(Self { count, offsets: offsets.as_chunks().0, text, order: (!is_sorted).then_some(order) })
    }

    /// Returns the key of an image, or `None` if it is damaged.
    pub(super) fn key(&self, image: usize) -> Option<String> {
        let offset = u32::from_le_bytes(*self.offsets.get(image / KEYS_PER_BLOCK)?) as usize;
        let mut text = self.text.get(offset..)?;
        let mut key = Vec::new();
        for _ in 0..=image % KEYS_PER_BLOCK {
            let shared = take_varint(&mut text)?;
            let len = take_varint(&mut text)?;
            let (suffix, rest) = text.split_at_checked(len)?;
            key.truncate(shared);
            key.extend_from_slice(suffix);
            text = rest;
        }
        String::from_utf8(key).ok()
    }

    /// Returns the image whose key has this rank.
    fn image(&self, rank: usize) -> usize {
        self.order.map_or(rank, |order| fixed(order, rank, bits_below(self.count)))
    }

    /// Returns the image with this key.
    pub(super) fn find(&self, key: &str) -> Option<usize> {
        let (mut low, mut high) = (0, self.count);
        while low < high {
            let middle = low + (high - low) / 2;
            let image = self.image(middle);
            match self.key(image)?.as_str().cmp(key) {
                std::cmp::Ordering::Equal => return Some(image),
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn reads_any_bytes_without_panicking(bytes in prop::collection::vec(any::<u8>(), 0..200), count in 0_usize..100) {
            for is_sorted in [true, false] {
                if let Some(keys) = TextKeys::new(&bytes, count, is_sorted) {
                    (0..count).for_each(|image| { keys.key(image); });
                    keys.find("a");
                }
            }
        }
    }
}
