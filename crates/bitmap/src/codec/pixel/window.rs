//! The last rows of an image, as far as the template reaches.

use super::template::{MARGIN, ROWS_ABOVE};

/// The number of rows of a window: those that the template reaches, and the current one.
const WINDOW_ROWS: usize = ROWS_ABOVE + 1;

/// The last rows of an image, with one byte per pixel and zero margins; reuses its buffer from one image to the next.
#[derive(Debug, Default)]
pub(super) struct Window {
    width: usize,
    /// Row `i` of the image is row `i % WINDOW_ROWS` of the window.
    pixels: Vec<u8>,
}

impl Window {
    /// Starts an image of this width, above which all rows are blank.
    pub(super) fn start(&mut self, width: usize) {
        self.width = width;
        self.pixels.clear();
        self.pixels.resize(WINDOW_ROWS * (width + 2 * MARGIN), 0);
    }

    /// Returns the pixels of a row.
    pub(super) fn row(&self, row: usize) -> &[u8] {
        &self.pixels[self.offset(row)..][..self.width]
    }

    /// Returns the pixels of a row, to be written.
    pub(super) fn row_mut(&mut self, row: usize) -> &mut [u8] {
        let offset = self.offset(row);
        &mut self.pixels[offset..][..self.width]
    }

    /// Returns the pixels of the row above this one.
    pub(super) fn row_above(&self, row: usize) -> &[u8] {
        self.row(row + WINDOW_ROWS - 1)
    }

    /// Makes a row the same as the one above.
    pub(super) fn repeat(&mut self, row: usize) {
        let (above, offset) = (self.offset(row + WINDOW_ROWS - 1), self.offset(row));
        self.pixels.copy_within(above..above + self.width, offset);
    }

    /// Returns the pixels from the one on that lies `up` rows above and `right` columns right of the start of a row.
    pub(super) fn pixels_from(&self, row: usize, up: u8, right: i8) -> &[u8] {
        let start = self.offset(row + WINDOW_ROWS - usize::from(up));
        &self.pixels[start.wrapping_add_signed(right.into())..]
    }

    /// Returns the offset of a row's first pixel.
    fn offset(&self, row: usize) -> usize {
        row % WINDOW_ROWS * (self.width + 2 * MARGIN) + MARGIN
    }
}
