//! Scanning an image row by row, the same way for the encoder and the decoder.

use super::contexts::Contexts;
use super::model::PixelModel;
use super::shares::Chances;
use super::window::Window;

/// Where in an image a coder is; reuses its buffers from one image to the next.
///
/// For each row one bit is coded, whether the row is the same as the one above. If it is, [`repeat`](Self::repeat) passes it.
/// If not, its pixels follow, between [`start_row`](Self::start_row) and [`finish_row`](Self::finish_row).
#[derive(Debug, Default)]
pub(super) struct Scan {
    window: Window,
    contexts: Contexts,
    chances: Chances,
    height: usize,
    row: usize,
    was_same: bool,
    is_blank: bool,
}

/// A row that differs from the one above.
pub(super) struct Row<'a> {
    /// The context of each pixel, apart from the pixels to its left; there may be more contexts than pixels.
    pub(super) contexts: &'a [u16],
    /// The pixels, to be written.
    pub(super) pixels: &'a mut [u8],
    /// What the image's pixels so far tell, if shares adapt.
    pub(super) chances: &'a mut Chances,
}

impl Scan {
    /// Starts with an image of one pixel or more.
    pub(super) fn start(&mut self, model: &PixelModel, [height, width]: [usize; 2]) {
        if let Some(adaptation) = model.adaptation() {
            self.chances.start(&adaptation.initial);
        }
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

    /// Starts a row that differs.
    pub(super) fn start_row(&mut self, model: &PixelModel) -> Row<'_> {
        let contexts = self.contexts.find(model, &self.window, self.row);
        Row { contexts, pixels: self.window.row_mut(), chances: &mut self.chances }
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
