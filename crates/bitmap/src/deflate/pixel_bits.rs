//! The pixels of an image as one line of bits, and where it repeats.

use std::ops::Range;

use super::tokens::MAX_DISTANCE;
use crate::view::BitmapView;

/// Some pixels of an image row after row, the first in the highest bit of a word, behind as many zeros as matches can reach back.
#[derive(Debug, Default)]
pub(super) struct PixelBits {
    words: Vec<u64>,
    /// The bits before the first pixel of the image that is here.
    zeros: usize,
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
        let reach = (width + 1).min(MAX_DISTANCE);
        let reached = range.start.saturating_sub(reach);
        let (row, column) = (reached / width, reached % width / 64 * 64);
        let before = range.start - (row * width + column);
        let start = (reach + 64).next_multiple_of(64) + before.next_multiple_of(64);
        let end = start + range.len();
        self.zeros = start - before;
        self.words.clear();
        if off == on || range.is_empty() {
            self.words.resize(end / 64 + 1, 0);
            return start..end;
        }
        self.words.resize(self.zeros / 64, 0);
        let flip = if off > on { u64::MAX } else { 0 };
        let mut line = BitLine { words: &mut self.words, last: 0, bits: self.zeros % 64 };
        let (mut from, mut left) = (column, before + range.len());
        for row in image.as_bytes()[row * stride..].chunks_exact(stride) {
            let count = (width - from).min(left);
            let (words, rest) = row[from / 8..].as_chunks();
            let whole = &words[..count / 64];
            whole.iter().for_each(|&word| line.push(u64::from_be_bytes(word) ^ flip, 64));
            if count % 64 > 0 {
                let word = words.get(whole.len()).copied().unwrap_or_else(|| padded(rest));
                line.push((u64::from_be_bytes(word) ^ flip) & !(u64::MAX >> (count % 64)), count % 64);
            }
            left -= count;
            from = 0;
            if left == 0 {
                break;
            }
        }
        line.finish();
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
        let (first, last) = (range.start / 64, range.end / 64);
        let (behind, shift) = (first - distance / 64, distance % 64);
        marks.clear();
        let words = self.words[first..=last].iter().zip(&self.words[behind..]).zip(&self.words[behind - 1..]);
        // Two shifts, as no shift is by 64 bits.
        marks
            .extend(words.map(|((word, here), before)| word ^ (here >> shift | before << 1 << (63 - shift))));
        // Before the first pixel nothing matches.
        let unmatched = (self.zeros + distance).saturating_sub(range.start).min(range.len());
        marks[..unmatched / 64].fill(u64::MAX);
        marks[unmatched / 64] |= !(u64::MAX >> (unmatched % 64));
        marks[last - first] |= 1 << 63 >> (range.end % 64);
    }
}

/// A line of bits that grows; the first is the highest of its word.
struct BitLine<'a> {
    words: &'a mut Vec<u64>,
    /// The word that is not full yet, and the number of its bits.
    last: u64,
    bits: usize,
}

impl BitLine<'_> {
    /// Appends the highest bits of a word, whose other bits are 0.
    #[inline]
    fn push(&mut self, word: u64, count: usize) {
        self.last |= word >> self.bits;
        self.bits += count;
        if self.bits >= 64 {
            self.words.push(self.last);
            self.bits -= 64;
            // What was not taken of the word: nothing if it began with one of the line.
            self.last = word << 1 << (count - self.bits - 1);
        }
    }

    /// Writes the last word.
    fn finish(self) {
        self.words.push(self.last);
    }
}

/// Returns the bytes, and zeros behind them.
fn padded(bytes: &[u8]) -> [u8; 8] {
    let mut word = [0; 8];
    word[..bytes.len()].copy_from_slice(bytes);
    word
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
