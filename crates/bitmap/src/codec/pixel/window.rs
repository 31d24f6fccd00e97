//! The last rows of an image, as far as the template reaches.

use super::template::{MARGIN, ROWS_ABOVE};

/// The number of pixels of a block.
pub(super) const BLOCK: usize = 32;

/// The current row of an image and those above it, with one byte per pixel and zero margins; reuses its buffer from one
/// image to the next.
#[derive(Debug, Default)]
pub(super) struct Window {
    width: usize,
    /// The rows, of whole blocks each.
    pixels: Vec<u8>,
    /// The offset of the first pixel of the current row, of the row above it, and so on.
    starts: [usize; ROWS_ABOVE + 1],
}

impl Window {
    /// Starts with the first row of an image of this width, above which all rows are blank.
    pub(super) fn start(&mut self, width: usize) {
        let stride = width.next_multiple_of(BLOCK) + 2 * MARGIN;
        self.width = width;
        self.starts = std::array::from_fn(|row| row * stride + MARGIN);
        self.pixels.clear();
        self.pixels.resize(self.starts.len() * stride, 0);
    }

    /// Goes to the next row, whose pixels are yet to be written.
    pub(super) fn next_row(&mut self) {
        self.starts.rotate_right(1);
    }

    /// Returns the pixels of the row that is so many rows above the current one.
    pub(super) fn row(&self, up: usize) -> &[u8] {
        &self.pixels[self.starts[up]..][..self.width]
    }

    /// Returns the pixels of the current row, to be written.
    pub(super) fn row_mut(&mut self) -> &mut [u8] {
        &mut self.pixels[self.starts[0]..][..self.width]
    }

    /// Makes the current row the same as the one above.
    pub(super) fn repeat(&mut self) {
        let above = self.starts[1]..self.starts[1] + self.width;
        self.pixels.copy_within(above, self.starts[0]);
    }

    /// Returns the pixels from the one on that lies `up` rows above and `right` columns right of the start of the current row.
    pub(super) fn pixels_from(&self, up: u8, right: i8) -> &[u8] {
        let start = self.starts[usize::from(up)];
        &self.pixels[start.wrapping_add_signed(right.into())..]
    }
}
