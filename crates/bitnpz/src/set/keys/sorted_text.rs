//! Keys as sets of version 1 have them: text, and their order.

use crate::set::numbers::{bits_below, fixed, fixed_len, take_varint};

/// So many keys are told from the one before.
const BLOCK: usize = 16;

/// Keys one after the other, each told from the one before.
#[derive(Clone, Copy, Debug)]
pub(in crate::set) struct TextKeys<'a> {
    count: usize,
    places: &'a [[u8; 4]],
    text: &'a [u8],
    /// The images by their keys' order, if it is another.
    order: Option<&'a [u8]>,
}

impl<'a> TextKeys<'a> {
    /// The keys of so many images; `None` if there are too few bytes.
    pub(in crate::set) fn new(bytes: &'a [u8], count: usize, is_sorted: bool) -> Option<Self> {
        let (places, rest) = bytes.split_at_checked(count.div_ceil(BLOCK).checked_mul(4)?)?;
        let order_len = if is_sorted { 0 } else { fixed_len(count, bits_below(count))? };
        let (text, order) = rest.split_at_checked(rest.len().checked_sub(order_len)?)?;
        Some(Self { count, places: places.as_chunks().0, text, order: (!is_sorted).then_some(order) })
    }

    /// The key of an image; `None` if it is damaged.
    pub(super) fn key(&self, image: usize) -> Option<String> {
        let place = u32::from_le_bytes(*self.places.get(image / BLOCK)?) as usize;
        let mut text = self.text.get(place..)?;
        let mut key = Vec::new();
        for _ in 0..=image % BLOCK {
            let shared = take_varint(&mut text)?;
            let len = take_varint(&mut text)?;
            let (suffix, rest) = text.split_at_checked(len)?;
            key.truncate(shared);
            key.extend_from_slice(suffix);
            text = rest;
        }
        String::from_utf8(key).ok()
    }

    /// The image whose key is at this place of their order.
    fn image(&self, place: usize) -> usize {
        self.order.map_or(place, |order| fixed(order, place, bits_below(self.count)))
    }

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
        fn do_any_bytes_give_keys_or_nothing(bytes in prop::collection::vec(any::<u8>(), 0..200), count in 0_usize..100) {
            for is_sorted in [true, false] {
                if let Some(keys) = TextKeys::new(&bytes, count, is_sorted) {
                    (0..count).for_each(|image| { keys.key(image); });
                    keys.find("a");
                }
            }
        }
    }
}
