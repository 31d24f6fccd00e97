//! The keys of image sets of version 1: text, and the order of the keys if they are not sorted.

use crate::set::numbers::{bits_below, fixed, fixed_len, take_varint};

/// The number of keys in a block, as the format defines it. Each key of a block but the first is stored as its difference from the
/// previous key, so reading a key decodes up to this many.
const KEYS_PER_BLOCK: usize = 16;

/// No key has more bytes, as a name in a ZIP archive has no more.
const LONGEST_KEY: usize = 65_535;

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

    /// Returns whether each block starts behind the one before, so that reading all keys reads the text few times.
    pub(in crate::set) fn are_blocks_apart(&self) -> bool {
        self.offsets.is_sorted_by(|first, next| u32::from_le_bytes(*first) < u32::from_le_bytes(*next))
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
            if key.len() > LONGEST_KEY {
                return None;
            }
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

    /// The text is read once for each block that starts in it.
    #[test]
    fn blocks_that_lie_on_each_other_are_found() {
        let text = [0, 1, b'a'].repeat(40);
        let keys = |offsets: [u32; 2]| [offsets.map(u32::to_le_bytes).concat(), text.clone()].concat();
        for (offsets, are_apart) in [([0, 48], true), ([48, 48], false), ([48, 0], false)] {
            assert_eq!(TextKeys::new(&keys(offsets), 32, true).unwrap().are_blocks_apart(), are_apart);
        }
    }

    /// The second key shares all bytes of the first, and the longest name has 65,535.
    #[test]
    fn keys_are_no_longer_than_a_name() {
        let text = [&[0, 0x80, 0x80, 4][..], &[b'a'; 65_536], &[0, 1, b'b']].concat();
        let keys = [&[0; 4][..], &text].concat();
        let keys = TextKeys::new(&keys, 2, true).unwrap();
        assert_eq!([0, 1].map(|image| keys.key(image)), [None, None]);
    }

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
