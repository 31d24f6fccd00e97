//! Sinks that receive the rows of an image as they are decoded.

use crate::view::BitmapView;

/// Receives the packed rows of an image, from the first to the last, while its payload is decoded.
///
/// A sink that keeps only a summary, such as a count or a checksum, needs less memory and time than the whole image.
///
/// ```
/// use bitnpz_bitmap::BitmapView;
/// use bitnpz_bitmap::codec::{Decoder, Model, RowSink};
///
/// #[derive(Default)]
/// struct RowCounter(usize);
///
/// impl RowSink for RowCounter {
///     fn row(&mut self, fill: impl FnOnce(&mut [u8])) {
///         fill(&mut [0; 1]);
///         self.0 += 1;
///     }
///
///     fn repeat(&mut self, count: usize) {
///         self.0 += count;
///     }
///
///     fn image(&mut self, image: BitmapView<'_>) {
///         self.0 += image.height();
///     }
/// }
///
/// let model = Model::shipped("contour-2").unwrap();
/// let mut counter = RowCounter::default();
/// Decoder::new().decode_rows(model, &[0b1010_0000, 0], [2, 3], &mut counter)?;
/// assert_eq!(counter.0, 2);
/// # Ok::<(), bitnpz_bitmap::Error>(())
/// ```
pub trait RowSink {
    /// Receives the next row: `fill` writes all bytes of a buffer of the row's length, `ceil(width / 8)`.
    fn row(&mut self, fill: impl FnOnce(&mut [u8]));

    /// Receives `count` rows that are the same as the last one; blank ones, if there is none.
    fn repeat(&mut self, count: usize);

    /// Receives all rows of an image at once, instead of row by row.
    fn image(&mut self, image: BitmapView<'_>);
}

/// Passes on `count` blank rows.
pub(super) fn blank(rows: &mut impl RowSink, count: usize) {
    if count > 0 {
        rows.row(|row| row.fill(0));
        rows.repeat(count - 1);
    }
}

/// Writes rows into the bytes of a whole image, which are zero at first.
pub(super) struct RowBuffer<'a> {
    bytes: &'a mut [u8],
    stride: usize,
    /// The offset of the next row.
    next: usize,
}

impl<'a> RowBuffer<'a> {
    pub(super) fn new(bytes: &'a mut [u8], stride: usize) -> Self {
        Self { bytes, stride, next: 0 }
    }
}

impl RowSink for RowBuffer<'_> {
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

/// Counts the pixels that are set.
#[derive(Clone, Debug, Default)]
pub struct OnesCounter {
    row: Vec<u8>,
    stride: usize,
    in_row: u64,
    ones: u64,
}

impl OnesCounter {
    /// Creates a counter for images of this width.
    #[must_use]
    pub fn new(width: usize) -> Self {
        Self { stride: width.div_ceil(8), ..Self::default() }
    }

    /// Returns the number of pixels that are set in all rows so far.
    #[must_use]
    pub fn ones(&self) -> u64 {
        self.ones
    }
}

impl RowSink for OnesCounter {
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
