//! Reading batches of images, large ones on several threads.

use std::collections::VecDeque;
use std::num::NonZero;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use bitnpz_bitmap::{BitmapView, Pixel};
use bitnpz_npy::{Dtype, Element, with_room};
use ndarray::{ArrayD, ArrayRef3, ArrayViewMut2, Axis};

use super::check::check_shape;
use super::images::{ImageStorage, Images};
use super::outputs::Outputs;
use super::share::Share;
use super::stored_images::StoredImages;
use crate::error::{ErrorKind, Result};
use crate::interrupt;
use crate::packed::unpack_into;
use crate::set::{BlockChecks, CodedImage, Requested, Window};
use crate::threads;

/// The number of small images that a thread takes at a time: enough that taking them costs little beside decoding them, few
/// enough that all threads finish at about the same time.
const MAX_IMAGES_PER_SHARE: usize = 32;

/// The number of pixels that a thread takes at a time at most, unless one image has more: a share of large images takes about as
/// long as one of small images.
const MAX_PIXELS_PER_SHARE: usize = 1 << 17;

/// Work that takes less time is done by one thread: others take about as long to wake up.
const MIN_SHARED_NANOSECONDS: u64 = 150_000;

/// No more images are requested at once: it takes time to see which of them can be.
const MOST_REQUESTED: usize = 1 << 20;

/// About how long it takes to find an image, and to unpack so many of its pixels.
const NANOSECONDS_PER_IMAGE: u64 = 100;
const PIXELS_PER_NANOSECOND: u64 = 8;

/// The indices of some images of a batch, and their part of the output.
type Part<'s, O> = (&'s [usize], &'s mut [O]);

/// Returns whether these images follow each other.
pub(super) fn is_run(indices: &[usize]) -> bool {
    indices.windows(2).all(|pair| pair[0].checked_add(1) == Some(pair[1]))
}

/// Takes the first of these parts, with so many images.
fn take_images<'s, O>(
    parts: &mut VecDeque<Part<'s, O>>,
    mut images: usize,
    each: NonZero<usize>,
) -> Vec<Part<'s, O>> {
    let mut taken = Vec::new();
    while images > 0
        && let Some((indices, out)) = parts.pop_front()
    {
        let count = images.min(indices.len());
        let (out, rest) = out.split_at_mut(count * each.get());
        if count < indices.len() {
            parts.push_front((&indices[count..], rest));
        }
        taken.push((&indices[..count], out));
        images -= count;
    }
    taken
}

impl Images {
    /// Reads several images into the caller's array of shape `(indices.len(), height, width)`. Large batches are read on all
    /// cores.
    ///
    /// ```
    /// # let mut writer = bitnpz::Writer::unnamed(&bitnpz::WriteOptions::default())?;
    /// # writer.add_images("glyphs", &ndarray::array![[[true, false]], [[true, true]]])?;
    /// # let mut bytes = Vec::new();
    /// # writer.finish_into(&mut bytes)?;
    /// # let glyphs = bitnpz::Archive::from_bytes(bytes)?.images("glyphs")?;
    /// let mut batch = ndarray::Array3::from_elem((2, 1, 2), false);
    /// glyphs.read_batch_into(&[1, 0], &mut batch)?;
    /// assert_eq!(batch, ndarray::array![[[true, true]], [[true, false]]]);
    /// # Ok::<(), bitnpz::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`read_into`](Self::read_into), and if images differ in size.
    pub fn read_batch_into<T: Pixel + Element>(
        &self,
        indices: &[usize],
        batch: &mut ArrayRef3<T>,
    ) -> Result<()> {
        let [height, width] = self.common_size()?;
        check_shape(&[indices.len(), height, width], batch.shape())?;
        let values = self.values_as()?;
        if let Some(pixels) = batch.as_slice_mut() {
            return self.read_each(indices, pixels, |image, pixels| {
                let pixels = ArrayViewMut2::from_shape((height, width), pixels);
                image.unpack_into(values, &mut pixels.expect("a share has the pixels of an image"));
            });
        }
        let mut images = indices.iter().zip(batch.axis_iter_mut(Axis(0)));
        images.try_for_each(|(&index, mut image)| self.read_into(index, &mut image))
    }

    /// Reads several images into the caller's buffer, as [`read_batch_into`](Self::read_batch_into) does, for a dtype that is
    /// known only at run time. The pixels are in C order and in the byte order of `dtype`.
    ///
    /// # Errors
    ///
    /// As [`read_batch_into`](Self::read_batch_into).
    pub fn read_dyn_batch_into(&self, indices: &[usize], dtype: &Dtype, batch: &mut [u8]) -> Result<()> {
        let [height, width] = self.common_size()?;
        let lanes = self.lanes_as(dtype)?;
        check_shape(&[indices.len() * height * width * dtype.item_size()], &[batch.len()])?;
        self.read_each(indices, batch, |image, bytes| {
            unpack_into(image.as_bytes(), width, dtype.item_size(), lanes, bytes);
        })
    }

    /// Checks that a batch of these images, with `item_bytes` bytes for each, is within the limits, and so is each image. Call it
    /// before you allocate the memory for a batch.
    ///
    /// # Errors
    ///
    /// If an index is out of range, or the batch or an image exceeds the limits.
    pub fn check_batch(&self, indices: &[usize], item_bytes: usize) -> Result<()> {
        let bytes = (indices.len() as u64).saturating_mul(item_bytes as u64);
        self.check_limit(bytes, 1)?;
        match &self.storage {
            ImageStorage::Set(images) if images.may_be_too_large(self.size) => {
                indices.iter().try_for_each(|&index| {
                    self.check_index(index)?;
                    images.check_size(index)
                })
            }
            ImageStorage::Shards(shards) => self.check_sharded(&**shards, indices),
            ImageStorage::Set(_) | ImageStorage::Packed(_) => Ok(()),
        }
    }

    /// Reads the packed rows of several images, as `np.packbits(axis=-1)` returns them, into the caller's buffer of
    /// `indices.len() * height * width.div_ceil(8)` bytes.
    ///
    /// ```
    /// # let mut writer = bitnpz::Writer::unnamed(&bitnpz::WriteOptions::default())?;
    /// # writer.add_images("glyphs", &ndarray::array![[[true, false]], [[true, true]]])?;
    /// # let mut bytes = Vec::new();
    /// # writer.finish_into(&mut bytes)?;
    /// # let glyphs = bitnpz::Archive::from_bytes(bytes)?.images("glyphs")?;
    /// let mut rows = [0; 2];
    /// glyphs.read_packed_batch_into(&[0, 1], &mut rows)?;
    /// assert_eq!(rows, [0b1000_0000, 0b1100_0000]);
    /// # Ok::<(), bitnpz::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If an index is out of range, if `batch` has another length, if images differ in size, or if one is damaged.
    pub fn read_packed_batch_into(&self, indices: &[usize], batch: &mut [u8]) -> Result<()> {
        let [height, width] = self.common_size()?;
        check_shape(&[indices.len() * height * width.div_ceil(8)], &[batch.len()])?;
        self.read_each(indices, batch, |image, rows| rows.copy_from_slice(image.as_bytes()))
    }

    /// Counts the pixels whose bit is 1 in each of several images.
    ///
    /// ```
    /// # let mut writer = bitnpz::Writer::unnamed(&bitnpz::WriteOptions::default())?;
    /// # writer.add_images("glyphs", &ndarray::array![[[true, false]], [[true, true]]])?;
    /// # let mut bytes = Vec::new();
    /// # writer.finish_into(&mut bytes)?;
    /// # let glyphs = bitnpz::Archive::from_bytes(bytes)?.images("glyphs")?;
    /// assert_eq!(glyphs.count_ones(&[0, 1, 0])?, [1, 2, 1]);
    /// # Ok::<(), bitnpz::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If an index is out of range, or an image is damaged.
    pub fn count_ones(&self, indices: &[usize]) -> Result<Vec<u64>> {
        let mut counts = with_room(indices.len())?;
        counts.resize(indices.len(), 0);
        self.share(indices, &mut counts, |images, mut counts| {
            images.try_for_each(|number, images, index| {
                counts.of(number)[0] = images.count_ones_of(index)?;
                Ok(())
            })
        })?;
        Ok(counts)
    }

    /// Reads all images as one array of shape `(..., height, width)`.
    ///
    /// ```
    /// # let mut writer = bitnpz::Writer::unnamed(&bitnpz::WriteOptions::default())?;
    /// # writer.add_images("glyphs", &ndarray::array![[[0, 255_u8]], [[255, 255]]])?;
    /// # let mut bytes = Vec::new();
    /// # writer.finish_into(&mut bytes)?;
    /// # let glyphs = bitnpz::Archive::from_bytes(bytes)?.images("glyphs")?;
    /// let values = glyphs.to_array::<u8>()?;
    /// assert_eq!(values, ndarray::array![[[0, 255]], [[255, 255]]].into_dyn());
    /// let bits = glyphs.to_array::<bool>()?;
    /// assert_eq!(bits.shape(), [2, 1, 2]);
    /// # Ok::<(), bitnpz::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the type cannot hold the values, if images differ in size, if the array exceeds the limit, or if an image is damaged.
    pub fn to_array<T: Pixel + Element>(&self) -> Result<ArrayD<T>> {
        let values = self.values_as()?;
        let [height, width] = self.common_size()?;
        let pixels = [height, width]
            .into_iter()
            .fold(self.len() as u64, |pixels, length| pixels.saturating_mul(length as u64));
        self.check_limit(pixels, size_of::<T>())?;
        let mut items = with_room(self.len() * height * width)?;
        items.resize(self.len() * height * width, values.off);
        let mut array = ArrayD::from_shape_vec(self.shape(), items).expect("as many as the shape has");
        if pixels == 0 {
            // There may be more images than can be counted one by one.
            return Ok(array);
        }
        let size = [self.len(), height, width];
        let mut images = array.view_mut().into_shape_with_order(size).expect("a new array is contiguous");
        self.read_batch_into(&(0..self.len()).collect::<Vec<_>>(), &mut images)?;
        Ok(array)
    }

    /// Requests the images in these ranges together, if the archive is read by range, so that reading them needs no further
    /// requests: before the images of a [window](crate::BlockShuffle::window) are read batch by batch. Of very many, the first
    /// are requested.
    ///
    /// # Errors
    ///
    /// If an index is out of range, or the archive cannot be read.
    pub fn prefetch(&self, ranges: &[Range<usize>]) -> Result<()> {
        let ranges = || ranges.iter().filter(|range| !range.is_empty());
        ranges().try_for_each(|range| self.check_index(range.end - 1))?;
        match &self.storage {
            ImageStorage::Set(images) => images.prefetch(ranges()),
            ImageStorage::Shards(shards) => Self::prefetch_sharded(&**shards, ranges()),
            ImageStorage::Packed(_) => Ok(()),
        }
    }

    /// Returns whether the archive is read by range, so that it pays to [`prefetch`](Self::prefetch).
    #[must_use]
    pub fn is_read_by_range(&self) -> bool {
        match &self.storage {
            ImageStorage::Set(images) => images.is_read_by_range(),
            ImageStorage::Shards(shards) => shards.is_read_by_range(),
            ImageStorage::Packed(_) => false,
        }
    }

    fn common_size(&self) -> Result<[usize; 2]> {
        self.image_size().ok_or_else(|| ErrorKind::SizesDiffer.into())
    }

    /// Calls `read` with each of these images and its part of `out`.
    fn read_each<O: Send>(
        &self,
        indices: &[usize],
        out: &mut [O],
        read: impl Fn(BitmapView<'_>, &mut [O]) + Sync,
    ) -> Result<()> {
        // One image needs no lists of images and payloads.
        if let (&[index], ImageStorage::Set(_)) = (indices, &self.storage) {
            return self.with_bitmap(index, |image| read(image, out));
        }
        // Images that follow each other are those of whole blocks, which have checksums.
        let is_run = is_run(indices);
        let checks = is_run.then(BlockChecks::default);
        let checks = checks.as_ref();
        if is_run && indices.len() == self.len() {
            self.check_all()?;
        }
        self.share(indices, out, |images, mut out| {
            if let Some(size) = self.size
                && let Some(coded) = images.find_coded()?
            {
                return CodedImage::decode_all(&coded, size, checks, |number, stored| {
                    images.of(number).with_stored(stored, |image| read(image, out.of(number)));
                });
            }
            match images {
                Share::One(
                    of @ Self { storage: ImageStorage::Set(stored), size: Some(size), .. },
                    window,
                    indices,
                ) => stored.with_images(window, indices, *size, checks, |number, stored| {
                    of.with_stored(stored, |image| read(image, out.of(number)));
                }),
                _ => images.try_for_each(|number, images, index| {
                    images.with_bitmap(index, |image| read(image, out.of(number)))
                }),
            }
        })
    }

    /// Returns whether one of these images is damaged, or a block of which they are all images.
    pub(super) fn is_damaged(&self, window: &Window, indices: &[usize]) -> bool {
        let checks = BlockChecks::default();
        indices.chunks(self.images_per_share()).any(|indices| match (&self.storage, self.size) {
            (ImageStorage::Set(stored), Some(size)) => {
                stored.with_images(window, indices, size, Some(&checks), |_, _| ()).is_err()
            }
            _ => indices.iter().any(|&index| self.with_bitmap(index, |_| ()).is_err()),
        })
    }

    /// Calls `read` with shares of these images and their parts of `out`, until all are read; on several threads if there are many.
    fn share<O: Send>(
        &self,
        indices: &[usize],
        out: &mut [O],
        read: impl Fn(Share<'_>, Outputs<'_, O>) -> Result<()> + Sync,
    ) -> Result<()> {
        if let Some(&index) = indices.iter().find(|&&index| index >= self.len()) {
            return Err(ErrorKind::NoSuchImage { index, len: self.len() }.into());
        }
        let Some(each) = NonZero::new(out.len().checked_div(indices.len()).unwrap_or(0)) else {
            return Ok(());
        };
        if let ImageStorage::Shards(shards) = &self.storage {
            return self.share_sharded(&**shards, indices, out, each, read);
        }
        let images_per_share = self.images_per_share();
        let shares = indices.chunks(images_per_share).zip(out.chunks_mut(images_per_share * each.get()));
        let read = |window: &Window, (indices, out): Part<'_, O>| {
            read(Share::One(self, window, indices), Outputs::Consecutive(out, each.get()))
        };
        match &self.storage {
            ImageStorage::Set(stored) if stored.is_read_by_range() => {
                self.share_requesting(stored, shares, each, read)
            }
            _ => self.share_ready(indices.len(), shares, |share| read(&Window::default(), share)),
        }
    }

    /// Calls `read` with these shares of images of a file that is read by range, and what was requested of them.
    fn share_requesting<'s, O: Send + 's>(
        &self,
        stored: &StoredImages,
        shares: impl ExactSizeIterator<Item = Part<'s, O>> + Send,
        each: NonZero<usize>,
        read: impl Fn(&Window, Part<'s, O>) -> Result<()> + Sync,
    ) -> Result<()> {
        // A share whose images are all kept need not wait until those of others are requested.
        let missing = Mutex::new(Vec::new());
        let images = shares.len() * self.images_per_share();
        self.share_ready(images, shares.enumerate(), |(number, share)| match stored.kept(share.0) {
            Some(window) => read(&window, share),
            None => {
                missing.lock().unwrap_or_else(PoisonError::into_inner).push((number, share));
                Ok(())
            }
        })?;
        let mut missing = missing.into_inner().unwrap_or_else(PoisonError::into_inner);
        missing.sort_unstable_by_key(|(number, _)| *number);
        let mut shares: VecDeque<_> = missing.into_iter().map(|(_, share)| share).collect();
        while !shares.is_empty() {
            let wanted = shares.iter().flat_map(|(indices, _)| *indices).copied();
            let wanted: Vec<usize> = wanted.take(MOST_REQUESTED).collect();
            let Requested { images, window } = stored.request(&wanted)?;
            let now = take_images(&mut shares, images, each);
            self.share_ready(images, now.into_iter(), |share| read(&window, share))?;
        }
        Ok(())
    }

    /// Requests what reading the first of these images needs.
    pub(super) fn request(&self, indices: &[usize]) -> Result<Requested> {
        match &self.storage {
            ImageStorage::Set(images) => images.request(indices),
            _ => Ok(Requested::all(indices)),
        }
    }

    /// Returns what [`request`](Self::request) would, if that makes no request.
    pub(super) fn kept(&self, indices: &[usize]) -> Option<Window> {
        match &self.storage {
            ImageStorage::Set(images) if images.is_read_by_range() => images.kept(indices),
            _ => Some(Window::default()),
        }
    }

    /// Returns how many images a thread takes at a time.
    pub(super) fn images_per_share(&self) -> usize {
        let pixels = self.image_size().map_or(0, |[height, width]| height * width);
        (MAX_PIXELS_PER_SHARE / pixels.max(1)).clamp(1, MAX_IMAGES_PER_SHARE)
    }

    /// Calls `read` with shares of so many images, which need not be requested: on several threads if these are like the images of
    /// `self`, and take long enough.
    pub(super) fn share_ready<S: Send>(
        &self,
        images: usize,
        mut shares: impl ExactSizeIterator<Item = S> + Send,
        read: impl Fn(S) -> Result<()> + Sync,
    ) -> Result<()> {
        let pixels = self.image_size().map_or(0, |[height, width]| height * width);
        let decoding = match &self.storage {
            ImageStorage::Set(images) => images.set().decoding_nanoseconds(),
            ImageStorage::Packed(_) | ImageStorage::Shards(_) => 0,
        };
        let nanoseconds = NANOSECONDS_PER_IMAGE + pixels as u64 / PIXELS_PER_NANOSECOND + decoding;
        if (images as u64).saturating_mul(nanoseconds) < MIN_SHARED_NANOSECONDS {
            return shares.try_for_each(|share| interrupt::check().and_then(|()| read(share)));
        }
        threads::share(self.threads, shares, read)
    }
}
