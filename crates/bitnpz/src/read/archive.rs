//! Finding what an archive holds.

use std::cell::RefCell;
use std::path::Path;

use bitnpz_bitmap::{Bitmap, Pixel};
use bitnpz_npy::{DynArray, DynArrayView, Element};
use bitnpz_npz::{Limits, Member, OpenOptions};
use ndarray::{Array2, ArrayD, Ix2};

use super::RESERVED;
use super::entry::Entry;
use super::image_set::ImageSet;
use crate::error::{Error, ErrorKind, Result};
use crate::packed::{self, PackedIndex};

/// A buffer up to this size is kept for the next image.
const KEPT: usize = 1 << 20;

thread_local! {
    /// The last image's `.npy` file.
    static NPY: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// An open archive: images and arrays by their keys, as they were saved.
///
/// It opens archives of bitnpz in every encoding, and those that NumPy wrote. All reads take `&self`, and no
/// file position is shared: threads and forked processes can use one.
#[derive(Debug)]
pub struct Archive {
    zip: bitnpz_npz::Archive,
    packed: PackedIndex,
}

impl Archive {
    /// Opens an archive through a memory map.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, is no archive, or could be read by two programs differently.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::open_with(path, OpenOptions::default())
    }

    /// Opens an archive as `options` say.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn open_with(path: impl AsRef<Path>, options: OpenOptions) -> Result<Self> {
        Self::new(bitnpz_npz::Archive::open_with(path, options)?)
    }

    /// Opens an archive that is in memory.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self> {
        Self::new(bitnpz_npz::Archive::from_bytes(bytes)?)
    }

    fn new(zip: bitnpz_npz::Archive) -> Result<Self> {
        let packed = match zip.find(packed::MEMBER) {
            Some(member) => PackedIndex::from_json(&member.read()?)
                .map_err(|message| ErrorKind::Damaged { member: packed::MEMBER.to_owned(), message })?,
            None => PackedIndex::default(),
        };
        Ok(Self { zip, packed })
    }

    /// The archive's size in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.zip.size()
    }

    /// The keys of all arrays, in the order in which they lie in the archive.
    pub fn keys(&self) -> impl Iterator<Item = String> {
        self.members().map(|member| member.key().to_owned())
    }

    /// The number of keys.
    #[must_use]
    pub fn len(&self) -> usize {
        self.members().count()
    }

    /// Whether there are no keys.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members().next().is_none()
    }

    /// Whether there is an array with this key.
    #[must_use]
    pub fn contains(&self, key: &str) -> bool {
        self.member(key).is_ok()
    }

    /// What the archive has under this key, its pixels apart.
    ///
    /// # Errors
    ///
    /// If there is no such key, or the array's header is damaged.
    pub fn entry(&self, key: &str) -> Result<Entry<'_>> {
        self.entry_of(self.member(key)?)
    }

    /// What the archive has under each key, in order.
    pub fn entries(&self) -> impl Iterator<Item = Result<Entry<'_>>> {
        self.members().map(|member| self.entry_of(member))
    }

    /// One image in the type asked for, shape `(height, width)`. `bool` gives the bits of any image; every other
    /// type gives the values, if it holds them exactly.
    ///
    /// # Errors
    ///
    /// If there is no such key, if it holds no image or more than one, if the values cannot be given in this
    /// type, or if it is damaged.
    pub fn image<T: Pixel + Element>(&self, key: &str) -> Result<Array2<T>> {
        let member = self.member(key)?;
        let blame = |error: Error| error.with_key(key);
        if self.packed.kind(key).is_none() {
            // The type that was saved needs no packing and unpacking.
            let array = NPY.with_borrow_mut(|npy| {
                member.read_into(npy)?;
                let view = DynArrayView::parse(npy, &self.limits().npy);
                let array = view.map_err(|error| blame(error.into()))?.to_ndarray::<T>();
                if npy.capacity() > KEPT {
                    *npy = Vec::new();
                }
                Ok::<_, Error>(array)
            });
            if let Ok(array) = array? {
                let found = array.shape().to_vec();
                return array.into_dimensionality::<Ix2>().map_err(|_| blame(not_one(found)));
            }
        }
        let set = self.images(key)?;
        if set.shape().len() != 2 {
            return Err(blame(not_one(set.shape().to_vec())));
        }
        set.read(0)
    }

    /// One image at one bit per pixel.
    ///
    /// # Errors
    ///
    /// As [`image`](Self::image).
    pub fn bitmap(&self, key: &str) -> Result<Bitmap> {
        let set = self.images(key)?;
        if set.shape().len() != 2 {
            return Err(not_one(set.shape().to_vec()).with_key(key));
        }
        Ok(set.bitmap(0)?.to_bitmap())
    }

    /// The images under one key: an image alone, or a stack of shape `(..., height, width)`.
    ///
    /// # Errors
    ///
    /// If there is no such key, if the array has a third value or NaN or fewer than two dimensions, or if it is
    /// damaged.
    pub fn images(&self, key: &str) -> Result<ImageSet<'_>> {
        self.entry(key)?.to_images()
    }

    /// The array under this key, in its own type and shape.
    ///
    /// # Errors
    ///
    /// If there is no such key, if it is of another type, or if it is damaged.
    pub fn array<T: Element>(&self, key: &str) -> Result<ArrayD<T>> {
        let array = self.dyn_array(key)?;
        array.to_ndarray().map_err(|error| Error::from(error).with_key(key))
    }

    /// The array under this key, whatever its type: what `np.load` gave before it was packed.
    ///
    /// # Errors
    ///
    /// If there is no such key, or if it is damaged.
    pub fn dyn_array(&self, key: &str) -> Result<DynArray> {
        self.entry(key)?.to_array()
    }

    pub(super) fn zip(&self) -> &bitnpz_npz::Archive {
        &self.zip
    }

    pub(super) fn packed(&self) -> &PackedIndex {
        &self.packed
    }

    pub(super) fn limits(&self) -> &Limits {
        self.zip.limits()
    }

    /// The members that are arrays of the user's.
    fn members(&self) -> impl Iterator<Item = Member<'_>> {
        self.zip.members().filter(|member| is_array(member.name()))
    }

    fn member(&self, key: &str) -> Result<Member<'_>> {
        let member = self.zip.find(key).filter(|member| is_array(member.name()));
        member.ok_or_else(|| Error::from(ErrorKind::NoSuchKey).with_key(key))
    }

    pub(super) fn entry_of<'a>(&'a self, member: Member<'a>) -> Result<Entry<'a>> {
        Entry::new(self, member)
    }
}

pub(super) fn is_array(name: &str) -> bool {
    name.ends_with(".npy") && !name.starts_with(RESERVED)
}

fn not_one(found: Vec<usize>) -> Error {
    ErrorKind::NotOneImage { found }.into()
}
