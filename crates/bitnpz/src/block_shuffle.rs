//! A random order of indices in which those that are near to each other in place are near to each other in the file.

use std::num::NonZero;
use std::ops::Range;

use crate::shuffle::{Shuffle, mix};

/// A random order of the numbers below a length in which blocks of consecutive numbers stay together: the blocks are in random
/// order, and the numbers of so many blocks at a time, a *window*, are mixed. So each block is read once, from a store with few
/// requests, while a [`Shuffle`] reads each number by itself. It takes no memory.
///
/// The same length, seed, block and window give the same order on every machine and in every version. Two neighbours are in the
/// same block with a probability of about 1 / window; else they are as far apart as any two numbers, a third of the length on
/// average.
///
/// ```
/// use std::num::NonZero;
/// use bitnpz::BlockShuffle;
///
/// let [block, window] = [4096, 16].map(|number| NonZero::new(number).expect("not 0"));
/// let order = BlockShuffle::new(1_000_000, 7, block, window);
/// let mut seen = vec![false; 1_000_000];
/// (0..1_000_000).for_each(|place| seen[order.get(place)] = true);
/// assert!(seen.into_iter().all(|seen| seen));
/// assert_eq!(order.window(0).len(), 16);
/// ```
#[derive(Clone, Debug)]
pub struct BlockShuffle {
    len: usize,
    block: usize,
    window: usize,
    seed: u64,
    /// The order of the whole blocks.
    blocks: Shuffle,
    /// The number of blocks, the last of which may have fewer numbers.
    count: usize,
    /// The place among the blocks of the last one, if it is short, and how many numbers it lacks; else the number of blocks, and 0.
    short: usize,
    missing: usize,
}

impl BlockShuffle {
    /// Returns the order of the numbers below `len` for a seed, in blocks of so many numbers and windows of so many blocks.
    #[must_use]
    pub fn new(len: usize, seed: u64, block: NonZero<usize>, window: NonZero<usize>) -> Self {
        let (block, window) = (block.get().min(len.max(1)), window.get());
        let (count, rest) = (len.div_ceil(block), len % block);
        let (short, missing) = match rest {
            0 => (count, 0),
            _ => (usize::try_from(mix(seed ^ 0xB10C) % count as u64).expect("a place"), block - rest),
        };
        let blocks = Shuffle::new(len / block, seed);
        Self { len, block, window, seed, blocks, count, short, missing }
    }

    /// Returns the number at a place in the order.
    ///
    /// # Panics
    ///
    /// If the place is not less than the length.
    #[must_use]
    pub fn get(&self, place: usize) -> usize {
        self.take(place..place + 1)[0]
    }

    /// Returns the numbers at these places in the order: faster than one by one.
    ///
    /// # Panics
    ///
    /// If the last place is not less than the length.
    #[must_use]
    pub fn take(&self, places: Range<usize>) -> Vec<usize> {
        let (mut taken, mut place) = (Vec::with_capacity(places.len()), places.start);
        while place < places.end {
            assert!(place < self.len, "expected a place below {}, found {place}", self.len);
            let window = self.window_of(place);
            let slots = self.slots(window);
            let (start, end) = (self.start(slots.start), self.start(slots.end));
            let mixed = Shuffle::new(end - start, mix(self.seed.wrapping_add(window as u64 + 1)));
            for place in place..end.min(places.end) {
                let place = start + mixed.get(place - start);
                let slot = self.slot_of(place);
                taken.push(self.first(slot) + (place - self.start(slot)));
            }
            place = end;
        }
        taken
    }

    /// Returns the numbers that are mixed with the one at a place, as the range of each of their blocks.
    ///
    /// # Panics
    ///
    /// If the place is not less than the length.
    #[must_use]
    pub fn window(&self, place: usize) -> Vec<Range<usize>> {
        assert!(place < self.len, "expected a place below {}, found {place}", self.len);
        let slots = self.slots(self.window_of(place));
        slots
            .map(|slot| self.first(slot)..self.first(slot) + (self.start(slot + 1) - self.start(slot)))
            .collect()
    }

    /// Returns the places of the blocks of a window.
    fn slots(&self, window: usize) -> Range<usize> {
        let first = window * self.window;
        first..self.count.min(first.saturating_add(self.window))
    }

    /// Returns the place in the order at which the block in this place starts.
    fn start(&self, slot: usize) -> usize {
        slot * self.block - if slot > self.short { self.missing } else { 0 }
    }

    /// Returns the place of the block that has this place in the order, before numbers are mixed.
    fn slot_of(&self, place: usize) -> usize {
        let missing = if place < self.start(self.short) { 0 } else { self.missing };
        (place + missing) / self.block
    }

    fn window_of(&self, place: usize) -> usize {
        self.slot_of(place) / self.window
    }

    /// Returns the first number of the block in this place.
    fn first(&self, slot: usize) -> usize {
        if slot == self.short {
            return (self.count - 1) * self.block;
        }
        self.blocks.get(slot - usize::from(slot > self.short)) * self.block
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(len: usize, seed: u64, block: usize, window: usize) -> BlockShuffle {
        BlockShuffle::new(len, seed, NonZero::new(block).unwrap(), NonZero::new(window).unwrap())
    }

    #[test]
    fn has_every_number_once() {
        for len in (0..40).chain([127, 128, 129, 1000, 5003]) {
            for (block, window) in [(1, 1), (1, 7), (4, 1), (4, 3), (128, 2), (1000, 4), (4096, usize::MAX)] {
                for seed in 0..4 {
                    let order = order(len, seed, block, window);
                    let mut numbers: Vec<usize> = (0..len).map(|place| order.get(place)).collect();
                    assert_eq!(numbers, order.take(0..len));
                    numbers.sort_unstable();
                    assert!(numbers.into_iter().eq(0..len), "{len} {block} {window} {seed}");
                }
            }
        }
    }

    #[test]
    fn a_window_has_what_its_blocks_have() {
        let order = order(10_050, 3, 100, 8);
        let mut place = 0;
        while place < 10_050 {
            let window = order.window(place);
            let len: usize = window.iter().map(Range::len).sum();
            for place in place..place + len {
                assert_eq!(order.window(place), window);
                assert!(window.iter().any(|block| block.contains(&order.get(place))));
            }
            place += len;
        }
        assert_eq!(place, 10_050);
    }

    #[test]
    fn neighbours_are_as_far_apart_as_is_claimed() {
        let order = order(1_000_000, 1, 4096, 16);
        let far = (1..200_000).map(|place| order.get(place).abs_diff(order.get(place - 1)));
        let distances: Vec<usize> = far.collect();
        let near = distances.iter().filter(|&&distance| distance < 4096).count() as f64 / 2e5;
        assert!((near - 1.0 / 16.0).abs() < 0.01, "{near}");
        // A third of the length between blocks; few windows make it vary.
        let mean = distances.iter().sum::<usize>() as f64 / 2e5;
        assert!((mean - 312_500.0).abs() < 40_000.0, "{mean}");
    }

    #[test]
    fn seeds_give_other_blocks_and_the_order_is_the_same_in_every_version() {
        let order = |seed| order(1000, seed, 10, 4);
        assert_ne!(order(1).window(0), order(2).window(0));
        assert_eq!([0, 1, 2, 3].map(|place| order(42).get(place)), [537, 571, 533, 573]);
    }
}
