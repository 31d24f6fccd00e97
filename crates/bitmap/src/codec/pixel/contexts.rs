//! The contexts of a row's pixels.

use super::model::PixelModel;
use super::window::{BLOCK, Window};

/// For each pixel of a row the combination of its features, other than the pixels to its left; reuses its buffers from one row
/// to the next.
///
/// A combination has up to fifteen bits. Its bytes are found apart, for 32 pixels at a time.
#[derive(Debug, Default)]
pub(super) struct Contexts {
    high: Vec<u8>,
    low: Vec<u8>,
    combinations: Vec<u16>,
}

impl Contexts {
    /// Starts with images of this width.
    pub(super) fn start(&mut self, width: usize) {
        let width = width.next_multiple_of(BLOCK);
        self.high.resize(width, 0);
        self.low.resize(width, 0);
        self.combinations.resize(width, 0);
    }

    /// Finds the contexts of the current row of the window, which has this number.
    pub(super) fn find(&mut self, model: &PixelModel, window: &Window, row: usize) -> &[u16] {
        let [high, low] = model.above();
        let (position, bits) = model.position(row);
        find_bytes(high, window, |word| word, &mut self.high);
        find_bytes(low, window, |word| word << bits | position, &mut self.low);
        let bytes = self.high.iter().zip(&self.low).map(|(&high, &low)| u16::from_be_bytes([high, low]));
        self.combinations.iter_mut().zip(bytes).for_each(|(combination, bytes)| *combination = bytes);
        &self.combinations
    }
}

/// Combines these pixels above each pixel, the first of which is the highest bit, and passes eight bytes of them to `with`.
#[inline]
fn find_bytes(above: &[(u8, i8)], window: &Window, with: impl Fn(u64) -> u64, bytes: &mut [u8]) {
    for (start, bytes) in (0..).step_by(BLOCK).zip(bytes.as_chunks_mut::<BLOCK>().0) {
        let mut words = [0_u64; BLOCK / 8];
        for &(up, right) in above {
            let pixels = window.pixels_from(up, right)[start..].first_chunk::<BLOCK>();
            let (pixels, _) = pixels.expect("rows are whole blocks").as_chunks();
            for (word, &pixels) in words.iter_mut().zip(pixels) {
                *word = *word << 1 | u64::from_le_bytes(pixels);
            }
        }
        for (bytes, word) in bytes.as_chunks_mut().0.iter_mut().zip(words) {
            *bytes = with(word).to_le_bytes();
        }
    }
}
