//! The code for the lengths of payloads: sixteen intervals that follow each other.
//!
//! A length is a class, the interval that it lies in, and extra bits, its place in the interval. The lengths of a set lie close
//! together, so intervals around the most frequent ones are short, and those at both ends long. That costs a fifth of a bit more
//! than a prefix code, and a table of 20 bytes; docs/compression.md has the figures.

use super::numbers;

/// The number of intervals.
pub(super) const CLASSES: usize = 16;

/// The class of repeats, in a segment that has some. They have no length of their own.
pub(super) const REPEAT: u8 = 15;

/// The length of the table of a code in bytes.
pub(super) const TABLE_BYTES: usize = 4 + CLASSES;

/// An interval has at most 2 to the power of this many lengths, and a payload fewer bytes.
const MAX_BITS: u8 = 32;

/// The intervals are chosen among so many places at most, which bounds the time that takes.
const MAX_PLACES: usize = 4096;

/// The intervals of a code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LengthCode {
    first: u32,
    /// The number of extra bits of each class.
    bits: [u8; CLASSES],
    /// For each class the start of the interval, and above it the number of bits: the sum of these numbers is the sum of both.
    sums: [u64; CLASSES],
    /// So many payloads have no more extra bits than a word.
    at_once: usize,
    /// The length that class 0 stands for, if no class has extra bits: the codec `raw` makes payloads of one length.
    only: Option<u64>,
}

/// The number of bits in a sum of entries of [`LengthCode::sums`] is above this bit, the sum of starts below.
const BITS_SHIFT: u32 = 48;

/// The bits of a sum of entries that are the sum of starts.
const START: u64 = (1 << BITS_SHIFT) - 1;

impl LengthCode {
    fn new(first: u32, bits: [u8; CLASSES], repeat_bytes: Option<usize>) -> Self {
        let mut start = u64::from(first);
        let mut sums = bits.map(|bits| {
            let sum = start | u64::from(bits) << BITS_SHIFT;
            start += 1 << bits;
            sum
        });
        if let Some(bytes) = repeat_bytes {
            sums[usize::from(REPEAT)] = bytes as u64;
        }
        let most = bits.iter().copied().max().unwrap_or(0).max(1);
        let only = (bits == [0; CLASSES]).then_some(first.into());
        Self { first, bits, sums, at_once: (numbers::WORD_BITS / u32::from(most)) as usize, only }
    }

    /// Chooses the intervals that make these lengths smallest. With repeats, of so many bytes each, there are fifteen.
    pub(super) fn choose(lengths: impl Iterator<Item = usize> + Clone, repeat_bytes: Option<usize>) -> Self {
        let intervals = CLASSES - usize::from(repeat_bytes.is_some());
        let (Some(first), Some(last)) = (lengths.clone().min(), lengths.clone().max()) else {
            return Self::new(0, [0; CLASSES], repeat_bytes);
        };
        // Lengths are counted at places of 2^coarse each.
        let coarse = ((last - first) / MAX_PLACES + 1).next_power_of_two().ilog2();
        let places = ((last - first) >> coarse) + 1;
        // How many lengths are below each place.
        let mut below = vec![0_u64; places + 1];
        lengths.for_each(|length| below[((length - first) >> coarse) + 1] += 1);
        (0..places).for_each(|place| below[place + 1] += below[place]);
        // The fewest bits that the lengths from a place on need with so many intervals, and the size of the first of these.
        let widest = places.next_power_of_two().ilog2();
        let mut fewest = vec![u64::MAX; places + 1];
        fewest[places] = 0;
        let mut sizes = Vec::with_capacity(intervals);
        for _ in 0..intervals {
            let mut next = vec![(u64::MAX, 0); places + 1];
            next[places] = (0, 0);
            for (place, best) in next.iter_mut().enumerate().take(places) {
                let choices = (0..=widest).filter_map(|size| {
                    let end = places.min(place + (1 << size));
                    let here = u64::from(size + coarse) * (below[end] - below[place]);
                    Some((fewest[end].checked_add(here).filter(|_| fewest[end] < u64::MAX)?, size))
                });
                *best = choices.min().unwrap_or((u64::MAX, 0));
            }
            fewest = next.iter().map(|(bits, _)| *bits).collect();
            sizes.push(next);
        }
        let mut bits = [0; CLASSES];
        let mut place = 0;
        for (bits, sizes) in bits.iter_mut().zip(sizes.iter().rev()) {
            if place < places {
                let size = sizes[place].1;
                *bits = (size + coarse).to_le_bytes()[0];
                place += 1 << size;
            }
        }
        let first = u32::try_from(first).expect("a segment's payloads are below 4 GiB");
        Self::new(first, bits, repeat_bytes)
    }

    /// Reads the table of a code; `None` if it is no table.
    pub(super) fn read(table: &[u8; TABLE_BYTES], repeat_bytes: Option<usize>) -> Option<Self> {
        let (first, bits) = table.split_first_chunk()?;
        let bits: [u8; CLASSES] = bits.try_into().ok()?;
        let is_valid = bits.iter().all(|&bits| bits <= MAX_BITS)
            && (repeat_bytes.is_none() || bits[usize::from(REPEAT)] == 0);
        is_valid.then(|| Self::new(u32::from_le_bytes(*first), bits, repeat_bytes))
    }

    pub(super) fn to_table(&self) -> [u8; TABLE_BYTES] {
        let mut table = [0; TABLE_BYTES];
        table[..4].copy_from_slice(&self.first.to_le_bytes());
        table[4..].copy_from_slice(&self.bits);
        table
    }

    /// Returns the class of a length and its place in the interval.
    ///
    /// # Panics
    ///
    /// If the code has no such length.
    pub(super) fn encode(&self, length: usize) -> (u8, usize) {
        let found = (0..).zip(self.sums.iter().zip(self.bits)).find_map(|(class, (sum, bits))| {
            let place = length.checked_sub(usize::try_from(sum & START).ok()?)?;
            (place.checked_shr(bits.into()).unwrap_or(0) == 0).then_some((class, place))
        });
        found.expect("a length that the code was chosen for")
    }

    /// Returns the shortest length, if no length has extra bits.
    #[inline]
    pub(super) fn shortest(&self) -> Option<usize> {
        self.only.and_then(|length| usize::try_from(length).ok())
    }

    /// Returns the number of extra bits of a class; none for a repeat.
    pub(super) fn extra_bits(&self, class: u8) -> u32 {
        u32::from(self.bits[usize::from(class & 15)])
    }

    /// Returns the position behind so many payloads. `classes` has their classes, four bits each, the first from bit 0 on, and
    /// `extra` has the extra bits of the block.
    #[inline]
    pub(super) fn skip(
        &self,
        mut position: Position,
        classes: &[u8],
        mut count: usize,
        extra: &[u8],
    ) -> Position {
        if let Some(length) = self.only
            && classes
                .get(..count.div_ceil(2))
                .is_some_and(|classes| classes.iter().fold(0, |all, class| all | class) == 0)
        {
            return Position { offset: position.offset + count as u64 * length, ..position };
        }
        let mut places = 0..;
        while count > 0 {
            let mut word = numbers::word_at(extra, position.bit);
            let mut sum = 0;
            let at_once = count.min(self.at_once);
            for place in places.by_ref().take(at_once) {
                let class = classes[place / 2] >> (place % 2 * 4) & 15;
                let entry = self.sums[usize::from(class)];
                let bits = entry >> BITS_SHIFT;
                sum += entry + (word & ((1 << bits) - 1));
                word >>= bits;
            }
            position = Position {
                bit: position.bit.saturating_add((sum >> BITS_SHIFT) as usize),
                offset: position.offset + (sum & START),
            };
            count -= at_once;
        }
        position
    }
}

/// A position in a block: that of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Position {
    /// Where its extra bits start among those of the block.
    pub(super) bit: usize,
    /// The offset of its payload from the end of the anchors, in bytes.
    pub(super) offset: u64,
}
