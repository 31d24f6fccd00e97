//! Scanning an image row by row, the same way for the encoder and the decoder.

use super::contexts::Contexts;
use super::model::PixelModel;
use super::window::Window;

/// Where in an image a coder is; reuses its buffers from one image to the next.
///
/// For each row one bit is coded, whether the row is the same as the one above. If it is, [`repeat`](Self::repeat) passes it.
/// If not, its pixels follow, between [`start_row`](Self::start_row) and [`finish_row`](Self::finish_row).
#[derive(Debug, Default)]
pub(super) struct Scan {
    window: Window,
    contexts: Contexts,
    height: usize,
    row: usize,
    was_same: bool,
    is_blank: bool,
}

impl Scan {
    /// Starts with an image of one pixel or more.
    pub(super) fn start(&mut self, [height, width]: [usize; 2]) {
        self.window.start(width);
        self.contexts.start(width);
        (self.height, self.row) = (height, 0);
        (self.was_same, self.is_blank) = (false, true);
    }

    /// Returns the number of rows that are left.
    pub(super) fn rows_left(&self) -> usize {
        self.height - self.row
    }

    /// Returns the share of 0, a row that differs from the one above; above the first row is a blank one.
    pub(super) fn differs(&self, model: &PixelModel) -> u16 {
        model.differs(self.was_same, self.is_blank)
    }

    /// Passes a row that is the same as the one above.
    pub(super) fn repeat(&mut self) {
        self.window.repeat();
        self.was_same = true;
        self.next_row();
    }

    /// Returns the context of each pixel of a row that differs, apart from the pixels to its left, and the pixels, to be
    /// written. There may be more contexts than pixels.
    pub(super) fn start_row(&mut self, model: &PixelModel) -> (&[u16], &mut [u8]) {
        let contexts = self.contexts.find(model, &self.window, self.row);
        (contexts, self.window.row_mut())
    }

    /// Passes a row whose pixels were written, and returns them.
    pub(super) fn finish_row(&mut self) -> &[u8] {
        self.is_blank = self.window.row(0).iter().fold(0, |all, pixel| all | pixel) == 0;
        self.was_same = false;
        self.next_row();
        self.window.row(1)
    }

    fn next_row(&mut self) {
        self.window.next_row();
        self.row += 1;
    }
}
