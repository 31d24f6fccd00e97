//! The index of a segment in sets of versions 1 to 3: where each payload starts.
//!
//! The starts are a rising sequence in the representation of P. Elias ("Efficient storage and retrieval by content and address of
//! static files", 1974) and R. M. Fano: the lower bits of each start are stored as they are, its upper bits as the position of a
//! one in a bit string, plus one for each earlier start. A start is found by the position of every 64th one, which is stored, and
//! counting from there. Nothing has to be decoded before it can be used.

use super::directory::BLOCK;
use super::{checksum, numbers};

/// The position of every 64th one is stored: a look-up then counts the bits of a few words.
const STRIDE: usize = 64;

/// The layout of an index: its parts follow each other.
#[derive(Clone, Copy, Debug)]
pub(super) struct IndexLayout {
    /// The number of images in the segment.
    images: usize,
    /// The length of all payloads in bytes.
    payload: usize,
    /// The number of lower bits of each start.
    low_bits: u32,
    has_repeats: bool,
}

impl IndexLayout {
    pub(super) fn new(images: usize, payload: usize, has_repeats: bool) -> Self {
        let mean = payload.checked_div(images).unwrap_or(0);
        Self { images, payload, low_bits: mean.checked_ilog2().unwrap_or(0), has_repeats }
    }

    /// Returns the ends of the stored positions, the ones, the lower bits, the repeats and the checksums.
    fn ends(&self) -> Option<[usize; 5]> {
        let starts = self.images.checked_add(1)?;
        let places = 4 * starts.div_ceil(STRIDE);
        let ones =
            places.checked_add(8 * (self.payload >> self.low_bits).checked_add(starts)?.div_ceil(64))?;
        let lows = ones.checked_add(numbers::fixed_len(starts, self.low_bits)?)?;
        let repeats = lows.checked_add(if self.has_repeats { self.images.div_ceil(8) } else { 0 })?;
        let checksums = checksum::BYTES * self.images.div_ceil(BLOCK);
        Some([places, ones, lows, repeats, repeats.checked_add(checksums)?])
    }

    /// Checks the length of an index, and that its stored positions ascend, so that looking up all payloads takes no longer than it
    /// has bytes.
    ///
    /// # Errors
    ///
    /// What was expected and what was found.
    pub(super) fn check(&self, bytes: &[u8]) -> Result<(), String> {
        let Some(index) = PayloadIndex::new(*self, bytes) else {
            let expected = self.ends().map(|ends| ends[4]);
            let expected = expected.map_or("fewer images".to_owned(), |len| format!("{len} bytes"));
            return Err(format!(
                "expected {expected} for {} images, found {} bytes",
                self.images,
                bytes.len()
            ));
        };
        if index.places.is_sorted_by(|first, next| u32::from_le_bytes(*first) < u32::from_le_bytes(*next)) {
            return Ok(());
        }
        Err("expected positions that ascend, found others".to_owned())
    }
}

/// An index, borrowed from where it is stored.
#[derive(Clone, Copy, Debug)]
pub(super) struct PayloadIndex<'a> {
    layout: IndexLayout,
    places: &'a [[u8; 4]],
    ones: &'a [[u8; 8]],
    lows: &'a [u8],
    repeats: &'a [u8],
    checksums: &'a [[u8; checksum::BYTES]],
}

impl<'a> PayloadIndex<'a> {
    /// Returns the index of these bytes; `None` if their number is not that of the layout.
    pub(super) fn new(layout: IndexLayout, bytes: &'a [u8]) -> Option<Self> {
        let [places, ones, lows, repeats, end] = layout.ends()?;
        if bytes.len() != end {
            return None;
        }
        Some(Self {
            layout,
            places: bytes[..places].as_chunks().0,
            ones: bytes[places..ones].as_chunks().0,
            lows: &bytes[ones..lows],
            repeats: &bytes[lows..repeats],
            checksums: bytes[repeats..].as_chunks().0,
        })
    }

    /// Returns the range of a payload; `None` if the index is damaged there.
    pub(super) fn payload(&self, image: usize) -> Option<std::ops::Range<usize>> {
        let mut one = u32::from_le_bytes(self.places[image / STRIDE]) as usize;
        let mut left = image % STRIDE;
        let mut word = u64::from_le_bytes(*self.ones.get(one / 64)?) >> (one % 64) << (one % 64);
        let mut number = one / 64;
        // What is looked for is not behind the next stored position, and its end is the one after it at most.
        let next = self.places.get(image / STRIDE + 1).map(|place| u32::from_le_bytes(*place) as usize);
        let ones = self.ones.get(..=next.map_or(usize::MAX - 1, |next| next / 64)).unwrap_or(self.ones);
        loop {
            let count = word.count_ones() as usize;
            if left < count {
                break;
            }
            left -= count;
            number += 1;
            word = u64::from_le_bytes(*ones.get(number)?);
        }
        for _ in 0..left {
            word &= word - 1;
        }
        one = number * 64 + word.trailing_zeros() as usize;
        word &= word - 1;
        while word == 0 {
            number += 1;
            word = u64::from_le_bytes(*ones.get(number)?);
        }
        let next = number * 64 + word.trailing_zeros() as usize;
        let start = self.start(image, one)?;
        let end = self.start(image + 1, next)?;
        (start <= end && end <= self.layout.payload).then_some(start..end)
    }

    /// Returns the start whose one is at this position.
    fn start(&self, number: usize, one: usize) -> Option<usize> {
        let bits = self.layout.low_bits;
        Some(one.checked_sub(number)? << bits | numbers::fixed(self.lows, number, bits))
    }

    /// Returns whether an image is a repeat.
    pub(super) fn is_repeat(&self, image: usize) -> bool {
        self.repeats.get(image / 8).is_some_and(|bits| bits >> (image % 8) & 1 == 1)
    }

    /// Returns whether a writer could have made this index, of payloads that follow each other.
    pub(super) fn is_as_written(&self) -> bool {
        let IndexLayout { images, payload, low_bits, .. } = self.layout;
        let (mut number, mut before) = (0_usize, 0);
        for (at, word) in self.ones.iter().enumerate() {
            let mut word = u64::from_le_bytes(*word);
            while word != 0 {
                let one = at * 64 + word.trailing_zeros() as usize;
                let is_noted = !number.is_multiple_of(STRIDE)
                    || self.places.get(number / STRIDE).map(|place| u32::from_le_bytes(*place) as usize)
                        == Some(one);
                match self.start(number, one).filter(|_| number <= images) {
                    Some(start) if start >= before && (number > 0 || start == 0) && is_noted => {
                        before = start;
                    }
                    _ => return false,
                }
                number += 1;
                word &= word - 1;
            }
        }
        number == images + 1
            && before == payload
            && numbers::is_filled_up(self.lows, number * low_bits as usize)
            && numbers::is_filled_up(self.repeats, images)
    }

    pub(super) fn checksum(&self, block: usize) -> [u8; checksum::BYTES] {
        self.checksums[block]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Returns the bytes of an index. `starts` are the starts of all payloads and the end of the last.
    fn write(starts: &[usize], repeats: Option<&[bool]>, checksums: &[[u8; checksum::BYTES]]) -> Vec<u8> {
        let images = starts.len() - 1;
        let layout = IndexLayout::new(images, starts[images], repeats.is_some());
        let [places, ones, lows, repeats_end, end] = layout.ends().expect("payloads are in memory");
        let mut bytes = vec![0; end];
        for (number, &start) in starts.iter().enumerate() {
            let one = (start >> layout.low_bits) + number;
            bytes[places + one / 8] |= 1 << (one % 8);
            if number % STRIDE == 0 {
                let place = u32::try_from(one).expect("a segment's payloads are below 4 GiB");
                bytes[4 * (number / STRIDE)..][..4].copy_from_slice(&place.to_le_bytes());
            }
            numbers::put_fixed(start, number, layout.low_bits, &mut bytes[ones..lows]);
        }
        for (number, _) in repeats.into_iter().flatten().enumerate().filter(|(_, is_repeat)| **is_repeat) {
            bytes[lows + number / 8] |= 1 << (number % 8);
        }
        bytes[repeats_end..].copy_from_slice(checksums.as_flattened());
        bytes
    }

    proptest! {
        #[test]
        fn round_trips_starts(
            lengths in prop::collection::vec(prop_oneof![0_usize..40, 0_usize..3, 0_usize..5000], 0..400),
            repeats in prop::option::of(prop::collection::vec(any::<bool>(), 400)),
        ) {
            let mut starts = vec![0];
            lengths.iter().for_each(|length| starts.push(starts[starts.len() - 1] + length));
            let repeats = repeats.as_deref().map(|repeats| &repeats[..lengths.len()]);
            let checksums = vec![[7; 8]; lengths.len().div_ceil(BLOCK)];
            let bytes = write(&starts, repeats, &checksums);
            let layout = IndexLayout::new(lengths.len(), starts[lengths.len()], repeats.is_some());
            prop_assert!(layout.check(&bytes).is_ok());
            let index = PayloadIndex::new(layout, &bytes).unwrap();
            for image in 0..lengths.len() {
                prop_assert_eq!(index.payload(image), Some(starts[image]..starts[image + 1]));
                prop_assert_eq!(index.is_repeat(image), repeats.is_some_and(|repeats| repeats[image]));
            }
            prop_assert!(index.is_as_written());
            // Any other bit but those of repeats and checksums is found.
            let end = bytes.len() - 8 * checksums.len();
            let end = end - if repeats.is_some() { lengths.len().div_ceil(8) } else { 0 };
            for bit in (0..8 * end).step_by(1 + end / 50) {
                let mut bytes = bytes.clone();
                bytes[bit / 8] ^= 1 << (bit % 8);
                let index = PayloadIndex::new(layout, &bytes).unwrap();
                let is_same = (0..lengths.len()).all(|image| index.payload(image) == Some(starts[image]..starts[image + 1]));
                prop_assert!(!index.is_as_written() || !is_same);
            }
        }

        #[test]
        fn never_leaves_the_payloads(
            images in 1_usize..300,
            payload in 0_usize..10_000,
            seed in prop::collection::vec(any::<u8>(), 1..50),
        ) {
            let layout = IndexLayout::new(images, payload, true);
            let bytes: Vec<u8> = seed.iter().copied().cycle().take(layout.ends().unwrap()[4]).collect();
            let index = PayloadIndex::new(layout, &bytes).unwrap();
            for image in 0..images {
                let range = index.payload(image);
                prop_assert!(range.is_none_or(|range| range.start <= range.end && range.end <= payload));
            }
        }
    }

    #[test]
    fn positions_that_do_not_ascend_are_found() {
        let starts: Vec<usize> = (0..=200).map(|image| image * 13).collect();
        let mut bytes = write(&starts, None, &[[0; 8]; 2]);
        let layout = IndexLayout::new(200, 200 * 13, false);
        layout.check(&bytes).unwrap();
        bytes.copy_within(0..4, 8);
        assert!(layout.check(&bytes).unwrap_err().contains("ascend"));
    }

    #[test]
    fn takes_less_than_a_byte_for_a_small_image() {
        let starts: Vec<usize> = (0..=10_000).map(|image| image * 13).collect();
        let bytes = write(&starts, None, &vec![[0; 8]; 10_000_usize.div_ceil(BLOCK)]);
        assert!(bytes.len() < 8400, "{} bytes", bytes.len());
    }
}
