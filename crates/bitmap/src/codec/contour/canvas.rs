//! Canvases: rows of pixels that are drawn by inverting the pixels that an event changes.
//!
//! A row is kept as its difference from the row above, so that an event is drawn in one row, and nothing is done for rows
//! in which nothing changes. Rows are completed from the top, as soon as a birth has to see them and at the end.

use std::fmt::Debug;
use std::ops::{BitAnd, BitXor, BitXorAssign, Not};

use crate::codec::rows::RowSink;

/// A surface to draw an image on; reuses its buffer from one image to the next.
pub(super) trait Canvas: Debug + Default {
    /// Makes room for an image of this size, or returns the number of bytes for which there is no memory.
    fn make_room(&mut self, size: [u32; 2]) -> Result<(), usize>;

    /// Gives up the memory for an image that is large.
    fn shrink(&mut self);

    /// Clears the canvas for an image of this size.
    fn start(&mut self, size: [u32; 2]);

    /// Inverts the pixels between the columns of each pair, in a row and in all rows below. Columns are at most the width.
    fn invert(&mut self, row: u32, pairs: [[u32; 2]; 2]);

    /// Completes the rows down to this one, above which all is drawn.
    fn complete(&mut self, row: u32);

    /// Returns the first pixel of this color from a column on, or the width, in a row that is complete.
    fn next_pixel(&self, row: u32, from: u32, is_black: bool) -> u32;

    /// Completes the image and writes its packed rows.
    fn write(&mut self, rows: &mut [u8]);
}

/// Images whose packed rows have more bytes are large: memory for one of them is not kept.
pub(in crate::codec) const LARGE: usize = 1 << 20;

/// Makes room for so many words, or returns the number of bytes for which there is no memory.
fn make_room<W>(words: &mut Vec<W>, len: usize) -> Result<(), usize> {
    words.clear();
    words.try_reserve_exact(len).map_err(|_| len.saturating_mul(size_of::<W>()))
}

/// Gives up the memory for an image that is large; words take up to twice the bytes of packed rows.
fn shrink<W>(words: &mut Vec<W>) {
    if words.capacity() * size_of::<W>() > 2 * LARGE {
        *words = Vec::new();
    }
}

/// The pixels of a row, the first one in the highest bit.
pub(super) trait Word:
    Copy + Debug + Default + BitAnd<Output = Self> + BitXor<Output = Self> + BitXorAssign + Not<Output = Self>
{
    /// Returns the pixels from a column on.
    fn from_column(column: u32) -> Self;

    fn leading_zeros(self) -> u32;

    /// Writes the bytes of rows, `stride` of each. The first ones are complete, each of the others is its difference from the one above.
    fn write_rows(words: &[Self], complete: usize, stride: usize, rows: &mut [u8]);
}

macro_rules! words {
    ($($word:ty: $($stride:literal)*;)*) => {$(
        impl Word for $word {
            #[inline]
            fn from_column(column: u32) -> Self {
                const MASKS: [$word; 256] = {
                    let mut masks = [0; 256];
                    let mut column = 0;
                    while column < <$word>::BITS {
                        masks[column as usize] = <$word>::MAX >> column;
                        column += 1;
                    }
                    masks
                };
                static TABLE: [$word; 256] = MASKS;
                TABLE[column as usize % 256]
            }

            #[inline]
            fn leading_zeros(self) -> u32 {
                self.leading_zeros()
            }

            fn write_rows(words: &[Self], complete: usize, stride: usize, rows: &mut [u8]) {
                fn write<const STRIDE: usize>(words: &[$word], complete: usize, rows: &mut [u8]) {
                    let (rows, _) = rows.as_chunks_mut::<STRIDE>();
                    let mut above = 0;
                    for (number, (word, row)) in words.iter().zip(rows).enumerate() {
                        above = if number < complete { *word } else { above ^ word };
                        row.copy_from_slice(&above.to_be_bytes()[..STRIDE]);
                    }
                }
                match stride {
                    $($stride => write::<$stride>(words, complete, rows),)*
                    _ => unreachable!("a row is at most a word"),
                }
            }
        }
    )*};
}

words! {
    u64: 1 2 3 4 5 6 7 8;
    u128: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16;
}

/// A canvas whose rows are single words.
#[derive(Debug, Default)]
pub(super) struct Narrow<W> {
    rows: Vec<W>,
    width: u32,
    /// The number of rows that are complete.
    complete: usize,
}

impl<W: Word> Narrow<W> {
    fn complete_rows(&mut self, end: usize) {
        let mut above = self.complete.checked_sub(1).map_or(W::default(), |above| self.rows[above]);
        for row in self.rows.get_mut(self.complete..end).unwrap_or_default() {
            *row ^= above;
            above = *row;
        }
        self.complete = self.complete.max(end);
    }
}

impl<W: Word> Canvas for Narrow<W> {
    fn make_room(&mut self, [height, _]: [u32; 2]) -> Result<(), usize> {
        make_room(&mut self.rows, height as usize)
    }

    fn shrink(&mut self) {
        shrink(&mut self.rows);
    }

    fn start(&mut self, [height, width]: [u32; 2]) {
        self.rows.clear();
        self.rows.resize(height as usize, W::default());
        self.width = width;
        self.complete = 0;
    }

    #[inline]
    fn invert(&mut self, row: u32, pairs: [[u32; 2]; 2]) {
        let [[a, b], [c, d]] = pairs.map(|pair| pair.map(W::from_column));
        self.rows[row as usize] ^= a ^ b ^ c ^ d;
    }

    fn complete(&mut self, row: u32) {
        self.complete_rows(row as usize + 1);
    }

    #[inline]
    fn next_pixel(&self, row: u32, from: u32, is_black: bool) -> u32 {
        let row = self.rows[row as usize];
        let pixels = if is_black { row } else { !row };
        (pixels & W::from_column(from)).leading_zeros().min(self.width)
    }

    fn write(&mut self, rows: &mut [u8]) {
        W::write_rows(&self.rows, self.complete, self.width.div_ceil(8) as usize, rows);
    }
}

/// A canvas for images of any width: rows are made of words.
#[derive(Debug, Default)]
pub(super) struct Wide {
    words: Vec<u64>,
    /// Which rows differ from the row above: of a large image most may not.
    is_drawn: Vec<bool>,
    /// The number of words of a row.
    stride: usize,
    width: u32,
    /// The number of words that are complete.
    complete: usize,
    /// Whether all words are zero.
    is_clear: bool,
}

impl Wide {
    fn complete_words(&mut self, end: usize) {
        for word in self.complete.max(self.stride)..end {
            self.words[word] ^= self.words[word - self.stride];
        }
        self.complete = self.complete.max(end);
    }

    /// Passes on the rows of the image, without a look at those that are the same as the row above.
    pub(super) fn pass_on(&self, rows: &mut impl RowSink) {
        let complete = self.complete / self.stride;
        let mut above = vec![0; self.stride];
        let mut repeats = 0;
        for (number, words) in self.words.chunks_exact(self.stride).enumerate() {
            if number > 0 && !self.is_drawn[number] {
                repeats += 1;
                continue;
            }
            rows.repeat(std::mem::take(&mut repeats));
            if number < complete {
                above.copy_from_slice(words);
            } else {
                above.iter_mut().zip(words).for_each(|(above, word)| *above ^= word);
            }
            rows.row(|row| write_row(&above, row));
        }
        rows.repeat(repeats);
    }
}

/// Writes the bytes of a row's words.
fn write_row(words: &[u64], row: &mut [u8]) {
    for (bytes, word) in row.chunks_mut(8).zip(words) {
        bytes.copy_from_slice(&word.to_be_bytes()[..bytes.len()]);
    }
}

impl Canvas for Wide {
    fn make_room(&mut self, [height, width]: [u32; 2]) -> Result<(), usize> {
        let len = height as usize * width.div_ceil(64) as usize;
        make_room(&mut self.words, len)?;
        make_room(&mut self.is_drawn, height as usize)?;
        if len * size_of::<u64>() > LARGE {
            // There is room: new memory is zero already, and takes no time until it is used.
            self.words = Vec::new();
            self.words = vec![0; len];
            self.is_clear = true;
        }
        Ok(())
    }

    fn shrink(&mut self) {
        shrink(&mut self.words);
    }

    fn start(&mut self, [height, width]: [u32; 2]) {
        self.stride = width.div_ceil(64) as usize;
        let len = height as usize * self.stride;
        if self.words.len() != len || !self.is_clear {
            self.words.clear();
            self.words.resize(len, 0);
        }
        self.is_clear = false;
        self.is_drawn.clear();
        self.is_drawn.resize(height as usize, false);
        self.width = width;
        self.complete = 0;
    }

    #[inline]
    fn invert(&mut self, row: u32, pairs: [[u32; 2]; 2]) {
        self.is_drawn[row as usize] = true;
        let row = &mut self.words[row as usize * self.stride..][..self.stride];
        for [a, b] in pairs {
            let (from, to) = (a.min(b), a.max(b));
            let (first, last) = (from as usize / 64, to as usize / 64);
            let (head, tail) = (u64::MAX >> (from % 64), !(u64::MAX >> (to % 64)));
            if first == last {
                if from < to {
                    row[first] ^= head & tail;
                }
            } else {
                row[first] ^= head;
                row[first + 1..last].iter_mut().for_each(|word| *word = !*word);
                if tail != 0 {
                    row[last] ^= tail;
                }
            }
        }
    }

    fn complete(&mut self, row: u32) {
        self.complete_words((row as usize + 1) * self.stride);
    }

    fn next_pixel(&self, row: u32, from: u32, is_black: bool) -> u32 {
        let row = &self.words[row as usize * self.stride..][..self.stride];
        let mut mask = u64::MAX >> (from % 64);
        for (&word, number) in row.iter().zip(0..).skip(from as usize / 64) {
            let pixels = if is_black { word } else { !word } & mask;
            if pixels != 0 {
                return (64 * number + pixels.leading_zeros()).min(self.width);
            }
            mask = u64::MAX;
        }
        self.width
    }

    fn write(&mut self, rows: &mut [u8]) {
        self.complete_words(self.words.len());
        let stride = self.width.div_ceil(8) as usize;
        for (row, words) in rows.chunks_exact_mut(stride).zip(self.words.chunks_exact(self.stride)) {
            write_row(words, row);
        }
    }
}
