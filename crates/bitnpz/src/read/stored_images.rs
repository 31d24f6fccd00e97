//! The images of an image set that form one array.

use std::num::NonZero;
use std::ops::Range;
use std::sync::Arc;

use bitnpz_bitmap::BitmapView;
use bitnpz_bitmap::codec::Codec;
use bitnpz_npy::Header;

use super::check::check_array;
use super::contents::{Contents, SetArray};
use crate::axes::{ArrayForm, ImageAxes};
use crate::error::Result;
use crate::interrupt;
use crate::packed::unpack_onto;
use crate::set::{BlockChecks, CodedImage, Requested, StackShape, StoredSet, Window};

/// The number of images that are decoded at once, and the largest number of pixels that each of them has then.
const IMAGES_AT_ONCE: usize = 32;
const MAX_PIXELS_AT_ONCE: usize = 1 << 16;

/// The most images that are requested at once.
const MAX_REQUESTED: usize = 1 << 13;

/// Consecutive images of an image set.
#[derive(Clone, Debug)]
pub(crate) struct StoredImages {
    contents: Arc<Contents>,
    array: SetArray,
}

impl StoredImages {
    pub(super) fn new(contents: &Arc<Contents>, array: SetArray) -> Self {
        Self { contents: Arc::clone(contents), array }
    }

    fn zip(&self) -> &bitnpz_npz::Archive {
        &self.contents.zip
    }

    /// Returns the most threads that read a batch.
    pub(super) fn threads(&self) -> NonZero<usize> {
        self.contents.threads
    }

    /// Returns the set that the images are in.
    pub(crate) fn set(&self) -> &StoredSet {
        &self.contents.sets[self.array.set]
    }

    /// Compares checksums before the images get new ones.
    pub(crate) fn check(&self) -> Result<()> {
        self.set().check_images(self.zip(), self.array.images.clone())
    }

    /// Returns the number of the first image in the set.
    fn first(&self) -> usize {
        self.array.images.start
    }

    /// Returns the number of images.
    pub(crate) fn len(&self) -> usize {
        self.array.images.len()
    }

    pub(super) fn codec(&self) -> Codec {
        self.set().codec()
    }

    /// Returns the height and width of all images; `None` if they differ.
    pub(super) fn size(&self) -> Result<Option<[usize; 2]>> {
        match self.len() {
            1 => self.size_of(0).map(Some),
            _ => Ok(self.stack().map(StackShape::size).or_else(|| self.set().common_size())),
        }
    }

    /// Returns the shape of the stack of the images under one key: `(..., height, width)`.
    pub(super) fn shape(&self) -> Result<Vec<usize>> {
        Ok(match self.stack() {
            Some(stack) => stack.shape.clone(),
            None => self.size_of(0)?.to_vec(),
        })
    }

    /// Returns the header of the array that the images under one key were saved as.
    pub(super) fn header(&self) -> Result<Header> {
        let mut header = Header::new(self.set().kind(0).dtype, self.shape()?);
        if let Some(form) = self.form() {
            (header.shape, header.fortran_order) = (form.shape.clone(), form.fortran_order);
        } else if self.set().is_keyed() {
            header.shape = self.set().ones().around(self.size_of(0)?);
        }
        header.check()?;
        Ok(header)
    }

    /// Returns the form of the array that a stack was saved from; `None` if it is the stack itself.
    pub(super) fn form(&self) -> Option<&ArrayForm> {
        self.stack()?.form.as_ref()
    }

    /// Returns the stack that the images are; `None` if each has a key of its own.
    fn stack(&self) -> Option<&StackShape> {
        Some(self.set().stacks()?.of(self.first()))
    }

    /// Returns the axes of height and width in the array that the images were saved as.
    pub(crate) fn image_axes(&self) -> ImageAxes {
        match self.stack() {
            Some(StackShape { shape, form: Some(form), .. }) => form.image_axes(shape),
            _ => ImageAxes::Inferred,
        }
    }

    /// Returns the size of the images in the file in bytes: of a whole set that of all its parts but the keys, else that of the
    /// payloads.
    pub(super) fn stored_bytes(&self) -> u64 {
        if self.len() == self.set().len() {
            return self.set().stored_bytes(self.zip());
        }
        (0..self.len()).map(|index| self.payload_bytes(index).unwrap_or(0)).sum()
    }

    /// Returns the length of the payload of one image in bytes.
    pub(super) fn payload_bytes(&self, index: usize) -> Result<u64> {
        self.set().payload_bytes(self.zip(), self.first() + index)
    }

    /// Returns the key of one image.
    pub(super) fn key(&self, index: usize) -> String {
        self.set().key(self.zip(), self.first() + index)
    }

    /// Returns the index of the image with this key.
    pub(super) fn find(&self, key: &str) -> Option<usize> {
        let image = self.set().find(self.zip(), bitnpz_npz::identity(key))?;
        self.array.images.contains(&image).then(|| image - self.first())
    }

    /// Returns the height and width of one image.
    pub(super) fn size_of(&self, index: usize) -> Result<[usize; 2]> {
        self.set().size(self.zip(), self.first() + index)
    }

    pub(super) fn with_image<R>(&self, index: usize, with: impl FnOnce(BitmapView<'_>) -> R) -> Result<R> {
        self.set().with_image(self.zip(), self.first() + index, with)
    }

    /// Returns whether reading is requesting.
    pub(super) fn is_read_by_range(&self) -> bool {
        self.zip().is_read_by_range()
    }

    /// Requests what reading the first of these images needs, if the file is read by range.
    pub(super) fn request(&self, indices: &[usize]) -> Result<Requested> {
        if !self.zip().is_read_by_range() {
            return Ok(Requested::all(indices));
        }
        let images: Vec<usize> = indices.iter().map(|index| self.first() + index).collect();
        self.set().request(self.zip(), &images)
    }

    /// Returns what [`request`](Self::request) would, if all that these images need is kept.
    pub(super) fn kept(&self, indices: &[usize]) -> Option<Window> {
        let images: Vec<usize> = indices.iter().map(|index| self.first() + index).collect();
        self.set().kept(self.zip(), &images)
    }

    /// Requests the images in these ranges together, if the file is read by range.
    pub(super) fn prefetch<'r>(&self, ranges: impl Iterator<Item = &'r Range<usize>>) -> Result<()> {
        if !self.zip().is_read_by_range() {
            return Ok(());
        }
        let ranges: Vec<_> =
            ranges.map(|range| self.first() + range.start..self.first() + range.end).collect();
        self.set().prefetch(self.zip(), &ranges)
    }

    /// Calls `with` with each of these images and its number in `indices`; all have this size, and are counted by `checks`. The
    /// window has what was requested.
    pub(super) fn with_images(
        &self,
        window: &Window,
        indices: &[usize],
        size: [usize; 2],
        checks: Option<&BlockChecks>,
        with: impl FnMut(usize, BitmapView<'_>),
    ) -> Result<()> {
        let images: Vec<usize> = indices.iter().map(|index| self.first() + index).collect();
        self.set().with_images(self.zip(), window, &images, size, checks, with)
    }

    /// Finds an image, which must have this size, in this window if it is there.
    pub(super) fn find_coded<'s>(
        &'s self,
        window: &'s Window,
        index: usize,
        size: [usize; 2],
    ) -> Result<CodedImage<'s>> {
        self.set().find_coded(self.zip(), window, self.first() + index, size)
    }

    /// Returns whether images of this size may exceed the limit, so that each must be checked.
    pub(super) fn may_be_too_large(&self, size: Option<[usize; 2]>) -> bool {
        size.is_none_or(|size| self.set().check_size(self.zip(), self.first(), 0, size).is_err())
    }

    /// Checks that an image neither exceeds the limit nor is larger than its payload can encode.
    pub(super) fn check_size(&self, index: usize) -> Result<()> {
        self.set().check_image(self.zip(), self.first() + index)
    }

    pub(super) fn count_ones(&self, index: usize) -> Result<u64> {
        self.set().count_ones(self.zip(), self.first() + index)
    }

    /// Appends the pixels of some images in the byte order of the dtype. Blocks that are read whole are checked, but not one image
    /// alone: whoever takes what is left of a damaged set reads one after the other.
    pub(crate) fn unpack(&self, images: Range<usize>, pixels: &mut Vec<u8>) -> Result<()> {
        let mut unpack = |image: BitmapView<'_>| {
            let kind = self.set().kind(image.width());
            unpack_onto(image.as_bytes(), kind.width, &kind.dtype, kind.bits, pixels)
        };
        let size = self.stack().map(StackShape::size).or_else(|| self.set().common_size());
        let size = size.filter(|[height, width]| height * width <= MAX_PIXELS_AT_ONCE);
        let (mut requested, mut end) = (Requested::all(&[]), images.start);
        let checks = (images.len() > 1).then(BlockChecks::default);
        for first in images.clone().step_by(IMAGES_AT_ONCE) {
            interrupt::check()?;
            let indices: Vec<usize> = (first..images.end.min(first + IMAGES_AT_ONCE)).collect();
            if first + indices.len() > end {
                let more: Vec<usize> = (first..images.end.min(first + MAX_REQUESTED)).collect();
                requested = self.request(&more)?;
                end = first + requested.images.max(indices.len());
            }
            match size {
                Some(size) => {
                    let mut unpacked = Ok(());
                    self.with_images(&requested.window, &indices, size, checks.as_ref(), |_, image| {
                        if unpacked.is_ok() {
                            unpacked = unpack(image);
                        }
                    })?;
                    unpacked?;
                }
                None => indices.iter().try_for_each(|&index| self.with_image(index, &mut unpack)?)?,
            }
        }
        Ok(())
    }

    /// Checks that an array of `pixels` pixels of `pixel_bytes` bytes is within the limit, before it is allocated.
    pub(super) fn check_limit(&self, pixels: u64, pixel_bytes: usize) -> Result<()> {
        let found = pixels.saturating_mul(pixel_bytes as u64);
        check_array(found, self.contents.limits().npy.array_bytes)
    }
}
