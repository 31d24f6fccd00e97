//! Images at one bit per pixel.

use std::fmt;

use ndarray::{Array2, ArrayRef2};

use crate::error::{ErrorKind, Result};
use crate::memory::make_room;
use crate::pack::{pack, pack_with};
use crate::pixel::{Pixel, PixelValues};
use crate::view::{BitmapView, last_byte_mask, packed_len, stride};

/// A bilevel image at one bit per pixel, in packed rows.
///
/// Each row starts at a byte, its first pixel in the highest bit, as `np.packbits(axis=-1)` packs it. The padding bits
/// behind the last pixel of a row are always zero. An image of 2 rows and 11 columns:
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
///
/// ```
/// use bitnpz_bitmap::Bitmap;
///
/// let mut image = Bitmap::from_packed(2, 11, vec![0b0000_0001, 0b1000_0000, 0, 0])?;
/// assert_eq!((image.height(), image.width()), (2, 11));
/// assert_eq!((image.get(0, 8), image.get(0, 9), image.get(0, 11)), (Some(true), Some(false), None));
/// image.set(1, 0, true);
/// assert_eq!(image.to_string(), ".......##..\n#..........\n");
/// # Ok::<(), bitnpz_bitmap::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Bitmap {
    height: usize,
    width: usize,
    rows: Vec<u8>,
}

impl Bitmap {
    /// Creates an image whose pixels are all 0.
    ///
    /// # Errors
    ///
    /// If the image is larger than the machine can address, or if there is not enough memory.
    pub fn zeros(height: usize, width: usize) -> Result<Self> {
        let (mut rows, len) = (Vec::new(), packed_len(height, width)?);
        make_room(&mut rows, len)?;
        rows.resize(len, 0);
        Ok(Self { height, width, rows })
    }

    /// Creates an image from packed rows; bits behind the last pixel of a row are cleared.
    ///
    /// # Errors
    ///
    /// If `rows` are not `height * ceil(width / 8)` bytes.
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

    /// Packs an array of any two values, shape `(height, width)`; returns the image and the values.
    ///
    /// ```
    /// use bitnpz_bitmap::{Bitmap, PixelValues};
    /// use ndarray::array;
    ///
    /// let (image, values) = Bitmap::pack(&array![[3.5_f32, 0.0], [3.5, 3.5]])?;
    /// assert_eq!(image.as_bytes(), [0b1000_0000, 0b1100_0000]);
    /// assert_eq!(values, PixelValues { off: 0.0, on: 3.5 });
    /// # Ok::<(), bitnpz_bitmap::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the array has a third value, or NaN.
    pub fn pack<T: Pixel>(image: &ArrayRef2<T>) -> Result<(Self, PixelValues<T>)> {
        let (rows, values) = pack(image)?;
        Ok((Self::from_array(rows, image.ncols()), values))
    }

    /// Packs an array of these two values, shape `(height, width)`.
    ///
    /// # Errors
    ///
    /// If the array has another value.
    pub fn pack_with<T: Pixel>(image: &ArrayRef2<T>, values: PixelValues<T>) -> Result<Self> {
        Ok(Self::from_array(pack_with(image, values)?, image.ncols()))
    }

    fn from_array(rows: Array2<u8>, width: usize) -> Self {
        Self { height: rows.nrows(), width, rows: rows.into_raw_vec_and_offset().0 }
    }

    /// Returns a view of the image.
    #[must_use]
    pub fn view(&self) -> BitmapView<'_> {
        BitmapView::new_unchecked(self.height, self.width, &self.rows)
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

    /// Returns the packed rows.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.rows
    }

    /// Returns the packed rows, as `np.packbits(axis=-1)` returns them, without copying.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.rows
    }

    /// Returns the pixel at this row and column, or `None` outside the image.
    #[must_use]
    pub fn get(&self, row: usize, column: usize) -> Option<bool> {
        self.view().get(row, column)
    }

    /// Sets the pixel at this row and column to `value`.
    ///
    /// # Panics
    ///
    /// If the pixel is outside the image.
    pub fn set(&mut self, row: usize, column: usize, value: bool) {
        assert!(
            row < self.height && column < self.width,
            "expected a pixel of an image of {} x {} pixels, found ({row}, {column})",
            self.height,
            self.width
        );
        let byte = &mut self.rows[row * stride(self.width) + column / 8];
        let bit = 0x80 >> (column % 8);
        *byte = if value { *byte | bit } else { *byte & !bit };
    }

    /// Unpacks the image into an array of these two values, shape `(height, width)`.
    #[must_use]
    pub fn unpack<T: Pixel>(&self, values: PixelValues<T>) -> Array2<T> {
        self.view().unpack(values)
    }
}

impl BitmapView<'_> {
    /// Copies the image.
    #[must_use]
    pub fn to_bitmap(&self) -> Bitmap {
        Bitmap { height: self.height(), width: self.width(), rows: self.as_bytes().to_vec() }
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
