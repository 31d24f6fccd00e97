//! Reading the array or the images of a key.

use bitnpz_bitmap::{Bitmap, Pixel};
use bitnpz_npy::{DynArray, DynArrayView, Element};
use ndarray::{Array2, ArrayD, Ix2};

use super::archive::Archive;
use super::array_reader::ArrayReader;
use super::contents::{MAX_BUFFERED_BYTES, SetArray};
use super::entry::Entry;
use super::images::Images;
use super::stored_array::StoredArray;
use super::stored_images::StoredImages;
use crate::error::{Error, ErrorKind, Result};

/// The content of a key, as [`Archive::get`] returns it.
#[derive(Debug)]
#[non_exhaustive]
pub enum Content<'a> {
    /// An array of up to 1 MiB, or one whose images are not along its last axes, as it was saved.
    Array(DynArray),
    /// A larger array, which can be read into the caller's buffer.
    LargeArray(ArrayReader<'a>),
    /// A larger array beside image sets, of which only what is wanted is read.
    StoredArray(StoredArray),
    /// Images that are packed or in an image set: one image of shape `(height, width)`, or a stack. The saved array may have had
    /// [`trailing`](Images::trailing) axes of length 1 after these.
    Images(Images),
}

impl Archive {
    /// Returns the content of a key: the images, not yet read, if they are packed or in an image set, else the array.
    ///
    /// ```
    /// use bitnpz::Content;
    /// # let mut writer = bitnpz::Writer::unnamed(&bitnpz::WriteOptions::default())?;
    /// # writer.add_images("glyphs", &ndarray::array![[[true, false]], [[true, true]]])?;
    /// # let mut bytes = Vec::new();
    /// # writer.finish_into(&mut bytes)?;
    /// # let archive = bitnpz::Archive::from_bytes(bytes)?;
    ///
    /// match archive.get("glyphs")? {
    ///     Content::Images(images) => assert_eq!(images.len(), 2),
    ///     Content::Array(array) => println!("shape {:?}", array.shape()),
    ///     Content::LargeArray(reader) => println!("shape {:?}", reader.header().shape),
    ///     _ => {}
    /// }
    /// # Ok::<(), bitnpz::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If there is no such key, or it is damaged.
    pub fn get(&self, key: &str) -> Result<Content<'_>> {
        let blame = |error: Error| error.with_key(key);
        if let Some(member) = self.contents().plain_member(key) {
            if member.size() > MAX_BUFFERED_BYTES as u64 {
                let stored =
                    if self.has_sets() { StoredArray::open(self.contents(), &member) } else { Ok(None) };
                if let Some(stored) = stored.map_err(blame)? {
                    return Ok(Content::StoredArray(stored));
                }
                return self.contents().array_reader(&member).map(Content::LargeArray).map_err(blame);
            }
            if self.has_sets() {
                // A stack that was too small for a set is returned like one in a set.
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
        match entry.trailing(&images) {
            None if entry.is_in_set() => entry.to_array().map(Content::Array),
            _ => Ok(Content::Images(images)),
        }
    }

    /// Returns the array of a key as one of which only what is wanted is read; `None` if only all of it can be read, as it is
    /// deflated in one go, has no axes or is in Fortran order, and of images.
    ///
    /// # Errors
    ///
    /// If there is no such key, or the header of the array is damaged.
    pub fn stored_array(&self, key: &str) -> Result<Option<StoredArray>> {
        match self.contents().plain_member(key) {
            Some(member) => StoredArray::open(self.contents(), &member).map_err(|error| error.with_key(key)),
            None => self.entry(key).map(|_| None),
        }
    }

    /// Reads one image as an array of `T`, shape `(height, width)`. With `bool` it returns the bits of the image, whatever its
    /// values; with any other type the values, which the type must hold exactly.
    ///
    /// ```
    /// # let mut writer = bitnpz::Writer::unnamed(&bitnpz::WriteOptions::default())?;
    /// writer.add_image("a", &ndarray::array![[0_u8, 255]])?;
    /// # let mut bytes = Vec::new();
    /// # writer.finish_into(&mut bytes)?;
    /// # let archive = bitnpz::Archive::from_bytes(bytes)?;
    /// assert_eq!(archive.image::<u8>("a")?, ndarray::array![[0, 255]]);
    /// assert_eq!(archive.image::<bool>("a")?, ndarray::array![[false, true]]);
    /// # Ok::<(), bitnpz::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If there is no such key, if the array is not one image, if the type cannot hold the values, or if the image is damaged.
    pub fn image<T: Pixel + Element>(&self, key: &str) -> Result<Array2<T>> {
        let blame = |error: Error| error.with_key(key);
        let images = match self.contents().plain_member(key) {
            None => self.images(key)?,
            Some(member) => {
                let bytes = member.compressed_size();
                // An array of type `T` need not be packed and unpacked.
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

    /// Reads one image at one bit per pixel.
    ///
    /// ```
    /// # let mut writer = bitnpz::Writer::unnamed(&bitnpz::WriteOptions::default())?;
    /// # writer.add_image("a", &ndarray::array![[true, false]])?;
    /// # let mut bytes = Vec::new();
    /// # writer.finish_into(&mut bytes)?;
    /// # let archive = bitnpz::Archive::from_bytes(bytes)?;
    /// let bitmap = archive.bitmap("a")?;
    /// assert_eq!(bitmap.view().as_bytes(), [0b1000_0000]);
    /// # Ok::<(), bitnpz::Error>(())
    /// ```
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

    /// Returns the images with one key: one image, or a stack of shape `(..., height, width)`. Images of a set are read only when
    /// they are asked for.
    ///
    /// ```
    /// # let mut writer = bitnpz::Writer::unnamed(&bitnpz::WriteOptions::default())?;
    /// # writer.add_images("glyphs", &ndarray::array![[[true, false]], [[true, true]]])?;
    /// # let mut bytes = Vec::new();
    /// # writer.finish_into(&mut bytes)?;
    /// # let archive = bitnpz::Archive::from_bytes(bytes)?;
    /// let glyphs = archive.images("glyphs")?;
    /// assert_eq!(glyphs.shape(), [2, 1, 2]);
    /// assert_eq!(glyphs.read::<bool>(1)?, ndarray::array![[true, true]]);
    /// # Ok::<(), bitnpz::Error>(())
    /// ```
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

    /// Returns the images of image sets that have keys of their own, one `Images` for each dtype and pair of values. Usually that
    /// is one `Images` with all images added by [`Writer::add_image`](crate::Writer::add_image). Images of the encodings `plain`
    /// and `packed` are not included, because they are members.
    ///
    /// ```
    /// # let mut writer = bitnpz::Writer::unnamed(&bitnpz::WriteOptions::default())?;
    /// for number in 0..1000 {
    ///     writer.add_image(&format!("ix-{number}"), &ndarray::Array2::from_elem((16, 16), number % 2 == 0))?;
    /// }
    /// # let mut bytes = Vec::new();
    /// # writer.finish_into(&mut bytes)?;
    /// # let archive = bitnpz::Archive::from_bytes(bytes)?;
    /// for images in archive.keyed_images()? {
    ///     for index in 0..images.len() {
    ///         println!("{:?} has {:?} pixels", images.key(index), images.size_of(index)?);
    ///     }
    /// }
    /// # assert_eq!(archive.keyed_images()?[0].len(), 1000);
    /// # Ok::<(), bitnpz::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If a set is damaged.
    pub fn keyed_images(&self) -> Result<Vec<Images>> {
        let sets = self.sets().iter().enumerate().filter(|(_, set)| set.is_keyed());
        let arrays = sets.map(|(number, set)| SetArray { set: number, images: 0..set.len() });
        arrays.map(|array| Images::keyed(StoredImages::new(self.contents(), array))).collect()
    }

    /// Reads the array with this key, in its own shape.
    ///
    /// ```
    /// # let mut writer = bitnpz::Writer::unnamed(&bitnpz::WriteOptions::default())?;
    /// writer.add_array("labels", &ndarray::array![3_i64, 5])?;
    /// # let mut bytes = Vec::new();
    /// # writer.finish_into(&mut bytes)?;
    /// # let archive = bitnpz::Archive::from_bytes(bytes)?;
    /// assert_eq!(archive.array::<i64>("labels")?, ndarray::array![3, 5].into_dyn());
    /// # Ok::<(), bitnpz::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If there is no such key, if the array has another dtype, or if it is damaged.
    pub fn array<T: Element>(&self, key: &str) -> Result<ArrayD<T>> {
        let array = self.dyn_array(key)?;
        array.to_ndarray().map_err(|error| Error::from(error).with_key(key))
    }

    /// Reads the array with this key, whatever its dtype, as it was saved.
    ///
    /// ```
    /// # let mut writer = bitnpz::Writer::unnamed(&bitnpz::WriteOptions::default())?;
    /// # writer.add_array("labels", &ndarray::array![3_i64, 5])?;
    /// # let mut bytes = Vec::new();
    /// # writer.finish_into(&mut bytes)?;
    /// # let archive = bitnpz::Archive::from_bytes(bytes)?;
    /// let labels = archive.dyn_array("labels")?;
    /// assert_eq!((labels.dtype(), labels.shape()), (&bitnpz::Dtype::of::<i64>(), [2].as_slice()));
    /// # Ok::<(), bitnpz::Error>(())
    /// ```
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
