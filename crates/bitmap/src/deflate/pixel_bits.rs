//! The pixels of an image as one line of bits, and where it repeats.

use std::ops::Range;

use super::tokens::MAX_DISTANCE;
use crate::view::BitmapView;

/// Some pixels of an image row after row, the first in the highest bit of the first word.
#[derive(Debug, Default)]
pub(super) struct PixelBits {
    words: Vec<u64>,
}

impl PixelBits {
    /// Joins the rows of a range of pixels of an image, and as many before it as matches can reach; a bit is 1 where the pixel has
    /// the larger of two different `values`. Returns the range of these pixels here, which starts at a word.
    pub(super) fn load(
        &mut self,
        image: BitmapView<'_>,
        range: Range<usize>,
        [off, on]: [u8; 2],
    ) -> Range<usize> {
        let (width, stride) = (image.width().max(1), image.width().div_ceil(8).max(1));
        let reached = range.start.saturating_sub((width + 1).min(MAX_DISTANCE));
        let (row, mut column) = (reached / width, reached % width / 64 * 64);
        let before = range.start - (row * width + column);
        let start = before.next_multiple_of(64);
        let end = start + range.len();
        self.words.clear();
        // One more word, because the bits of a word can always be written to two words.
        self.words.resize(end / 64 + 2, 0);
        if off == on || range.is_empty() {
            return start..end;
        }
        let flip = if off > on { u64::MAX } else { 0 };
        let mut at = start - before;
        for row in image.as_bytes()[row * stride..].chunks_exact(stride) {
            let mut left = (width - column).min(end - at);
            for bytes in row[column / 8..].chunks(8) {
                let mut word = [0; 8];
                word[..bytes.len()].copy_from_slice(bytes);
                let count = left.min(64);
                let word =
                    (u64::from_be_bytes(word) ^ flip) & !(u64::MAX.checked_shr(count as u32).unwrap_or(0));
                let (place, shift) = (at / 64, at % 64);
                self.words[place] |= word >> shift;
                self.words[place + 1] |= word << 1 << (63 - shift);
                at += count;
                left -= count;
                if left == 0 {
                    break;
                }
            }
            if at == end {
                break;
            }
            column = 0;
        }
        start..end
    }

    /// Returns the bit of a pixel.
    pub(super) fn get(&self, pixel: usize) -> bool {
        self.words[pixel / 64] << (pixel % 64) >> 63 != 0
    }

    /// Marks the pixels of a range that differ from the one `distance` before them, and the end of the range, so that a
    /// search always ends.
    ///
    /// The range starts at a word, and so do the marks.
    pub(super) fn differences(&self, range: Range<usize>, distance: usize, marks: &mut Vec<u64>) {
        let (skip, shift) = (distance / 64, distance % 64);
        let first = range.start / 64;
        let before = |word: usize| if word < skip { 0 } else { self.words[word - skip] };
        marks.clear();
        marks.extend((first..=range.end / 64).map(|word| {
            let carried = if word == 0 { 0 } else { before(word - 1) << 1 << (63 - shift) };
            // A shift by whole words carries nothing.
            let carried = if shift == 0 { 0 } else { carried };
            self.words[word] ^ (before(word) >> shift | carried)
        }));
        // Before the first pixel nothing matches.
        for pixel in range.start..distance.min(range.end) {
            if pixel % 64 == 0 && pixel + 64 <= distance.min(range.end) {
                marks[pixel / 64 - first] = u64::MAX;
            }
            marks[pixel / 64 - first] |= 1 << 63 >> (pixel % 64);
        }
        marks[range.end / 64 - first] |= 1 << 63 >> (range.end % 64);
    }
}

/// Returns the first mark at or after `start`.
pub(super) fn next_mark(marks: &[u64], start: usize) -> usize {
    let mut word = start / 64;
    let mut bits = marks[word] & u64::MAX >> (start % 64);
    while bits == 0 {
        word += 1;
        bits = marks[word];
    }
    word * 64 + bits.leading_zeros() as usize
}
