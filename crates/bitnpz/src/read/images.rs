//! `Images`: the images with one key, or those with keys of their own.

use std::fmt;
use std::num::NonZero;
use std::ops::Range;
use std::sync::Arc;

use bitnpz_bitmap::codec::Codec;
use bitnpz_bitmap::{Bitmap, BitmapView};
use bitnpz_npy::{Dtype, DynArrayView, Header};
use bitnpz_npz::Limits;

use super::check::{check_array, check_countable};
use super::packed_rows::PackedRows;
use super::stored_images::StoredImages;
use crate::axes::ImageAxes;
use crate::error::{ErrorKind, Result};
use crate::packed::{PackedImages, PackedKind, pack_images};
use crate::threads;
use crate::value::Value;

/// The images with one key, or those with keys of their own, read on demand.
///
/// It keeps the archive open, is cheap to clone, and can be used by many threads at once. The index of an image runs over all
/// dimensions of the stack but the last two, in C order.
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
    /// Its width is the width of all images, and 0 if they differ in size.
    pub(super) kind: PackedKind,
    shape: Vec<usize>,
    trailing: usize,
    len: usize,
    pub(super) size: Option<[usize; 2]>,
    pub(super) storage: ImageStorage,
    /// Whether each bit of what is stored stands for the other.
    is_inverted: bool,
    /// The most threads that read a batch.
    pub(super) threads: NonZero<usize>,
}

/// The images of an [`Images`].
#[derive(Clone)]
pub(super) enum ImageStorage {
    /// Packed rows.
    Packed(Arc<PackedRows>),
    /// Images of a set.
    Set(StoredImages),
    /// Images of several archives.
    Shards(Arc<dyn ShardedImages>),
}

/// The images of a stack that is cut over several archives, its shards, or those with keys of their own of all shards.
pub(crate) trait ShardedImages: Send + Sync {
    /// Returns the name of a shard, for messages.
    fn name(&self, shard: usize) -> &str;

    /// Returns the sums of the numbers of images, up to and with each shard.
    fn ends(&self) -> &[usize];

    /// Returns the images of a shard, which is opened if it is not open.
    fn images(&self, shard: usize) -> Result<Arc<Images>>;

    /// Returns the images of a shard if it is open, and they have been read of before.
    fn open_images(&self, shard: usize) -> Option<Arc<Images>>;

    /// Returns whether the shards are read by range, so that it pays to open and to read several at the same time.
    fn is_read_by_range(&self) -> bool;

    /// Returns how many shards can be open at a time.
    fn open_at_once(&self) -> usize;

    /// Returns about how many bytes an image takes in a shard.
    fn image_bytes(&self) -> u64;

    /// Returns the limits of the archives.
    fn limits(&self) -> &Limits;

    /// Returns the size of all shards in bytes.
    fn stored_bytes(&self) -> u64;
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

/// An iterator over the images of an [`Images`], each as a [`Bitmap`].
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
    /// Returns the images of a stack of this shape from its packed rows.
    pub(super) fn packed(kind: PackedKind, shape: &[usize], rows: PackedRows) -> Result<Self> {
        let [.., height, width] = *shape else {
            return Err(ErrorKind::NotImages { dtype: kind.dtype, shape: shape.to_vec() }.into());
        };
        check_countable(shape, &kind.dtype)?;
        let len = shape[..shape.len() - 2].iter().product();
        rows.check(len * height, width)?;
        let (shape, size) = (shape.to_vec(), Some([height, width]));
        let (storage, threads) = (ImageStorage::Packed(Arc::new(rows)), threads::default_count());
        Ok(Self { kind, shape, trailing: 0, len, size, storage, is_inverted: false, threads }.in_order())
    }

    /// Packs the images of an array whose compressed size in the file is `stored_bytes`.
    pub(super) fn of_array(array: &DynArrayView<'_>, stored_bytes: u64) -> Result<Self> {
        let PackedImages { shape: stack, kind, rows } = pack_images(array, ImageAxes::Inferred)?;
        let trailing = trailing(array.header(), &stack).unwrap_or(0);
        Ok(Self { trailing, ..Self::packed(kind, &stack, PackedRows::Memory { rows, stored_bytes })? })
    }

    /// Returns the images of a set that have one key.
    pub(super) fn stored(images: StoredImages) -> Result<Self> {
        let shape = images.shape()?;
        let trailing = trailing(&images.header()?, &shape).unwrap_or(0);
        Ok(Self { trailing, ..Self::of_set(images, shape)? })
    }

    /// Returns all images of a set in which each has a key of its own.
    pub(super) fn keyed(images: StoredImages) -> Result<Self> {
        let len = images.len();
        let shape = images.size()?.map_or(vec![len], |[height, width]| vec![len, height, width]);
        Self::of_set(images, shape)
    }

    fn of_set(images: StoredImages, shape: Vec<usize>) -> Result<Self> {
        check_countable(&shape, &images.set().kind(0).dtype)?;
        let (len, size) = (images.len(), images.size()?);
        let size = match (images.set().is_keyed(), shape.as_slice()) {
            // A stack without images has a size too.
            (false, &[.., height, width]) => Some([height, width]),
            _ => size,
        };
        let kind = images.set().kind(size.map_or(0, |[_, width]| width));
        let threads = images.threads();
        let storage = ImageStorage::Set(images);
        Ok(Self { kind, shape, trailing: 0, len, size, storage, is_inverted: false, threads }.in_order())
    }

    /// Returns the images with bit 1 for the greater value.
    fn in_order(self) -> Self {
        if self.kind.is_descending() { self.inverted() } else { self }
    }

    /// Returns the images of one archive with the values of their bits the other way round.
    pub(crate) fn inverted(self) -> Self {
        Self { kind: self.kind.inverted(), is_inverted: !self.is_inverted, ..self }
    }

    /// Calls `with` with an image as it is, given as it is stored.
    pub(super) fn with_stored<R>(&self, stored: BitmapView<'_>, with: impl FnOnce(BitmapView<'_>) -> R) -> R {
        if !self.is_inverted {
            return with(stored);
        }
        let rows = inverted_rows(stored);
        with(BitmapView::new(stored.height(), stored.width(), &rows).expect("rows of an image"))
    }

    /// Returns how many pixels of an image have the bit 1, if so many have it as it is stored.
    pub(super) fn ones_of_stored(&self, index: usize, stored: u64) -> Result<u64> {
        if !self.is_inverted {
            return Ok(stored);
        }
        let [height, width] = self.size_of(index)?;
        Ok((height * width) as u64 - stored)
    }

    /// Returns the images of this kind and shape that are cut over several archives: a stack, or images of one size or of
    /// several with keys of their own.
    pub(crate) fn sharded(
        kind: PackedKind,
        shape: Vec<usize>,
        trailing: usize,
        shards: Arc<dyn ShardedImages>,
        threads: NonZero<usize>,
    ) -> Result<Self> {
        check_countable(&shape, &kind.dtype)?;
        let len = shards.ends().last().copied().unwrap_or(0);
        let size = match *shape {
            [.., height, width] => Some([height, width]),
            _ => None,
        };
        let kind = PackedKind { width: size.map_or(0, |[_, width]| width), ..kind };
        let storage = ImageStorage::Shards(shards);
        Ok(Self { kind, shape, trailing, len, size, storage, is_inverted: false, threads })
    }

    /// Returns the number of axes of length 1 that follow height and width in the saved array, such as 1 for
    /// `(n, height, width, 1)`. [`shape`](Self::shape) does not include them.
    #[must_use]
    pub fn trailing(&self) -> usize {
        self.trailing
    }

    /// Returns the same images, of which batches are read by so many threads at most.
    #[must_use]
    pub fn with_threads(mut self, threads: NonZero<usize>) -> Self {
        self.threads = threads;
        self
    }

    /// Returns the number of images.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Returns `true` if there are no images.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns the shape of the stack: `(..., height, width)`. For images that differ in size it is `(len,)`, like that of NumPy's
    /// array of arrays.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Returns the height and width of all images in pixels; `None` if they differ.
    #[must_use]
    pub fn image_size(&self) -> Option<[usize; 2]> {
        self.size
    }

    /// Returns the height and width of one image in pixels.
    ///
    /// # Errors
    ///
    /// If the index is out of range, or the image is damaged.
    pub fn size_of(&self, index: usize) -> Result<[usize; 2]> {
        self.check_index(index)?;
        match (&self.storage, self.size) {
            (ImageStorage::Set(images), None) => images.size_of(index),
            (ImageStorage::Shards(shards), None) => Self::in_shard(&**shards, index, Self::size_of),
            _ => Ok(self.size.unwrap_or_default()),
        }
    }

    /// Returns the dtype in which the images were saved.
    #[must_use]
    pub fn dtype(&self) -> &Dtype {
        &self.kind.dtype
    }

    /// Returns the pixel values for bit 0 and bit 1.
    #[must_use]
    pub fn values(&self) -> [Value; 2] {
        self.kind.values()
    }

    /// Returns the codec of images in an image set; `None` for other images. That of a sharded archive is the codec of its first
    /// shard.
    #[must_use]
    pub fn codec(&self) -> Option<Codec> {
        match &self.storage {
            ImageStorage::Packed(_) => None,
            ImageStorage::Set(images) => Some(images.codec()),
            ImageStorage::Shards(shards) => {
                let first = shards.ends().iter().position(|end| *end > 0)?;
                shards.images(first).ok()?.codec()
            }
        }
    }

    /// Returns the size of the images in the file in bytes. For all images of an image set, this includes the set's models,
    /// directories and keys; of a sharded archive it is the size of all shards.
    #[must_use]
    pub fn stored_bytes(&self) -> u64 {
        match &self.storage {
            ImageStorage::Shards(shards) => shards.stored_bytes(),
            ImageStorage::Packed(rows) => rows.stored_bytes(),
            ImageStorage::Set(images) => images.stored_bytes(),
        }
    }

    /// Returns the length of an image's payload in bytes; `None` if the image is not in a set.
    pub(super) fn payload_bytes(&self, index: usize) -> Result<Option<u64>> {
        match &self.storage {
            ImageStorage::Packed(_) => Ok(None),
            ImageStorage::Set(images) => images.payload_bytes(index).map(Some),
            ImageStorage::Shards(shards) => Self::in_shard(&**shards, index, Self::payload_bytes),
        }
    }

    /// Returns the key of an image that has a key of its own.
    ///
    /// ```
    /// # let mut writer = bitnpz::Writer::unnamed(&bitnpz::WriteOptions::default())?;
    /// for number in 0..1000 {
    ///     writer.add_image(&format!("ix-{number}"), &ndarray::Array2::from_elem((16, 16), number % 2 == 0))?;
    /// }
    /// # let mut bytes = Vec::new();
    /// # writer.finish_into(&mut bytes)?;
    /// # let archive = bitnpz::Archive::from_bytes(bytes)?;
    /// let images = &archive.keyed_images()?[0];
    /// assert_eq!(images.key(7).as_deref(), Some("ix-7"));
    /// assert_eq!(images.find("ix-7"), Some(7));
    /// # Ok::<(), bitnpz::Error>(())
    /// ```
    #[must_use]
    pub fn key(&self, index: usize) -> Option<String> {
        self.try_key(index).ok().flatten()
    }

    /// Does the same, and tells a shard that cannot be read from an image without a key.
    ///
    /// # Errors
    ///
    /// If a shard cannot be read.
    pub fn try_key(&self, index: usize) -> Result<Option<String>> {
        match &self.storage {
            ImageStorage::Set(images) if images.set().is_keyed() && index < self.len => {
                Ok(Some(images.key(index)))
            }
            ImageStorage::Shards(shards) if index < self.len => {
                Self::in_shard(&**shards, index, Self::try_key)
            }
            _ => Ok(None),
        }
    }

    /// Returns the index of the image with this key, for images that have keys of their own. In a sharded archive, shards are opened
    /// one after the other until one has it.
    #[must_use]
    pub fn find(&self, key: &str) -> Option<usize> {
        self.try_find(key).ok().flatten()
    }

    /// Does the same, and tells a shard that cannot be read from one that does not have the key.
    ///
    /// # Errors
    ///
    /// If a shard cannot be read.
    pub fn try_find(&self, key: &str) -> Result<Option<usize>> {
        match &self.storage {
            ImageStorage::Set(images) if images.set().is_keyed() => Ok(images.find(key)),
            ImageStorage::Shards(shards) => {
                let mut first = 0;
                for (shard, &end) in shards.ends().iter().enumerate().filter(|(_, end)| **end > 0) {
                    if end > first
                        && let Some(found) = shards.images(shard)?.try_find(key)?
                    {
                        return Ok(Some(first + found));
                    }
                    first = end;
                }
                Ok(None)
            }
            _ => Ok(None),
        }
    }

    /// Iterates over the images, each at one bit per pixel, as a `for` loop over `&images` does.
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

    /// Returns what the images are.
    pub(crate) fn kind(&self) -> &PackedKind {
        &self.kind
    }

    /// Checks that the index is in range.
    pub(super) fn check_index(&self, index: usize) -> Result<()> {
        if index < self.len { Ok(()) } else { Err(ErrorKind::NoSuchImage { index, len: self.len }.into()) }
    }

    /// Checks what only all images of an archive together have: the checksum of packed rows that are stored uncompressed. Images of
    /// a set are checked as they are read, and other packed rows were when they were inflated.
    pub(super) fn check_all(&self) -> Result<()> {
        match &self.storage {
            ImageStorage::Packed(rows) => rows.check_all(),
            ImageStorage::Set(_) | ImageStorage::Shards(_) => Ok(()),
        }
    }

    /// Checks that an array of `pixels` pixels of `pixel_bytes` bytes is within the limit. Only images of a set are checked:
    /// packed rows are really there, and unpack to at most 64 times their size.
    pub(super) fn check_limit(&self, pixels: u64, pixel_bytes: usize) -> Result<()> {
        match &self.storage {
            ImageStorage::Set(images) => images.check_limit(pixels, pixel_bytes),
            ImageStorage::Shards(shards) => {
                check_array(pixels.saturating_mul(pixel_bytes as u64), shards.limits().npy.array_bytes)
            }
            ImageStorage::Packed(_) => Ok(()),
        }
    }
}

/// Returns the number of axes of length 1 that an array has after those of its stack; `None` if their shapes differ in any other
/// way.
pub(super) fn trailing(array: &Header, stack: &[usize]) -> Option<usize> {
    let rest = array.shape.strip_prefix(stack)?;
    (!array.fortran_order && rest.iter().all(|&side| side == 1)).then_some(rest.len())
}

/// Returns the packed rows of an image with the other bits.
fn inverted_rows(image: BitmapView<'_>) -> Vec<u8> {
    let mut rows: Vec<u8> = image.as_bytes().iter().map(|byte| !byte).collect();
    let (stride, padding) = (image.width().div_ceil(8), image.width().next_multiple_of(8) - image.width());
    rows.iter_mut()
        .skip(stride.wrapping_sub(1))
        .step_by(stride.max(1))
        .for_each(|last| *last &= 0xFF << padding);
    rows
}
