//! Images: those under one key, or those of an image set that have keys of their own.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use bitnpz_bitmap::codec::Codec;
use bitnpz_bitmap::{Bitmap, BitmapView, Pixel, PixelValues};
use bitnpz_npy::{Dtype, DynArray, DynArrayView, Element, Header, copy, with_room};
use ndarray::{Array2, ArrayRef2};

use super::check::{check_countable, check_shape};
use super::packed_rows::PackedRows;
use super::stored_images::StoredImages;
use crate::axes::ImageAxes;
use crate::error::{ErrorKind, Result};
use crate::packed::{PackedImages, PackedKind, pack_images, unpack};
use crate::value::{Value, swap};

/// Images in an archive: the stack or the image under one key, or all that have keys of their own.
///
/// It keeps the archive open, costs little to clone, and can be used by many threads at once. Images are numbered along
/// all dimensions but the last two, in C order.
///
/// ```
/// use ndarray::{Array3, array};
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("training.npz");
/// let mut writer = bitnpz::Writer::create(&path)?;
/// writer.add_images("glyphs", &array![[[0_u8, 255]], [[255, 255]], [[255, 0]]])?;
/// writer.finish()?;
///
/// let glyphs = bitnpz::Archive::open(&path)?.images("glyphs")?;
/// assert_eq!((glyphs.len(), glyphs.shape()), (3, [3, 1, 2].as_slice()));
/// let mut batch = Array3::from_elem((2, 1, 2), false);
/// glyphs.read_batch_into(&[2, 0], &mut batch)?;
/// assert_eq!(batch, array![[[true, false]], [[false, true]]]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Images {
    /// The width is that of all images, if they have one.
    kind: PackedKind,
    shape: Vec<usize>,
    trailing: usize,
    len: usize,
    pub(super) size: Option<[usize; 2]>,
    pub(super) storage: Storage,
}

#[derive(Clone)]
pub(super) enum Storage {
    /// Packed rows of all images.
    Packed(Arc<PackedRows>),
    /// Images of a set.
    Set(StoredImages),
}

impl fmt::Debug for Images {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = f.debug_struct("Images");
        fields.field("dtype", &self.dtype().to_string()).field("shape", &self.shape);
        fields.field("values", &self.values()).finish_non_exhaustive()
    }
}

impl<'a> IntoIterator for &'a Images {
    type Item = Result<Bitmap>;
    type IntoIter = Bitmaps<'a>;

    fn into_iter(self) -> Bitmaps<'a> {
        Bitmaps { images: self, left: 0..self.len() }
    }
}

/// The images of an [`Images`], one by one, each at one bit per pixel.
#[derive(Clone, Debug)]
pub struct Bitmaps<'a> {
    images: &'a Images,
    left: Range<usize>,
}

impl Iterator for Bitmaps<'_> {
    type Item = Result<Bitmap>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left.next().map(|index| self.images.bitmap(index))
    }

    fn nth(&mut self, skipped: usize) -> Option<Self::Item> {
        self.left.nth(skipped).map(|index| self.images.bitmap(index))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.left.size_hint()
    }
}

impl DoubleEndedIterator for Bitmaps<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.left.next_back().map(|index| self.images.bitmap(index))
    }
}

impl ExactSizeIterator for Bitmaps<'_> {}

impl Images {
    /// Images of these packed rows; `shape` is that of the array they come back as.
    pub(super) fn packed(kind: PackedKind, shape: &[usize], rows: PackedRows) -> Result<Self> {
        let [.., height, width] = *shape else {
            return Err(ErrorKind::NotImages { dtype: kind.dtype, shape: shape.to_vec() }.into());
        };
        check_countable(shape, &kind.dtype)?;
        let len = shape[..shape.len() - 2].iter().product();
        rows.check(len * height, width)?;
        let (shape, size) = (shape.to_vec(), Some([height, width]));
        Ok(Self { kind, shape, trailing: 0, len, size, storage: Storage::Packed(Arc::new(rows)) })
    }

    /// The images that an array is, which takes so many bytes in the file.
    pub(super) fn of_array(array: &DynArrayView<'_>, stored_bytes: u64) -> Result<Self> {
        let PackedImages { shape: stack, kind, rows } = pack_images(array, ImageAxes::Inferred)?;
        let trailing = trailing(array.header(), &stack).unwrap_or(0);
        Ok(Self { trailing, ..Self::packed(kind, &stack, PackedRows::Memory { rows, stored_bytes })? })
    }

    /// The images of a set that are under one key.
    pub(super) fn stored(images: StoredImages) -> Result<Self> {
        let shape = images.shape()?;
        let trailing = trailing(&images.header()?, &shape).unwrap_or(0);
        Ok(Self { trailing, ..Self::of_set(images, shape)? })
    }

    /// All images of a set in which each has a key of its own.
    pub(super) fn keyed(images: StoredImages) -> Result<Self> {
        let len = images.len();
        let shape = images.size()?.map_or(vec![len], |[height, width]| vec![len, height, width]);
        Self::of_set(images, shape)
    }

    fn of_set(images: StoredImages, shape: Vec<usize>) -> Result<Self> {
        check_countable(&shape, &images.set().kind(0).dtype)?;
        let (len, size) = (images.len(), images.size()?);
        let size = match (images.set().stack(), shape.as_slice()) {
            // A stack without images has a size all the same.
            (Some(_), &[.., height, width]) => Some([height, width]),
            _ => size,
        };
        let kind = images.set().kind(size.map_or(0, |[_, width]| width));
        Ok(Self { kind, shape, trailing: 0, len, size, storage: Storage::Set(images) })
    }

    /// How many axes of length 1 the array that they were saved as has behind height and width: those of `(n, height, width, 1)`.
    /// [`shape`](Self::shape) does not count them.
    #[must_use]
    pub fn trailing(&self) -> usize {
        self.trailing
    }

    /// The number of images.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no images.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The shape of the array the images come back as: `(..., height, width)`. Images that differ in size have no such
    /// array: their shape is `(len,)`, as NumPy has it of an array of arrays.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The height and width of all images in pixels; `None` if they differ.
    #[must_use]
    pub fn image_size(&self) -> Option<[usize; 2]> {
        self.size
    }

    /// The height and width of one image in pixels.
    ///
    /// # Errors
    ///
    /// If there is no image with this number, or it is damaged.
    pub fn size_of(&self, index: usize) -> Result<[usize; 2]> {
        self.check_index(index)?;
        match (&self.storage, self.size) {
            (Storage::Set(images), None) => images.size_of(index),
            _ => Ok(self.size.unwrap_or_default()),
        }
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
        match &self.storage {
            Storage::Packed(_) => None,
            Storage::Set(images) => Some(images.codec()),
        }
    }

    /// The bytes that they take in the file: of an image set all its parts, but its names.
    #[must_use]
    pub fn stored_bytes(&self) -> u64 {
        match &self.storage {
            Storage::Packed(rows) => rows.stored_bytes(),
            Storage::Set(images) => images.stored_bytes(),
        }
    }

    /// The bytes of an image's payload; `None` if it is in no image set.
    pub(super) fn payload_bytes(&self, index: usize) -> Result<Option<u64>> {
        match &self.storage {
            Storage::Packed(_) => Ok(None),
            Storage::Set(images) => images.payload_bytes(index).map(Some),
        }
    }

    /// The key of an image that has one of its own.
    #[must_use]
    pub fn key(&self, index: usize) -> Option<String> {
        match &self.storage {
            Storage::Set(images) if images.set().stack().is_none() && index < self.len => {
                Some(images.key(index))
            }
            _ => None,
        }
    }

    /// Which image has this key of its own.
    #[must_use]
    pub fn find(&self, key: &str) -> Option<usize> {
        match &self.storage {
            Storage::Set(images) if images.set().stack().is_none() => images.find(key),
            _ => None,
        }
    }

    /// Calls `with` with one image at one bit per pixel, in memory that is used again for the next.
    ///
    /// # Errors
    ///
    /// If there is no image with this number, or it is damaged.
    pub fn with_bitmap<R>(&self, index: usize, with: impl FnOnce(BitmapView<'_>) -> R) -> Result<R> {
        self.check_index(index)?;
        match &self.storage {
            Storage::Packed(rows) => rows.with_image(index, self.size.unwrap_or_default(), with),
            Storage::Set(images) => images.with_image(index, with),
        }
    }

    /// One image at one bit per pixel.
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

    /// All images, one by one, as a `for` loop over `&images` goes through them.
    ///
    /// ```
    /// # let mut writer = bitnpz::Writer::unnamed(&bitnpz::WriteOptions::default())?;
    /// # writer.add_images("glyphs", &ndarray::array![[[true, false]], [[true, true]]])?;
    /// # let mut bytes = Vec::new();
    /// # writer.finish_into(&mut bytes)?;
    /// # let glyphs = bitnpz::Archive::from_bytes(bytes)?.images("glyphs")?;
    /// let mut ones = 0;
    /// for image in &glyphs {
    ///     ones += image?.view().count_ones();
    /// }
    /// assert_eq!((ones, glyphs.bitmaps().len()), (3, 2));
    /// # Ok::<(), bitnpz::Error>(())
    /// ```
    pub fn bitmaps(&self) -> Bitmaps<'_> {
        self.into_iter()
    }

    /// One image in the type asked for. `bool` gives the bits of any image; every other type gives the values, if
    /// it holds them exactly.
    ///
    /// # Errors
    ///
    /// If there is no image with this number, its values cannot be given in this type, or it is damaged.
    pub fn read<T: Pixel + Element>(&self, index: usize) -> Result<Array2<T>> {
        let values = self.values_as()?;
        self.with_bitmap(index, |image| {
            let size = (image.height(), image.width());
            let mut pixels = with_room(size.0 * size.1)?;
            pixels.resize(size.0 * size.1, values.off);
            let mut array = Array2::from_shape_vec(size, pixels).expect("as many as the image has");
            image.unpack_into(values, &mut array);
            Ok(array)
        })?
    }

    /// As [`read`](Self::read), into the caller's array of shape `(height, width)`.
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

    /// One image as an array in its own dtype, whatever that is.
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

    /// The number of pixels in one image whose bit is 1. It needs no memory for the image.
    ///
    /// # Errors
    ///
    /// If there is no image with this number, or it is damaged.
    pub(super) fn count_ones_of(&self, index: usize) -> Result<u64> {
        match &self.storage {
            Storage::Packed(_) => self.with_bitmap(index, |image| image.count_ones() as u64),
            Storage::Set(images) => images.count_ones(index),
        }
    }

    pub(super) fn check_index(&self, index: usize) -> Result<()> {
        if index < self.len { Ok(()) } else { Err(ErrorKind::NoSuchImage { index, len: self.len }.into()) }
    }

    /// That so many pixels, which are not in memory yet, are not too much.
    pub(super) fn check_limit(&self, pixels: u64, pixel_bytes: usize) -> Result<()> {
        match &self.storage {
            Storage::Set(images) => images.check_limit(pixels, pixel_bytes),
            Storage::Packed(_) => Ok(()),
        }
    }

    /// The two values in the type asked for: the bytes of an item as they lie in memory, the first in the lowest bits.
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

    /// The two values in the type asked for.
    pub(super) fn values_as<T: Pixel + Element>(&self) -> Result<PixelValues<T>> {
        let wanted = Dtype::of::<T>();
        if wanted == Dtype::of::<bool>() {
            return Ok(PixelValues::default());
        }
        let value = |lane: u64| {
            let bytes = lane.to_ne_bytes();
            // The low bytes, wherever this machine has them.
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

/// How many axes of length 1 an array has behind those of its stack of images; `None` if it differs from the stack in anything else.
pub(super) fn trailing(array: &Header, stack: &[usize]) -> Option<usize> {
    let rest = array.shape.strip_prefix(stack)?;
    (!array.fortran_order && rest.iter().all(|&side| side == 1)).then_some(rest.len())
}
