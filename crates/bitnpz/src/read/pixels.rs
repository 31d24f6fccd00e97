//! Reading the pixels of one image.

use bitnpz_bitmap::{Bitmap, BitmapView, Pixel, PixelValues};
use bitnpz_npy::{Dtype, DynArray, DynArrayView, Element, Header, copy, with_room};
use ndarray::{Array2, ArrayRef2};

use super::check::check_shape;
use super::images::{ImageStorage, Images};
use crate::error::{ErrorKind, Result};
use crate::packed::unpack;
use crate::value::{Value, swap};

impl Images {
    /// Calls `with` with one image at one bit per pixel, usually without allocating memory for it.
    ///
    /// ```
    /// # let mut writer = bitnpz::Writer::unnamed(&bitnpz::WriteOptions::default())?;
    /// # writer.add_images("glyphs", &ndarray::array![[[true, false]], [[true, true]]])?;
    /// # let mut bytes = Vec::new();
    /// # writer.finish_into(&mut bytes)?;
    /// # let glyphs = bitnpz::Archive::from_bytes(bytes)?.images("glyphs")?;
    /// let ones = glyphs.with_bitmap(1, |image| image.count_ones())?;
    /// assert_eq!(ones, 2);
    /// # Ok::<(), bitnpz::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the index is out of range, or the image is damaged.
    pub fn with_bitmap<R>(&self, index: usize, with: impl FnOnce(BitmapView<'_>) -> R) -> Result<R> {
        self.check_index(index)?;
        match &self.storage {
            ImageStorage::Packed(rows) => {
                let size = self.size.unwrap_or_default();
                rows.with_image(index, size, |image| self.with_stored(image, with))
            }
            ImageStorage::Set(images) => images.with_image(index, |image| self.with_stored(image, with)),
            ImageStorage::Shards(shards) => {
                Self::in_shard(&**shards, index, |images, index| images.with_bitmap(index, with))
            }
        }
    }

    /// Reads one image at one bit per pixel.
    ///
    /// # Errors
    ///
    /// As [`with_bitmap`](Self::with_bitmap).
    pub fn bitmap(&self, index: usize) -> Result<Bitmap> {
        self.with_bitmap(index, |image| {
            let rows = copy(image.as_bytes())?;
            Ok(Bitmap::from_packed(image.height(), image.width(), rows)?)
        })?
    }

    /// Reads one image as an array of `T`, shape `(height, width)`. With `bool` it returns the bits of the image, whatever its
    /// values; with any other type the values, which the type must hold exactly.
    ///
    /// ```
    /// # let mut writer = bitnpz::Writer::unnamed(&bitnpz::WriteOptions::default())?;
    /// # writer.add_images("glyphs", &ndarray::array![[[0, 255_u8]], [[255, 255]]])?;
    /// # let mut bytes = Vec::new();
    /// # writer.finish_into(&mut bytes)?;
    /// # let glyphs = bitnpz::Archive::from_bytes(bytes)?.images("glyphs")?;
    /// assert_eq!(glyphs.read::<u8>(0)?, ndarray::array![[0, 255]]);
    /// assert_eq!(glyphs.read::<f32>(0)?, ndarray::array![[0.0, 255.0]]);
    /// assert_eq!(glyphs.read::<bool>(0)?, ndarray::array![[false, true]]);
    /// assert!(glyphs.read::<i8>(0).is_err());
    /// # Ok::<(), bitnpz::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the index is out of range, if the type cannot hold the values, or if the image is damaged.
    pub fn read<T: Pixel + Element>(&self, index: usize) -> Result<Array2<T>> {
        let values = self.values_as()?;
        self.with_bitmap(index, |image| {
            let size = (image.height(), image.width());
            let mut pixels = with_room(size.0 * size.1)?;
            pixels.resize(size.0 * size.1, values.off);
            let mut array = Array2::from_shape_vec(size, pixels).expect("the image has this many pixels");
            image.unpack_into(values, &mut array);
            Ok(array)
        })?
    }

    /// Reads one image into the caller's array of shape `(height, width)`, as [`read`](Self::read) does.
    ///
    /// ```
    /// # let mut writer = bitnpz::Writer::unnamed(&bitnpz::WriteOptions::default())?;
    /// # writer.add_images("glyphs", &ndarray::array![[[true, false]], [[true, true]]])?;
    /// # let mut bytes = Vec::new();
    /// # writer.finish_into(&mut bytes)?;
    /// # let glyphs = bitnpz::Archive::from_bytes(bytes)?.images("glyphs")?;
    /// let mut image = ndarray::Array2::from_elem((1, 2), false);
    /// for index in 0..glyphs.len() {
    ///     glyphs.read_into(index, &mut image)?;
    /// }
    /// assert_eq!(image, ndarray::array![[true, true]]);
    /// # Ok::<(), bitnpz::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read), and if the array has another shape.
    pub fn read_into<T: Pixel + Element>(&self, index: usize, image: &mut ArrayRef2<T>) -> Result<()> {
        let values = self.values_as()?;
        self.with_bitmap(index, |bitmap| {
            check_shape(&[bitmap.height(), bitmap.width()], image.shape())?;
            bitmap.unpack_into(values, image);
            Ok(())
        })?
    }

    /// Reads one image as an array of its own dtype.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub fn read_dyn(&self, index: usize) -> Result<DynArray> {
        let (dtype, bits) = (self.dtype(), self.kind.bits);
        self.with_bitmap(index, |image| {
            let pixels = unpack(image.as_bytes(), image.width(), dtype, bits)?;
            let header = Header::new(dtype.clone(), vec![image.height(), image.width()]);
            Ok(DynArray::new(header, pixels)?)
        })?
    }

    /// Counts the pixels of one image whose bit is 1, without memory for the image.
    ///
    /// # Errors
    ///
    /// If the index is out of range, or the image is damaged.
    pub(super) fn count_ones_of(&self, index: usize) -> Result<u64> {
        match &self.storage {
            ImageStorage::Packed(_) | ImageStorage::Shards(_) => {
                self.with_bitmap(index, |image| image.count_ones() as u64)
            }
            ImageStorage::Set(images) => self.ones_of_stored(index, images.count_ones(index)?),
        }
    }

    /// Returns the two values converted to a dtype, each as the bytes of an item in memory, the first byte in the lowest bits.
    pub(super) fn lanes_as(&self, wanted: &Dtype) -> Result<[u64; 2]> {
        if *wanted == Dtype::of::<bool>() {
            return Ok([0, 1]);
        }
        let is_same = self.dtype().to_native() == wanted.to_native();
        let convert = |(value, bits): (Value, u64)| if is_same { Some(bits) } else { value.convert(wanted) };
        let [off, on] = self.kind.values();
        let [off_bits, on_bits] = self.kind.bits;
        match (convert((off, off_bits)), convert((on, on_bits))) {
            (Some(off), Some(on)) => Ok([off, on].map(|bits| swap(wanted, bits))),
            _ => Err(ErrorKind::WrongType { expected: wanted.clone(), found: self.dtype().clone() }.into()),
        }
    }

    /// Returns the two values converted to `T`.
    pub(super) fn values_as<T: Pixel + Element>(&self) -> Result<PixelValues<T>> {
        let wanted = Dtype::of::<T>();
        if wanted == Dtype::of::<bool>() {
            return Ok(PixelValues::default());
        }
        let value = |lane: u64| {
            let bytes = lane.to_ne_bytes();
            // The low bytes, in this machine's byte order.
            let bytes = if cfg!(target_endian = "little") {
                &bytes[..size_of::<T>()]
            } else {
                &bytes[8 - size_of::<T>()..]
            };
            let header = Header::new(wanted.clone(), Vec::new());
            let item = DynArrayView::new(header, bytes)?.to_ndarray::<T>()?;
            Ok::<_, bitnpz_npy::Error>(item.first().copied())
        };
        let [off, on] = self.lanes_as(&wanted)?.map(value);
        match (off?, on?) {
            (Some(off), Some(on)) => Ok(PixelValues { off, on }),
            _ => unreachable!("an array without dimensions has one item"),
        }
    }
}
