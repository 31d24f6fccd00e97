//! An image at one bit per pixel.

use std::fmt;

use ndarray::{Array2, ArrayRef2};

use crate::error::{ErrorKind, Result};
use crate::memory::make_room;
use crate::pack::{pack, pack_with};
use crate::pixel::{Pixel, PixelValues};
use crate::view::{BitmapView, last_byte_mask, packed_len, stride};

/// A bilevel image at one bit per pixel, in packed rows.
///
/// Each row starts at a byte, its first pixel in the highest bit (msb0), as `np.packbits(axis=-1)` packs
/// it. The bits behind a row's last pixel are zero, always. For an image of 2 rows and 11 pixels:
///
/// ```text
///            byte 0            byte 1
///      ┌─────────────────┬─────────────────┐
/// bit  │ 7 6 5 4 3 2 1 0 │ 7 6 5 4 3 2 1 0 │
/// row 0│ 0 1 2 3 4 5 6 7 │ 8 9 10 · · · · ·│   pixel; · is padding, zero
///      ├─────────────────┼─────────────────┤
///            byte 2            byte 3
/// row 1│ 0 1 2 3 4 5 6 7 │ 8 9 10 · · · · ·│
///      └─────────────────┴─────────────────┘
/// ```
///
/// Height and width may be zero.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Bitmap {
    height: usize,
    width: usize,
    rows: Vec<u8>,
}

impl Bitmap {
    /// An image of pixels that are not set.
    ///
    /// # Errors
    ///
    /// If the image has more bytes than can be addressed, or than there are.
    pub fn zeros(height: usize, width: usize) -> Result<Self> {
        let (mut rows, len) = (Vec::new(), packed_len(height, width)?);
        make_room(&mut rows, len)?;
        rows.resize(len, 0);
        Ok(Self { height, width, rows })
    }

    /// An image of these packed rows; bits behind the last pixel of a row are cleared.
    ///
    /// # Errors
    ///
    /// If there are more or fewer bytes than the size asks for.
    pub fn from_packed(height: usize, width: usize, mut rows: Vec<u8>) -> Result<Self> {
        let expected = packed_len(height, width)?;
        if rows.len() != expected {
            return Err(ErrorKind::Length { expected, found: rows.len() }.into());
        }
        let mask = last_byte_mask(width);
        if mask != 0xFF {
            rows.iter_mut().skip(stride(width) - 1).step_by(stride(width)).for_each(|last| *last &= mask);
        }
        Ok(Self { height, width, rows })
    }

    pub(crate) fn from_view(view: BitmapView<'_>) -> Self {
        Self { height: view.height(), width: view.width(), rows: view.as_bytes().to_vec() }
    }

    /// Packs an array of any two values, shape `(height, width)`, and says which they are.
    ///
    /// # Errors
    ///
    /// If there is a third value, or NaN.
    pub fn pack<T: Pixel>(image: &ArrayRef2<T>) -> Result<(Self, PixelValues<T>)> {
        let (rows, values) = pack(image)?;
        Ok((Self::from_array(rows, image.ncols()), values))
    }

    /// Packs an array of these two values, shape `(height, width)`.
    ///
    /// # Errors
    ///
    /// If there is another value.
    pub fn pack_with<T: Pixel>(image: &ArrayRef2<T>, values: PixelValues<T>) -> Result<Self> {
        Ok(Self::from_array(pack_with(image, values)?, image.ncols()))
    }

    fn from_array(rows: Array2<u8>, width: usize) -> Self {
        Self { height: rows.nrows(), width, rows: rows.into_raw_vec_and_offset().0 }
    }

    /// The image where it lies.
    #[must_use]
    pub fn view(&self) -> BitmapView<'_> {
        BitmapView::new_unchecked(self.height, self.width, &self.rows)
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

    /// All packed rows.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.rows
    }

    /// All packed rows, as `np.packbits(axis=-1)` gives them.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.rows
    }

    /// The pixel at this row and column, or `None` if there is none.
    #[must_use]
    pub fn get(&self, row: usize, column: usize) -> Option<bool> {
        self.view().get(row, column)
    }

    /// Sets the pixel at this row and column.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub fn set(&mut self, row: usize, column: usize, value: bool) {
        assert!(
            row < self.height && column < self.width,
            "pixel ({row}, {column}) of {} x {}",
            self.height,
            self.width
        );
        let byte = &mut self.rows[row * stride(self.width) + column / 8];
        let bit = 0x80 >> (column % 8);
        *byte = if value { *byte | bit } else { *byte & !bit };
    }

    /// The array that was packed, shape `(height, width)`.
    #[must_use]
    pub fn unpack<T: Pixel>(&self, values: PixelValues<T>) -> Array2<T> {
        self.view().unpack(values)
    }
}

impl fmt::Display for Bitmap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.view(), f)
    }
}

impl fmt::Debug for Bitmap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.view(), f)
    }
}
