//! Views of images in borrowed bytes.

use std::fmt;
use std::ops::Range;

use bitvec::order::Msb0;
use bitvec::slice::BitSlice;
use bitvec::view::BitView;
use ndarray::{Array2, ArrayRef2};

use crate::error::{ErrorKind, Result};
use crate::kernels::{Lane, unpack_rows};
use crate::pixel::{Pixel, PixelValues};

/// A view of an image whose packed rows are borrowed, from a [`Bitmap`](crate::Bitmap) or a memory map for example.
///
/// ```
/// use bitnpz_bitmap::{BitmapView, PixelValues};
/// use ndarray::array;
///
/// let image = BitmapView::new(2, 5, &[0b0110_0000, 0b0001_0000])?;
/// assert_eq!(image.count_ones(), 3);
/// assert_eq!(image.rows().next(), Some(&[0b0110_0000][..]));
/// assert_eq!(image.unpack(PixelValues { off: 0_u8, on: 9 }), array![[0, 9, 9, 0, 0], [0, 0, 0, 9, 0]]);
/// # Ok::<(), bitnpz_bitmap::Error>(())
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct BitmapView<'a> {
    height: usize,
    width: usize,
    rows: &'a [u8],
}

/// The smallest ranges of rows and columns that hold all pixels that are set.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BoundingBox {
    /// The rows from the first to the last with a pixel set.
    pub rows: Range<usize>,
    /// The columns from the first to the last with a pixel set.
    pub columns: Range<usize>,
}

/// Returns the length of a packed row in bytes.
pub(crate) fn stride(width: usize) -> usize {
    width.div_ceil(8)
}

/// Returns the length of all packed rows in bytes.
pub(crate) fn packed_len(height: usize, width: usize) -> Result<usize> {
    let len = stride(width).checked_mul(height).filter(|&len| isize::try_from(len).is_ok());
    Ok(len.ok_or(ErrorKind::TooLarge { shape: [height, width] })?)
}

/// Returns the mask of the bits of a row's last byte that belong to pixels.
pub(crate) fn last_byte_mask(width: usize) -> u8 {
    match width % 8 {
        0 => 0xFF,
        bits => !(0xFF >> bits),
    }
}

impl<'a> BitmapView<'a> {
    /// Creates a view of packed rows.
    ///
    /// # Errors
    ///
    /// If `rows` are not `height * ceil(width / 8)` bytes, or if a bit behind the last pixel of a row is set.
    pub fn new(height: usize, width: usize, rows: &'a [u8]) -> Result<Self> {
        let expected = packed_len(height, width)?;
        if rows.len() != expected {
            return Err(ErrorKind::Length { expected, found: rows.len() }.into());
        }
        let padding = !last_byte_mask(width);
        // Rows without bytes are not visited: there can be any number of them.
        if padding != 0 {
            let mut lasts = rows.iter().skip(stride(width) - 1).step_by(stride(width));
            // All at once, which takes half the time of stopping at the first.
            if lasts.clone().fold(0, |all, last| all | last) & padding != 0 {
                let row = lasts.position(|last| last & padding != 0).unwrap_or_default();
                return Err(ErrorKind::Padding { row }.into());
            }
        }
        Ok(Self { height, width, rows })
    }

    /// Creates a view of packed rows whose length and padding are known to be right.
    pub(crate) fn new_unchecked(height: usize, width: usize, rows: &'a [u8]) -> Self {
        Self { height, width, rows }
    }

    /// Returns the number of rows.
    #[must_use]
    pub fn height(&self) -> usize {
        self.height
    }

    /// Returns the number of pixels in a row.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// Returns the length of a packed row in bytes: `ceil(width / 8)`.
    #[must_use]
    pub fn stride(&self) -> usize {
        stride(self.width)
    }

    /// Returns the packed rows.
    #[must_use]
    pub fn as_bytes(&self) -> &'a [u8] {
        self.rows
    }

    /// Returns an iterator over the packed rows.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &'a [u8]> + use<'a> {
        let (rows, stride) = (self.rows, self.stride());
        (0..self.height).map(move |row| &rows[row * stride..][..stride])
    }

    /// Returns the pixels of a row as a `bitvec` slice.
    ///
    /// # Panics
    ///
    /// If the row is outside the image.
    #[must_use]
    pub fn bits(&self, row: usize) -> &'a BitSlice<u8, Msb0> {
        assert!(row < self.height, "expected a row of an image of {} rows, found {row}", self.height);
        &self.rows[row * self.stride()..][..self.stride()].view_bits()[..self.width]
    }

    /// Returns the pixel at this row and column, or `None` outside the image.
    #[must_use]
    pub fn get(&self, row: usize, column: usize) -> Option<bool> {
        let inside = row < self.height && column < self.width;
        inside.then(|| self.rows[row * self.stride() + column / 8] & (0x80 >> (column % 8)) != 0)
    }

    /// Returns the number of pixels that are set.
    #[must_use]
    pub fn count_ones(&self) -> usize {
        let (words, rest) = self.rows.as_chunks::<8>();
        let ones = words.iter().map(|word| u64::from_ne_bytes(*word).count_ones() as usize).sum::<usize>();
        ones + rest.iter().map(|byte| byte.count_ones() as usize).sum::<usize>()
    }

    /// Returns the bounding box of the pixels that are set, or `None` if there are none.
    ///
    /// ```
    /// use bitnpz_bitmap::BitmapView;
    ///
    /// let image = BitmapView::new(3, 5, &[0, 0b0110_0000, 0b0001_0000])?;
    /// let bounds = image.bounding_box().unwrap();
    /// assert_eq!((bounds.rows, bounds.columns), (1..3, 1..4));
    /// # Ok::<(), bitnpz_bitmap::Error>(())
    /// ```
    #[must_use]
    pub fn bounding_box(&self) -> Option<BoundingBox> {
        let first = self.rows.iter().position(|&byte| byte != 0)? / self.stride();
        let last = self.rows.iter().rposition(|&byte| byte != 0)? / self.stride();
        let mut columns = vec![0; self.stride()];
        for row in self.rows().take(last + 1).skip(first) {
            columns.iter_mut().zip(row).for_each(|(seen, byte)| *seen |= byte);
        }
        let left = columns.iter().position(|&byte| byte != 0)?;
        let right = columns.iter().rposition(|&byte| byte != 0)?;
        let left = left * 8 + columns[left].leading_zeros() as usize;
        let right = right * 8 + 8 - columns[right].trailing_zeros() as usize;
        Some(BoundingBox { rows: first..last + 1, columns: left..right })
    }

    /// Unpacks the image into an array of these two values, shape `(height, width)`.
    #[must_use]
    pub fn unpack<T: Pixel>(&self, values: PixelValues<T>) -> Array2<T> {
        let mut image = Array2::from_elem((self.height, self.width), values.off);
        self.unpack_into(values, &mut image);
        image
    }

    /// Unpacks the image into the array `image`, shape `(height, width)`.
    ///
    /// # Panics
    ///
    /// If `image` has another shape.
    pub fn unpack_into<T: Pixel>(&self, values: PixelValues<T>, image: &mut ArrayRef2<T>) {
        assert_eq!(image.dim(), (self.height, self.width), "the shape of the array to unpack into");
        if let Some(pixels) = image.as_slice_mut() {
            T::unpack_rows(self.rows, self.width, values, pixels);
            return;
        }
        let mut unpacked = vec![values.off; self.width];
        for (packed, mut row) in self.rows().zip(image.rows_mut()) {
            T::unpack_rows(packed, self.width, values, &mut unpacked);
            row.iter_mut().zip(&unpacked).for_each(|(pixel, &value)| *pixel = value);
        }
    }

    /// Unpacks the image into a slice of `height * width` lanes, for types that are known only at run time.
    ///
    /// # Panics
    ///
    /// If `lanes` has another length.
    pub fn unpack_lanes<L: Lane>(&self, off: L, on: L, lanes: &mut [L]) {
        unpack_rows(self.rows, self.width, off, on, lanes);
    }
}

/// Writes a line for each row: `#` for a pixel that is set, `.` for one that is not.
impl fmt::Display for BitmapView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for row in 0..self.height {
            let text: String = self.bits(row).iter().map(|bit| if *bit { '#' } else { '.' }).collect();
            writeln!(f, "{text}")?;
        }
        Ok(())
    }
}

/// Writes the size, and the pixels of images of at most 64 x 128, which fit a terminal.
impl fmt::Debug for BitmapView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bitmap {} x {}", self.height, self.width)?;
        if self.height <= 64 && self.width <= 128 { write!(f, "\n{self}") } else { Ok(()) }
    }
}
