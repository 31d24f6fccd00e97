//! Where the rows of an image go that is decoded.

use crate::view::BitmapView;

/// Takes the packed rows of an image, from the first to the last, as they come out of a payload: to keep them, or to make
/// something of them that needs less memory and less time than they do.
pub trait Rows {
    /// Takes the next row: `fill` puts it into bytes of its length, all of them.
    fn row(&mut self, fill: impl FnOnce(&mut [u8]));

    /// Takes so many rows that are the same as the last one; blank ones, if there is none.
    fn repeat(&mut self, count: usize);

    /// Takes all rows of an image at once, of which none has been taken yet.
    fn image(&mut self, image: BitmapView<'_>);
}

/// Takes so many blank rows.
pub(super) fn blank(rows: &mut impl Rows, count: usize) {
    if count > 0 {
        rows.row(|row| row.fill(0));
        rows.repeat(count - 1);
    }
}

/// Keeps rows in bytes that are zero at first.
pub(super) struct Drawing<'a> {
    bytes: &'a mut [u8],
    stride: usize,
    /// Where the next row starts.
    next: usize,
}

impl<'a> Drawing<'a> {
    pub(super) fn new(bytes: &'a mut [u8], stride: usize) -> Self {
        Self { bytes, stride, next: 0 }
    }
}

impl Rows for Drawing<'_> {
    #[inline]
    fn row(&mut self, fill: impl FnOnce(&mut [u8])) {
        fill(&mut self.bytes[self.next..][..self.stride]);
        self.next += self.stride;
    }

    fn repeat(&mut self, count: usize) {
        if let Some(above) = self.next.checked_sub(self.stride) {
            let (above, below) = self.bytes[above..].split_at_mut(self.stride);
            let rows = below[..count * self.stride].chunks_exact_mut(self.stride);
            rows.for_each(|row| row.copy_from_slice(above));
        }
        self.next += count * self.stride;
    }

    fn image(&mut self, image: BitmapView<'_>) {
        self.bytes.copy_from_slice(image.as_bytes());
    }
}

/// Counts pixels that are set.
#[derive(Clone, Debug, Default)]
pub struct OnesCounter {
    row: Vec<u8>,
    stride: usize,
    in_row: u64,
    ones: u64,
}

impl OnesCounter {
    /// For images of this width.
    #[must_use]
    pub fn new(width: usize) -> Self {
        Self { stride: width.div_ceil(8), ..Self::default() }
    }

    /// The number of pixels that are set in all rows so far.
    #[must_use]
    pub fn ones(&self) -> u64 {
        self.ones
    }
}

impl Rows for OnesCounter {
    fn row(&mut self, fill: impl FnOnce(&mut [u8])) {
        self.row.resize(self.stride, 0);
        fill(&mut self.row);
        self.in_row = self.row.iter().map(|byte| u64::from(byte.count_ones())).sum();
        self.ones += self.in_row;
    }

    fn repeat(&mut self, count: usize) {
        self.ones += self.in_row * count as u64;
    }

    fn image(&mut self, image: BitmapView<'_>) {
        self.ones += image.count_ones() as u64;
    }
}
