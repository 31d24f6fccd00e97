//! An image that lies in someone else's bytes.

use std::fmt;
use std::ops::Range;

use bitvec::order::Msb0;
use bitvec::slice::BitSlice;
use bitvec::view::BitView;
use ndarray::{Array2, ArrayRef2};

use crate::bitmap::Bitmap;
use crate::error::{ErrorKind, Result};
use crate::kernels::{Lane, unpack_rows};
use crate::pixel::{Pixel, PixelValues};

/// A borrowed [`Bitmap`]: packed rows that lie in someone else's bytes, such as a memory map.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct BitmapView<'a> {
    height: usize,
    width: usize,
    rows: &'a [u8],
}

/// The rows and columns from the first pixel set to the last.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BoundingBox {
    /// The rows with pixels set, and those between them.
    pub rows: Range<usize>,
    /// The columns with pixels set, and those between them.
    pub columns: Range<usize>,
}

/// The bytes of one packed row.
pub(crate) fn stride(width: usize) -> usize {
    width.div_ceil(8)
}

/// The bytes of all packed rows.
pub(crate) fn packed_len(height: usize, width: usize) -> Result<usize> {
    let len = stride(width).checked_mul(height).filter(|&len| isize::try_from(len).is_ok());
    Ok(len.ok_or(ErrorKind::TooLarge { shape: [height, width] })?)
}

/// The bits of a row's last byte that belong to pixels.
pub(crate) fn last_byte_mask(width: usize) -> u8 {
    match width % 8 {
        0 => 0xFF,
        bits => !(0xFF >> bits),
    }
}

impl<'a> BitmapView<'a> {
    /// An image of these packed rows, where they lie.
    ///
    /// # Errors
    ///
    /// If there are more or fewer bytes than the size asks for, or if a bit behind the last pixel of a row
    /// is set.
    pub fn new(height: usize, width: usize, rows: &'a [u8]) -> Result<Self> {
        let expected = packed_len(height, width)?;
        if rows.len() != expected {
            return Err(ErrorKind::Length { expected, found: rows.len() }.into());
        }
        let padding = !last_byte_mask(width);
        // Only rows that have bytes can be gone through: of others there can be any number.
        if padding != 0 {
            let mut lasts = rows.iter().skip(stride(width) - 1).step_by(stride(width));
            if let Some(row) = lasts.position(|last| last & padding != 0) {
                return Err(ErrorKind::Padding { row }.into());
            }
        }
        Ok(Self { height, width, rows })
    }

    /// For rows whose length and padding are known to be right.
    pub(crate) fn new_unchecked(height: usize, width: usize, rows: &'a [u8]) -> Self {
        Self { height, width, rows }
    }

    /// The number of rows.
    #[must_use]
    pub fn height(&self) -> usize {
        self.height
    }

    /// The number of pixels in a row.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// The bytes of a row: `ceil(width / 8)`.
    #[must_use]
    pub fn stride(&self) -> usize {
        stride(self.width)
    }

    /// All packed rows.
    #[must_use]
    pub fn as_bytes(&self) -> &'a [u8] {
        self.rows
    }

    /// The packed rows, one by one.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &'a [u8]> + use<'a> {
        let (rows, stride) = (self.rows, self.stride());
        (0..self.height).map(move |row| &rows[row * stride..][..stride])
    }

    /// One row as a `bitvec` slice of its pixels.
    ///
    /// # Panics
    ///
    /// If there is no such row.
    #[must_use]
    pub fn bits(&self, row: usize) -> &'a BitSlice<u8, Msb0> {
        assert!(row < self.height, "row {row} of an image of {} rows", self.height);
        &self.rows[row * self.stride()..][..self.stride()].view_bits()[..self.width]
    }

    /// The pixel at this row and column, or `None` if there is none.
    #[must_use]
    pub fn get(&self, row: usize, column: usize) -> Option<bool> {
        let inside = row < self.height && column < self.width;
        inside.then(|| self.rows[row * self.stride() + column / 8] & (0x80 >> (column % 8)) != 0)
    }

    /// How many pixels are set.
    #[must_use]
    pub fn count_ones(&self) -> usize {
        let (words, rest) = self.rows.as_chunks::<8>();
        let ones = words.iter().map(|word| u64::from_ne_bytes(*word).count_ones() as usize).sum::<usize>();
        ones + rest.iter().map(|byte| byte.count_ones() as usize).sum::<usize>()
    }

    /// Where the pixels lie that are set, or `None` if none is.
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

    /// The array that was packed, shape `(height, width)`.
    #[must_use]
    pub fn unpack<T: Pixel>(&self, values: PixelValues<T>) -> Array2<T> {
        let mut image = Array2::from_elem((self.height, self.width), values.off);
        self.unpack_into(values, &mut image);
        image
    }

    /// Unpacks into the caller's array.
    ///
    /// # Panics
    ///
    /// If `image` is not of shape `(height, width)`.
    pub fn unpack_into<T: Pixel>(&self, values: PixelValues<T>, image: &mut ArrayRef2<T>) {
        assert_eq!(image.dim(), (self.height, self.width), "the shape of the array to unpack into");
        if let Some(pixels) = image.as_slice_mut() {
            T::unpack_rows(self.rows, self.width, values, pixels);
            return;
        }
        let mut scratch = vec![values.off; self.width];
        for (packed, mut row) in self.rows().zip(image.rows_mut()) {
            T::unpack_rows(packed, self.width, values, &mut scratch);
            row.iter_mut().zip(&scratch).for_each(|(pixel, &value)| *pixel = value);
        }
    }

    /// Unpacks into a slice of `height * width` lanes: the bit patterns of any type's two values.
    ///
    /// # Panics
    ///
    /// If `lanes` is of another length.
    pub fn unpack_lanes<L: Lane>(&self, off: L, on: L, lanes: &mut [L]) {
        unpack_rows(self.rows, self.width, off, on, lanes);
    }

    /// The image with its own copy of the rows.
    #[must_use]
    pub fn to_bitmap(&self) -> Bitmap {
        Bitmap::from_view(*self)
    }
}

/// The pixels as text, `#` for one that is set and `.` for one that is not.
impl fmt::Display for BitmapView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for row in 0..self.height {
            let text: String = self.bits(row).iter().map(|bit| if *bit { '#' } else { '.' }).collect();
            writeln!(f, "{text}")?;
        }
        Ok(())
    }
}

/// The size, and the pixels of an image small enough to be looked at.
impl fmt::Debug for BitmapView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bitmap {} x {}", self.height, self.width)?;
        if self.height <= 64 && self.width <= 128 { write!(f, "\n{self}") } else { Ok(()) }
    }
}
