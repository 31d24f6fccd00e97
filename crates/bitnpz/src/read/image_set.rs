//! The images under one key.

use std::borrow::Cow;

use bitnpz_bitmap::{BitmapView, Pixel, PixelValues};
use bitnpz_npy::{Dtype, DynArrayView, Element, Header};
use ndarray::{Array2, ArrayD, ArrayRef2, ArrayRef3, Axis};

use crate::error::{ErrorKind, Result};
use crate::packed::PackedKind;
use crate::value::Value;

/// The images under one key, at one bit per pixel in memory, or where they lie in the file.
///
/// Images are numbered along all dimensions but the last two, in C order.
#[derive(Clone, Debug)]
pub struct ImageSet<'a> {
    kind: PackedKind,
    shape: Vec<usize>,
    rows: Cow<'a, [u8]>,
}

impl<'a> ImageSet<'a> {
    /// `shape` is that of the array the images come back as.
    pub(super) fn new(kind: PackedKind, shape: &[usize], rows: Cow<'a, [u8]>) -> Result<Self> {
        // Checks the length and the padding of all rows at once.
        BitmapView::new(shape[..shape.len() - 1].iter().product(), kind.width, &rows)?;
        Ok(Self { kind, shape: shape.to_vec(), rows })
    }

    /// The number of images.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shape.iter().rev().skip(2).product()
    }

    /// Whether there are no images.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The shape of the array the images come back as: `(..., height, width)`.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The height of each image in pixels.
    #[must_use]
    pub fn height(&self) -> usize {
        self.shape[self.shape.len() - 2]
    }

    /// The width of each image in pixels.
    #[must_use]
    pub fn width(&self) -> usize {
        self.kind.width
    }

    /// The dtype of the array the images come back as.
    #[must_use]
    pub fn dtype(&self) -> &Dtype {
        &self.kind.dtype
    }

    /// The values of pixels whose bit is 0, and 1.
    #[must_use]
    pub fn values(&self) -> [Value; 2] {
        self.kind.values()
    }

    /// One image at one bit per pixel.
    ///
    /// # Errors
    ///
    /// If there is no image with this number.
    pub fn bitmap(&self, index: usize) -> Result<BitmapView<'_>> {
        if index >= self.len() {
            return Err(ErrorKind::NoSuchImage { index, len: self.len() }.into());
        }
        let bytes = self.height() * self.width().div_ceil(8);
        Ok(BitmapView::new(self.height(), self.width(), &self.rows[index * bytes..][..bytes])?)
    }

    /// All images, one by one.
    pub fn bitmaps(&self) -> impl ExactSizeIterator<Item = BitmapView<'_>> {
        (0..self.len()).map(|index| self.bitmap(index).expect("the index is below the length"))
    }

    /// One image in the type asked for. `bool` gives the bits of any image; every other type gives the values, if
    /// it holds them exactly.
    ///
    /// # Errors
    ///
    /// If there is no image with this number, or its values cannot be given in this type.
    pub fn read<T: Pixel + Element>(&self, index: usize) -> Result<Array2<T>> {
        Ok(self.bitmap(index)?.unpack(self.values_as()?))
    }

    /// As [`read`](Self::read), into the caller's array of shape `(height, width)`.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read), and if the array has another shape.
    pub fn read_into<T: Pixel + Element>(&self, index: usize, image: &mut ArrayRef2<T>) -> Result<()> {
        self.check_shape(&[], image.shape())?;
        self.bitmap(index)?.unpack_into(self.values_as()?, image);
        Ok(())
    }

    /// Reads several images into the caller's array of shape `(indices, height, width)`.
    ///
    /// # Errors
    ///
    /// As [`read_into`](Self::read_into).
    pub fn read_batch_into<T: Pixel + Element>(
        &self,
        indices: &[usize],
        batch: &mut ArrayRef3<T>,
    ) -> Result<()> {
        self.check_shape(&[indices.len()], batch.shape())?;
        let values = self.values_as()?;
        for (&index, mut image) in indices.iter().zip(batch.axis_iter_mut(Axis(0))) {
            self.bitmap(index)?.unpack_into(values, &mut image);
        }
        Ok(())
    }

    /// All images as one array of shape `(..., height, width)`.
    ///
    /// # Errors
    ///
    /// If their values cannot be given in this type.
    pub fn to_array<T: Pixel + Element>(&self) -> Result<ArrayD<T>> {
        let height = self.shape[..self.shape.len() - 1].iter().product();
        let pixels = BitmapView::new(height, self.width(), &self.rows)?.unpack(self.values_as()?);
        let (pixels, _) = pixels.into_raw_vec_and_offset();
        let found = vec![pixels.len()];
        let expected = self.shape.clone();
        ArrayD::from_shape_vec(self.shape.as_slice(), pixels)
            .map_err(|_| ErrorKind::WrongShape { expected, found }.into())
    }

    fn check_shape(&self, leading: &[usize], found: &[usize]) -> Result<()> {
        let expected = [leading, &[self.height(), self.width()]].concat();
        if expected == found {
            Ok(())
        } else {
            Err(ErrorKind::WrongShape { expected, found: found.to_vec() }.into())
        }
    }

    /// The two values in the type asked for.
    fn values_as<T: Pixel + Element>(&self) -> Result<PixelValues<T>> {
        let wanted = Dtype::of::<T>();
        if wanted == Dtype::of::<bool>() {
            return Ok(PixelValues::default());
        }
        let native = self.dtype().to_native();
        let convert =
            |value: Value, bits: u64| if native == wanted { Some(bits) } else { value.convert(&wanted) };
        let [off, on] = self.kind.values();
        let [off_bits, on_bits] = self.kind.bits;
        let value = |bits: Option<u64>| {
            let bytes = bits?.to_ne_bytes();
            // The low bytes, wherever this machine has them.
            let bytes = if cfg!(target_endian = "little") {
                &bytes[..size_of::<T>()]
            } else {
                &bytes[8 - size_of::<T>()..]
            };
            let header = Header::new(wanted.clone(), Vec::new());
            DynArrayView::new(header, bytes).ok()?.to_ndarray::<T>().ok()?.first().copied()
        };
        match (value(convert(off, off_bits)), value(convert(on, on_bits))) {
            (Some(off), Some(on)) => Ok(PixelValues { off, on }),
            _ => Err(ErrorKind::WrongType { expected: wanted, found: self.dtype().clone() }.into()),
        }
    }
}
