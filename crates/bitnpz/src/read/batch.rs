//! Reading many images at once, on several threads where that pays.

use std::num::NonZero;

use bitnpz_bitmap::{BitmapView, Pixel};
use bitnpz_npy::{Dtype, Element, with_room};
use ndarray::{ArrayD, ArrayRef3, ArrayViewMut2, Axis};

use super::check::check_shape;
use super::images::{Images, Storage};
use crate::error::{ErrorKind, Result};
use crate::packed::unpack_into;
use crate::threads;

/// A thread takes this many images at a time, or fewer that have this many pixels together.
const IMAGES_OF_A_SHARE: usize = 16;
const PIXELS_OF_A_SHARE: usize = 1 << 17;

impl Images {
    /// Reads several images into the caller's array of shape `(indices, height, width)`, large batches on all cores.
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

    /// As [`read_batch_into`](Self::read_batch_into) for a type that is known at run time only: fills `batch` with the
    /// bytes of the images in C order, in the byte order of `dtype`.
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

    /// That so many of these images, of `item_bytes` each, are not too much, and that none of them is larger than it may be: for
    /// those who make room for a batch.
    ///
    /// # Errors
    ///
    /// If there is no image with one of these numbers, or if they are more than the limits allow.
    pub fn check_batch(&self, indices: &[usize], item_bytes: usize) -> Result<()> {
        let bytes = (indices.len() as u64).saturating_mul(item_bytes as u64);
        self.check_limit(bytes, 1)?;
        match &self.storage {
            Storage::Set(images) if images.may_be_too_large(self.size) => {
                indices.iter().try_for_each(|&index| {
                    self.check_index(index)?;
                    images.check_size(index)
                })
            }
            _ => Ok(()),
        }
    }

    /// As [`read_batch_into`](Self::read_batch_into) at one bit per pixel, rows as `np.packbits(axis=-1)` has them: fills
    /// `batch` of `(indices, height, ceil(width / 8))` bytes.
    ///
    /// # Errors
    ///
    /// If there is no image with one of these numbers, if images differ in size, or if one is damaged.
    pub fn read_packed_batch_into(&self, indices: &[usize], batch: &mut [u8]) -> Result<()> {
        let [height, width] = self.common_size()?;
        check_shape(&[indices.len() * height * width.div_ceil(8)], &[batch.len()])?;
        self.read_each(indices, batch, |image, rows| rows.copy_from_slice(image.as_bytes()))
    }

    /// The number of pixels in each of several images whose bit is 1.
    ///
    /// # Errors
    ///
    /// If there is no image with one of these numbers, or one is damaged.
    pub fn count_ones(&self, indices: &[usize]) -> Result<Vec<u64>> {
        let mut counts = with_room(indices.len())?;
        counts.resize(indices.len(), 0);
        self.share(indices, &mut counts, |index, count| {
            count[0] = self.count_ones_of(index)?;
            Ok(())
        })?;
        Ok(counts)
    }

    /// All images as one array of shape `(..., height, width)`.
    ///
    /// # Errors
    ///
    /// If their values cannot be given in this type, if images differ in size, if there are more than the limit allows, or
    /// if one is damaged.
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
        let size = [self.len(), height, width];
        let mut images = array.view_mut().into_shape_with_order(size).expect("a new array is contiguous");
        self.read_batch_into(&(0..self.len()).collect::<Vec<_>>(), &mut images)?;
        Ok(array)
    }

    fn common_size(&self) -> Result<[usize; 2]> {
        self.image_size().ok_or_else(|| ErrorKind::SizesDiffer.into())
    }

    /// Calls `read` with each of these images and its share of `out`.
    fn read_each<O: Send>(
        &self,
        indices: &[usize],
        out: &mut [O],
        read: impl Fn(BitmapView<'_>, &mut [O]) + Sync,
    ) -> Result<()> {
        self.share(indices, out, |index, out| self.with_bitmap(index, |image| read(image, out)))
    }

    /// Calls `read` with each of these numbers and its share of `out`, on several threads where that pays.
    fn share<O: Send>(
        &self,
        indices: &[usize],
        out: &mut [O],
        read: impl Fn(usize, &mut [O]) -> Result<()> + Sync,
    ) -> Result<()> {
        if let Some(&index) = indices.iter().find(|&&index| index >= self.len()) {
            return Err(ErrorKind::NoSuchImage { index, len: self.len() }.into());
        }
        let Some(each) = NonZero::new(out.len().checked_div(indices.len()).unwrap_or(0)) else {
            return Ok(());
        };
        let pixels = self.image_size().map_or(0, |[height, width]| height * width);
        let share = (PIXELS_OF_A_SHARE / pixels.max(1)).clamp(1, IMAGES_OF_A_SHARE);
        let shares = indices.chunks(share).zip(out.chunks_mut(share * each.get()));
        threads::share(shares, |(indices, out)| {
            let mut images = indices.iter().zip(out.chunks_exact_mut(each.get()));
            images.try_for_each(|(&index, out)| read(index, out))
        })
    }
}
