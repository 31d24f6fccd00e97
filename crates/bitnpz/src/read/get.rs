//! Reading the array or the images under a key.

use bitnpz_bitmap::{Bitmap, Pixel};
use bitnpz_npy::{DynArray, DynArrayView, Element};
use ndarray::{Array2, ArrayD, Ix2};

use super::archive::Archive;
use super::array_reader::ArrayReader;
use super::contents::{BUFFERED_BYTES, SetArray};
use super::entry::Entry;
use super::images::{Images, trailing};
use super::stored_images::StoredImages;
use crate::error::{Error, ErrorKind, Result};

/// What an archive has under a key.
#[derive(Debug)]
#[non_exhaustive]
pub enum Content<'a> {
    /// An array of up to 1 MiB, or images whose rows and columns are not its last axes, as it was saved.
    Array(DynArray),
    /// A larger array, which can be read into the caller's memory.
    LargeArray(ArrayReader<'a>),
    /// Images that are packed or in an image set: one of shape `(height, width)`, or a stack. The array may have had
    /// [`trailing`](Images::trailing) axes of length 1 behind these.
    Images(Images),
}

impl Archive {
    /// Returns what the archive has under this key: images without reading them if they are packed or in an image set, else the
    /// array.
    ///
    /// # Errors
    ///
    /// If there is no such key, or it is damaged.
    pub fn get(&self, key: &str) -> Result<Content<'_>> {
        let blame = |error: Error| error.with_key(key);
        if let Some(member) = self.contents().plain_member(key) {
            if member.size() > BUFFERED_BYTES as u64 {
                return self.contents().array_reader(&member).map(Content::LargeArray).map_err(blame);
            }
            if self.has_sets() {
                // A stack too small for a set is given as stacks in sets are.
                let entry = Entry::of_member(self.contents(), member)?;
                let images = if entry.is_small_stack() { entry.to_images().ok() } else { None };
                return match images {
                    Some(images) => Ok(Content::Images(images)),
                    None => entry.to_array().map(Content::Array),
                };
            }
            return self.contents().read_array(&member).map(Content::Array).map_err(blame);
        }
        let entry = self.entry(key)?;
        let images = entry.to_images()?;
        match trailing(entry.header(), images.shape()) {
            None if entry.is_in_set() => entry.to_array().map(Content::Array),
            _ => Ok(Content::Images(images)),
        }
    }

    /// Returns one image in the type asked for, shape `(height, width)`. `bool` gives the bits of any image; every other type
    /// gives the values, if it holds them exactly.
    ///
    /// # Errors
    ///
    /// If there is no such key, if the array has not one image, if the type does not hold the values, or if it is damaged.
    pub fn image<T: Pixel + Element>(&self, key: &str) -> Result<Array2<T>> {
        let blame = |error: Error| error.with_key(key);
        let images = match self.contents().plain_member(key) {
            None => self.images(key)?,
            Some(member) => {
                let bytes = member.compressed_size();
                // An array of the type asked for needs no packing and unpacking.
                let read = |view: DynArrayView<'_>| match view.to_ndarray::<T>() {
                    Ok(array) => Ok(Ok(array)),
                    Err(_) => Images::of_array(&view, bytes).map(Err),
                };
                match self.contents().with_array(&member, read).and_then(|read| read).map_err(blame)? {
                    Err(images) => images,
                    Ok(array) => {
                        let found = array.shape().to_vec();
                        return array.into_dimensionality::<Ix2>().map_err(|_| blame(not_one_image(found)));
                    }
                }
            }
        };
        if images.shape().len() != 2 {
            return Err(blame(not_one_image(images.shape().to_vec())));
        }
        images.read(0).map_err(blame)
    }

    /// Returns one image at one bit per pixel.
    ///
    /// # Errors
    ///
    /// As [`image`](Self::image).
    pub fn bitmap(&self, key: &str) -> Result<Bitmap> {
        let images = self.images(key)?;
        if images.shape().len() != 2 {
            return Err(not_one_image(images.shape().to_vec()).with_key(key));
        }
        images.bitmap(0).map_err(|error| error.with_key(key))
    }

    /// Returns the images under one key: one image, or a stack of shape `(..., height, width)`.
    ///
    /// # Errors
    ///
    /// If there is no such key, if the array has a third value, NaN, or fewer than two dimensions, or if it is damaged.
    pub fn images(&self, key: &str) -> Result<Images> {
        match self.contents().member(key) {
            Some(member) => Entry::of_member(self.contents(), member)?.to_images(),
            None => {
                let images = StoredImages::new(self.contents(), self.contents().find_in_sets(key)?);
                Images::stored(images).map_err(|error| error.with_key(key))
            }
        }
    }

    /// Returns the images that were saved under keys of their own in image sets, those of one dtype and pair of values together:
    /// usually one `Images` of everything that [`Writer::add_image`](crate::Writer::add_image) was given. Images of the encodings
    /// `plain` and `packed`, which are members, are not among them.
    ///
    /// # Errors
    ///
    /// If a set is damaged.
    pub fn keyed_images(&self) -> Result<Vec<Images>> {
        let sets = self.sets().iter().enumerate().filter(|(_, set)| set.stack().is_none());
        let arrays = sets.map(|(number, set)| SetArray { set: number, images: 0..set.len() });
        arrays.map(|array| Images::keyed(StoredImages::new(self.contents(), array))).collect()
    }

    /// Returns the array under this key, in its own shape.
    ///
    /// # Errors
    ///
    /// If there is no such key, if the array is of another type, or if it is damaged.
    pub fn array<T: Element>(&self, key: &str) -> Result<ArrayD<T>> {
        let array = self.dyn_array(key)?;
        array.to_ndarray().map_err(|error| Error::from(error).with_key(key))
    }

    /// Returns the array under this key, whatever its dtype, as it was saved.
    ///
    /// # Errors
    ///
    /// If there is no such key, or if it is damaged.
    pub fn dyn_array(&self, key: &str) -> Result<DynArray> {
        match self.contents().plain_member(key) {
            Some(member) => self.contents().read_array(&member).map_err(|error| error.with_key(key)),
            None => self.entry(key)?.to_array(),
        }
    }
}

fn not_one_image(found: Vec<usize>) -> Error {
    ErrorKind::NotOneImage { found }.into()
}
