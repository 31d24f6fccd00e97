//! Which compressor makes an array smaller, found by trying both on some of it.

use std::ops::Range;

use bitnpz_npy::copy;
use bitnpz_npz::{CompressedMember, Compression, Result};

/// So many samples of so many bytes stand for an array. They are a few times longer than the 32 KiB in which deflate finds
/// repeats, because at their start there is nothing to repeat.
const SAMPLES: usize = 4;
const SAMPLE_BYTES: usize = 128 << 10;

/// Arrays of fewer bytes would be samples as a whole.
pub(super) const SAMPLED_BYTES: usize = SAMPLES * SAMPLE_BYTES;

/// The next level is tried only on arrays of which a sixteenth is left: others take it long, and gain little.
const LEFT_FOR_NEXT_LEVEL: usize = 16;
/// Levels above this one take many times as long as those below.
const MAX_NEXT_LEVEL: u8 = 9;

/// Returns the ranges that stand for `count` items of `item_bytes` bytes: all of them if they are few.
pub(super) fn samples(count: usize, item_bytes: usize) -> impl Iterator<Item = Range<usize>> {
    let each = (SAMPLE_BYTES / item_bytes.max(1)).max(1);
    let (number, each) = if count <= SAMPLES * each { (1, count) } else { (SAMPLES, each) };
    let step = (count - each) / (number - 1).max(1);
    (0..number).map(move |sample| step * sample..step * sample + each)
}

/// Returns the size of samples that libdeflate compresses at this level.
pub(super) fn size_at(samples: &[&[u8]], level: u8) -> Result<usize> {
    let compress = |sample: &&[u8]| {
        Ok(CompressedMember::new(copy(sample)?, Compression::Deflate { level })?.compressed_size())
    };
    samples.iter().map(compress).sum()
}

/// Returns whether the next level may be worth its time for what these samples stand for, whose size is `asked` at this one:
/// level 7 of libdeflate, the default, comes out about as large as NumPy's, but up to 7 % larger on some arrays that become
/// very small.
pub(super) fn may_gain(samples: &[&[u8]], level: u8, asked: usize) -> bool {
    let all: usize = samples.iter().map(|sample| sample.len()).sum();
    level < MAX_NEXT_LEVEL && asked <= all / LEFT_FOR_NEXT_LEVEL
}

/// Returns this level or the next, which is used if it makes the samples smaller by more than one part in `gain`.
pub(super) fn best_level(samples: &[&[u8]], level: u8, asked: usize, gain: usize) -> Result<u8> {
    let gains = may_gain(samples, level, asked) && size_at(samples, level + 1)? < asked - asked / gain;
    Ok(if gains { level + 1 } else { level })
}

/// Tries both compressors on some of many small arrays, such as images with keys of their own, to find which suits them.
/// Arrays are counted in the order in which they are added, so the bytes do not depend on the number of threads.
#[derive(Debug, Default)]
pub(super) struct SmallTrials {
    arrays: usize,
    /// By how many bytes the bitmap-aware encoder was behind, of late.
    behind: isize,
}

impl SmallTrials {
    /// The first arrays are all tried, and later one in so many: a prime number, so that arrays of several kinds in turn are
    /// all tried.
    const FIRST: usize = 8;
    const INTERVAL: usize = 37;
    /// An array may be behind by so many bytes: the records of its member are smaller than NumPy's by 20.
    const RECORD_BYTES: isize = 16;

    /// Counts an array, and returns whether both compressors are to be tried on it now.
    pub(super) fn is_due(&mut self) -> bool {
        self.arrays += 1;
        self.arrays <= Self::FIRST || self.arrays.is_multiple_of(Self::INTERVAL)
    }

    /// Notes what the bitmap-aware encoder and libdeflate made of an array.
    pub(super) fn note(&mut self, ours: usize, theirs: usize) {
        let difference = ours.cast_signed() - theirs.cast_signed() - Self::RECORD_BYTES;
        self.behind = self.behind / 2 + difference;
    }

    /// Returns whether the bitmap-aware encoder was behind of late, so that both are worth their time.
    pub(super) fn is_behind(&self) -> bool {
        self.behind > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_cover_small_arrays_and_spread_over_large_ones() {
        assert!(samples(0, 28).eq(std::iter::once(0..0)));
        assert!(samples(5000, 28).eq(std::iter::once(0..5000)));
        let spread: Vec<_> = samples(1_000_000, 1000).collect();
        assert_eq!((spread[0].clone(), spread[3].end / 10, spread.len()), (0..131, 99_999, 4));
        // Rows longer than a sample.
        assert!(samples(9, 1 << 20).map(|range| range.len()).eq([1; 4]));
    }

    #[test]
    fn small_trials_follow_what_was_tried_last() {
        let mut trials = SmallTrials::default();
        assert_eq!((0..100).filter(|_| trials.is_due()).count(), 8 + 2);
        trials.note(100, 95);
        assert!(!trials.is_behind(), "the records make up for it");
        trials.note(200, 100);
        assert!(trials.is_behind());
        (0..4).for_each(|_| trials.note(90, 100));
        assert!(!trials.is_behind());
    }
}
