//! Images of an image set, where they lie.

use std::ops::Range;

use bitnpz_bitmap::BitmapView;
use bitnpz_bitmap::codec::Codec;
use bitnpz_npy::Header;

use super::archive::Archive;
use super::entry::check_array;
use crate::axes::{ArrayForm, ImageAxes};
use crate::error::Result;
use crate::interrupt;
use crate::packed::unpack_onto;
use crate::set::StoredSet;

/// Images of an image set, one after the other.
#[derive(Clone, Debug)]
pub(crate) struct StoredImages {
    archive: Archive,
    /// Which of the archive's sets.
    set: usize,
    /// Which of its images.
    range: Range<usize>,
}

impl StoredImages {
    pub(crate) fn new(archive: &Archive, set: usize, range: Range<usize>) -> Self {
        Self { archive: archive.clone(), set, range }
    }

    /// The set that they are of.
    pub(super) fn set(&self) -> &StoredSet {
        &self.archive.sets()[self.set]
    }

    /// The number of images.
    pub(crate) fn len(&self) -> usize {
        self.range.len()
    }

    pub(super) fn codec(&self) -> Codec {
        self.set().codec()
    }

    /// The height and width of all images; `None` if they differ.
    pub(super) fn size(&self) -> Result<Option<[usize; 2]>> {
        match self.range.len() {
            1 => Ok(Some(self.set().size(self.archive.zip(), self.range.start)?)),
            _ => Ok(self.set().common_size()),
        }
    }

    /// The shape of the stack that they are under their one key: `(..., height, width)`.
    pub(super) fn shape(&self) -> Result<Vec<usize>> {
        Ok(match self.set().stack() {
            Some((_, shape)) => shape.to_vec(),
            None => self.set().size(self.archive.zip(), self.range.start)?.to_vec(),
        })
    }

    /// The header of the array that they come back as under their one key.
    pub(super) fn header(&self) -> Result<Header> {
        let mut header = Header::new(self.set().kind(0).dtype, self.shape()?);
        if let Some(form) = self.set().form() {
            (header.shape, header.fortran_order) = (form.shape.clone(), form.fortran_order);
        } else if self.set().stack().is_none() {
            let size = self.set().size(self.archive.zip(), self.range.start)?;
            header.shape = self.set().ones().around(size);
        }
        header.check()?;
        Ok(header)
    }

    /// The form in which a stack comes back, if it is another array.
    pub(super) fn form(&self) -> Option<&ArrayForm> {
        self.set().form()
    }

    /// Which axes of the array that they come back as are height and width.
    pub(crate) fn image_axes(&self) -> ImageAxes {
        match (self.set().form(), self.set().stack()) {
            (Some(form), Some((_, stack))) => form.image_axes(stack),
            _ => ImageAxes::Inferred,
        }
    }

    /// The bytes that they take in the file.
    pub(super) fn stored_bytes(&self) -> u64 {
        if self.range.len() == self.set().len() {
            return self.set().stored_bytes();
        }
        let payload = |image| self.set().payload_bytes(self.archive.zip(), image).unwrap_or(0);
        self.range.clone().map(payload).sum()
    }

    /// The bytes of the payload of one of them.
    pub(super) fn payload_bytes(&self, index: usize) -> Result<u64> {
        self.set().payload_bytes(self.archive.zip(), self.range.start + index)
    }

    /// The key of one of them.
    pub(super) fn key(&self, index: usize) -> String {
        self.set().key(self.archive.zip(), self.range.start + index)
    }

    /// Which of them has this key.
    pub(super) fn find(&self, key: &str) -> Option<usize> {
        let image = self.set().find(self.archive.zip(), bitnpz_npz::identity(key))?;
        self.range.contains(&image).then(|| image - self.range.start)
    }

    /// The height and width of one of them.
    pub(super) fn size_of(&self, index: usize) -> Result<[usize; 2]> {
        self.set().size(self.archive.zip(), self.range.start + index)
    }

    pub(super) fn with_image<R>(&self, index: usize, with: impl FnOnce(BitmapView<'_>) -> R) -> Result<R> {
        self.set().with_image(self.archive.zip(), self.range.start + index, with)
    }

    /// Whether images of this size may be larger than the limit, so that each must be looked at.
    pub(super) fn may_be_too_large(&self, size: Option<[usize; 2]>) -> bool {
        size.is_none_or(|size| self.set().check_size(self.archive.zip(), self.range.start, 0, size).is_err())
    }

    /// That an image is not larger than the limit, nor than its payload accounts for.
    pub(super) fn check_size(&self, index: usize) -> Result<()> {
        self.set().check_image(self.archive.zip(), self.range.start + index)
    }

    pub(super) fn count_ones(&self, index: usize) -> Result<u64> {
        self.set().count_ones(self.archive.zip(), self.range.start + index)
    }

    /// Appends the pixels of some of them, as they lie in memory.
    pub(crate) fn unpack(&self, images: Range<usize>, pixels: &mut Vec<u8>) -> Result<()> {
        for index in images {
            interrupt::check()?;
            self.with_image(index, |image| {
                let kind = self.set().kind(image.width());
                unpack_onto(image.as_bytes(), kind.width, &kind.dtype, kind.bits, pixels)
            })??;
        }
        Ok(())
    }

    /// That so many pixels of so many bytes, which are not in memory yet, are not too much.
    pub(super) fn check_limit(&self, pixels: u64, pixel_bytes: usize) -> Result<()> {
        let found = pixels.saturating_mul(pixel_bytes as u64);
        check_array(found, self.archive.limits().npy.array_bytes)
    }
}
