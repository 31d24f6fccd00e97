//! The images under one key.

use std::borrow::Cow;
use std::num::NonZero;
use std::ops::Range;

use bitnpz_bitmap::codec::Codec;
use bitnpz_bitmap::{Bitmap, BitmapView, Pixel, PixelValues};
use bitnpz_npy::{Dtype, DynArrayView, Element, Header};
use ndarray::{Array2, ArrayD, ArrayRef2, ArrayRef3, ArrayViewMut3, Axis};

use crate::error::{ErrorKind, Result};
use crate::packed::{PackedKind, unpack};
use crate::set::StoredSet;
use crate::value::Value;

/// Smaller batches are read by one thread.
const PIXELS_OF_A_THREAD: usize = 1 << 21;

/// Images of an image set, one after the other.
#[derive(Clone, Debug)]
pub(crate) struct StoredImages<'a> {
    zip: &'a bitnpz_npz::Archive,
    set: &'a StoredSet,
    /// Which of them.
    range: Range<usize>,
}

impl<'a> StoredImages<'a> {
    pub(super) fn new(zip: &'a bitnpz_npz::Archive, set: &'a StoredSet, range: Range<usize>) -> Self {
        Self { zip, set, range }
    }

    /// The number of images.
    pub(crate) fn len(&self) -> usize {
        self.range.len()
    }

    pub(super) fn codec(&self) -> Codec {
        self.set.codec()
    }

    /// The shape of the array that they come back as.
    pub(super) fn shape(&self) -> Result<Vec<usize>> {
        Ok(match self.set.stack() {
            Some((_, shape)) => shape.to_vec(),
            None => self.set.size(self.zip, self.range.start)?.to_vec(),
        })
    }

    /// The header of the array that they come back as.
    pub(super) fn header(&self) -> Result<Header> {
        let header = Header::new(self.set.kind(0).dtype, self.shape()?);
        // The header's own arithmetic says whether so many pixels can be counted.
        header.to_bytes()?;
        Ok(header)
    }

    /// The bytes that they take in the file.
    pub(super) fn stored_bytes(&self) -> u64 {
        match self.set.stack() {
            Some(_) => self.set.stored_bytes(),
            None => self.set.payload_bytes(self.zip, self.range.start).unwrap_or(0),
        }
    }

    fn with_image<R>(&self, index: usize, with: impl FnOnce(BitmapView<'_>) -> R) -> Result<R> {
        self.set.with_image(self.zip, self.range.start + index, with)
    }

    /// Appends the pixels of some of them, as they lie in memory.
    pub(crate) fn unpack(&self, images: Range<usize>, pixels: &mut Vec<u8>) -> Result<()> {
        for index in images {
            self.with_image(index, |image| {
                let kind = self.set.kind(image.width());
                pixels.extend(unpack(image.as_bytes(), kind.width, &kind.dtype, kind.bits));
            })?;
        }
        Ok(())
    }
}

/// The images under one key, at one bit per pixel in memory, or where they lie in the file.
///
/// Images are numbered along all dimensions but the last two, in C order.
#[derive(Clone, Debug)]
pub struct ImageSet<'a> {
    kind: PackedKind,
    shape: Vec<usize>,
    source: Source<'a>,
}

#[derive(Clone, Debug)]
enum Source<'a> {
    /// Packed rows of all images.
    Rows(Cow<'a, [u8]>),
    Stored(StoredImages<'a>),
}

impl<'a> ImageSet<'a> {
    /// Images of these packed rows; `shape` is that of the array they come back as.
    pub(super) fn packed(kind: PackedKind, shape: &[usize], rows: Cow<'a, [u8]>) -> Result<Self> {
        // Checks the length and the padding of all rows at once.
        BitmapView::new(shape[..shape.len() - 1].iter().product(), kind.width, &rows)?;
        Ok(Self { kind, shape: shape.to_vec(), source: Source::Rows(rows) })
    }

    /// Images of an image set.
    pub(super) fn stored(images: StoredImages<'a>) -> Result<Self> {
        let shape = images.shape()?;
        let width = shape.last().copied().unwrap_or(0);
        Ok(Self { kind: images.set.kind(width), shape, source: Source::Stored(images) })
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

    /// How the images of an image set are coded; `None` for images that are not in one.
    #[must_use]
    pub fn codec(&self) -> Option<Codec> {
        match &self.source {
            Source::Rows(_) => None,
            Source::Stored(images) => Some(images.codec()),
        }
    }

    /// Calls `with` with one image at one bit per pixel, in memory that is used again for the next.
    ///
    /// # Errors
    ///
    /// If there is no image with this number, or it is damaged.
    pub fn with_bitmap<R>(&self, index: usize, with: impl FnOnce(BitmapView<'_>) -> R) -> Result<R> {
        if index >= self.len() {
            return Err(ErrorKind::NoSuchImage { index, len: self.len() }.into());
        }
        match &self.source {
            Source::Rows(rows) => {
                let bytes = self.height() * self.width().div_ceil(8);
                Ok(with(BitmapView::new(self.height(), self.width(), &rows[index * bytes..][..bytes])?))
            }
            Source::Stored(images) => images.with_image(index, with),
        }
    }

    /// One image at one bit per pixel.
    ///
    /// # Errors
    ///
    /// As [`with_bitmap`](Self::with_bitmap).
    pub fn bitmap(&self, index: usize) -> Result<Bitmap> {
        self.with_bitmap(index, |image| image.to_bitmap())
    }

    /// All images, one by one.
    pub fn bitmaps(&self) -> impl ExactSizeIterator<Item = Result<Bitmap>> {
        (0..self.len()).map(|index| self.bitmap(index))
    }

    /// One image in the type asked for. `bool` gives the bits of any image; every other type gives the values, if
    /// it holds them exactly.
    ///
    /// # Errors
    ///
    /// If there is no image with this number, its values cannot be given in this type, or it is damaged.
    pub fn read<T: Pixel + Element>(&self, index: usize) -> Result<Array2<T>> {
        let values = self.values_as()?;
        self.check_limit::<T>(1)?;
        self.with_bitmap(index, |image| image.unpack(values))
    }

    /// As [`read`](Self::read), into the caller's array of shape `(height, width)`.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read), and if the array has another shape.
    pub fn read_into<T: Pixel + Element>(&self, index: usize, image: &mut ArrayRef2<T>) -> Result<()> {
        self.check_shape(&[], image.shape())?;
        let values = self.values_as()?;
        self.with_bitmap(index, |bitmap| bitmap.unpack_into(values, image))
    }

    /// Reads several images into the caller's array of shape `(indices, height, width)`, large batches on all cores.
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
        let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
        let threads = threads.min(batch.len() / PIXELS_OF_A_THREAD).max(1);
        let share = indices.len().div_ceil(threads).max(1);
        let read = |indices: &[usize], mut batch: ArrayViewMut3<'_, T>| {
            let mut images = indices.iter().zip(batch.outer_iter_mut());
            images.try_for_each(|(&index, mut image)| {
                self.with_bitmap(index, |bitmap| bitmap.unpack_into(values, &mut image))
            })
        };
        std::thread::scope(|scope| {
            let read = &read;
            let mut shares = indices.chunks(share).zip(batch.axis_chunks_iter_mut(Axis(0), share));
            let own = shares.next();
            let others: Vec<_> =
                shares.map(|(indices, batch)| scope.spawn(move || read(indices, batch))).collect();
            own.map_or(Ok(()), |(indices, batch)| read(indices, batch))?;
            others.into_iter().try_for_each(|other| other.join().expect("reading does not panic"))
        })
    }

    /// All images as one array of shape `(..., height, width)`.
    ///
    /// # Errors
    ///
    /// If their values cannot be given in this type, if there are more than the limit allows, or if one is damaged.
    pub fn to_array<T: Pixel + Element>(&self) -> Result<ArrayD<T>> {
        let values = self.values_as()?;
        self.check_limit::<T>(self.len())?;
        let mut array = ArrayD::from_elem(self.shape.as_slice(), values.off);
        let size = [self.len(), self.height(), self.width()];
        let mut images = array.view_mut().into_shape_with_order(size).expect("a new array is contiguous");
        self.read_batch_into(&(0..self.len()).collect::<Vec<_>>(), &mut images)?;
        Ok(array)
    }

    /// That so many images, which are not in memory yet, are not too much.
    fn check_limit<T>(&self, images: usize) -> Result<()> {
        let Source::Stored(stored) = &self.source else { return Ok(()) };
        let bytes = [self.height(), self.width(), size_of::<T>()];
        let found =
            bytes.into_iter().fold(images as u64, |product, factor| product.saturating_mul(factor as u64));
        let limit = stored.zip.limits().npy.array_bytes;
        if found > limit { Err(ErrorKind::TooLarge { found, limit }.into()) } else { Ok(()) }
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
