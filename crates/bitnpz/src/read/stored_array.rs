//! `StoredArray`: an array of which only what is wanted is read.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use bitnpz_npy::{Dtype, DynArray, Element, Header, zeros};
use bitnpz_npz::Member;
use ndarray::ArrayD;

use super::check::check_shape;
use super::contents::Contents;
use super::member_items::MemberItems;
use crate::error::{Error, ErrorKind, Result};

/// An array of an archive whose items along the first axis are read on demand: one that is stored as it is, or deflated in parts,
/// as a [`Writer`](crate::Writer) deflates large arrays beside image sets.
///
/// ```
/// use bitnpz::Archive;
/// use ndarray::{Array1, array};
///
/// let labels = Array1::from_iter((0..500_000_i64).map(|number| number / 7));
/// let mut writer = bitnpz::Writer::unnamed(&bitnpz::WriteOptions::default())?;
/// writer.add_array("labels", &labels)?;
/// # writer.add_images("glyphs", &ndarray::Array3::from_elem((5000, 9, 9), true))?;
/// let mut bytes = Vec::new();
/// writer.finish_into(&mut bytes)?;
///
/// let labels = Archive::from_bytes(bytes)?.stored_array("labels")?.expect("it is large");
/// assert_eq!(labels.shape(), [500_000]);
/// assert_eq!(labels.read::<i64>(70..72)?, array![10, 10].into_dyn());
/// assert_eq!(labels.take::<i64>(&[499_999, 7])?, array![71_428, 1].into_dyn());
/// # Ok::<(), bitnpz::Error>(())
/// ```
#[derive(Clone)]
pub struct StoredArray {
    header: Header,
    storage: ArrayStorage,
}

/// Where the items of a [`StoredArray`] are.
#[derive(Clone)]
enum ArrayStorage {
    Member(MemberItems),
    Shards(Arc<dyn ShardedItems>),
}

/// The items of an array whose parts are in several archives.
pub(crate) trait ShardedItems: Send + Sync {
    /// Checks that so many bytes of items are within the limit of arrays.
    fn check_limit(&self, bytes: u64) -> Result<()>;

    /// Fills buffers, each with the items that start with its index.
    fn copy(&self, wanted: Vec<(usize, &mut [u8])>) -> Result<()>;
}

impl fmt::Debug for StoredArray {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredArray").field("header", &self.header).finish_non_exhaustive()
    }
}

impl StoredArray {
    /// Opens the array of a member; `None` if only all of it can be read.
    pub(super) fn open(contents: &Arc<Contents>, member: &Member<'_>) -> Result<Option<Self>> {
        let items = MemberItems::open(contents, member)?;
        Ok(items.map(|items| Self { header: items.header.clone(), storage: ArrayStorage::Member(items) }))
    }

    /// Returns the array of this header, whose items are in several archives.
    pub(crate) fn sharded(header: Header, items: Arc<dyn ShardedItems>) -> Self {
        Self { header, storage: ArrayStorage::Shards(items) }
    }

    /// Returns the dtype.
    #[must_use]
    pub fn dtype(&self) -> &Dtype {
        &self.header.dtype
    }

    /// Returns the shape.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.header.shape
    }

    /// Returns the number of items along the first axis.
    #[must_use]
    pub fn len(&self) -> usize {
        self.header.shape[0]
    }

    /// Returns whether there are no items.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the bytes of an item along the first axis.
    #[must_use]
    pub fn item_bytes(&self) -> usize {
        self.header.shape[1..].iter().product::<usize>() * self.header.dtype.item_size()
    }

    /// Reads items that follow each other. Of an array that is stored as it is only all items together have a checksum.
    ///
    /// # Errors
    ///
    /// If there are fewer, if they are not of this type, if they exceed the limit of arrays, or if they are damaged.
    pub fn read<T: Element>(&self, items: Range<usize>) -> Result<ArrayD<T>> {
        let bytes = self.zeros(items.len())?;
        self.to_array(items.len(), bytes, |bytes| self.read_into(items, bytes))
    }

    /// Returns whether all that is read of it has a checksum.
    pub(crate) fn is_checked(&self) -> bool {
        matches!(&self.storage, ArrayStorage::Member(items) if items.is_checked())
    }

    /// Reads the items with these indices.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub fn take<T: Element>(&self, indices: &[usize]) -> Result<ArrayD<T>> {
        let bytes = self.zeros(indices.len())?;
        self.to_array(indices.len(), bytes, |bytes| self.take_into(indices, bytes))
    }

    /// Reads items that follow each other into the caller's buffer, in the byte order of the dtype.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read), and if the buffer has another length than the items.
    pub fn read_into(&self, items: Range<usize>, out: &mut [u8]) -> Result<()> {
        let bytes = self.item_bytes();
        if items.start > items.end || items.end > self.len() {
            return Err(self.no_such_item(items.end.max(items.start)));
        }
        check_shape(&[items.len() * bytes], &[out.len()])?;
        self.check_limit(out.len() as u64)?;
        match &self.storage {
            ArrayStorage::Member(all) if items == (0..self.len()) => all.read_all(out),
            ArrayStorage::Member(all) => all.copy(vec![(items.start as u64 * bytes as u64, out)]),
            ArrayStorage::Shards(all) => all.copy(vec![(items.start, out)]),
        }
    }

    /// Reads the items with these indices into the caller's buffer, in the byte order of the dtype.
    ///
    /// # Errors
    ///
    /// As [`read_into`](Self::read_into).
    pub fn take_into(&self, indices: &[usize], out: &mut [u8]) -> Result<()> {
        let bytes = self.item_bytes();
        if let Some(&index) = indices.iter().find(|&&index| index >= self.len()) {
            return Err(self.no_such_item(index));
        }
        check_shape(&[indices.len().saturating_mul(bytes)], &[out.len()])?;
        self.check_limit(out.len() as u64)?;
        if bytes == 0 {
            return Ok(());
        }
        let wanted = indices.iter().zip(out.chunks_mut(bytes));
        match &self.storage {
            ArrayStorage::Member(all) => {
                let mut wanted: Vec<_> =
                    wanted.map(|(&index, out)| (index as u64 * bytes as u64, out)).collect();
                wanted.sort_unstable_by_key(|(place, _)| *place);
                all.copy(wanted)
            }
            ArrayStorage::Shards(all) => all.copy(wanted.map(|(&index, out)| (index, out)).collect()),
        }
    }

    /// Checks that so many bytes of items are within the limit of arrays. Call it before you allocate the memory for them.
    ///
    /// # Errors
    ///
    /// If they are not.
    pub fn check_limit(&self, bytes: u64) -> Result<()> {
        match &self.storage {
            ArrayStorage::Member(items) => items.check_limit(bytes),
            ArrayStorage::Shards(items) => items.check_limit(bytes),
        }
    }

    fn no_such_item(&self, index: usize) -> Error {
        ErrorKind::NoSuchItem { index, len: self.len() }.into()
    }

    /// Returns the bytes of so many items.
    fn zeros(&self, items: usize) -> Result<Vec<u8>> {
        let bytes = (items as u64).saturating_mul(self.item_bytes() as u64);
        self.check_limit(bytes)?;
        Ok(zeros(usize::try_from(bytes).unwrap_or(usize::MAX))?)
    }

    fn to_array<T: Element>(
        &self,
        items: usize,
        mut bytes: Vec<u8>,
        read: impl FnOnce(&mut [u8]) -> Result<()>,
    ) -> Result<ArrayD<T>> {
        read(&mut bytes)?;
        let shape = [&[items], &self.header.shape[1..]].concat();
        Ok(DynArray::new(Header::new(self.header.dtype.clone(), shape), bytes)?.to_ndarray::<T>()?)
    }
}
