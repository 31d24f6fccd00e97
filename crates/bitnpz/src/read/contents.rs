//! The contents of an open archive, and finding the array of a key.

use std::cell::Cell;
use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::num::NonZero;
use std::ops::Range;

use bitnpz_npy::{DynArray, DynArrayView};
use bitnpz_npz::{Limits, Member};

use super::array_reader::ArrayReader;
use super::check::check_array;
use super::order::Order;
use crate::error::{Error, ErrorKind, Result};
use crate::names::{is_array, is_reserved};
use crate::packed::PackedIndex;
use crate::set::StoredSet;

/// Members up to this size are read whole into a buffer that is kept for the next. Most images are far smaller; larger arrays are
/// read without a copy, which takes an allocation of its own.
pub(super) const MAX_BUFFERED_BYTES: usize = 1 << 20;

thread_local! {
    /// The buffer for `.npy` files, taken out while it is in use.
    static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// The contents of an open archive.
pub(crate) struct Contents {
    pub(super) zip: bitnpz_npz::Archive,
    pub(super) packed: PackedIndex,
    pub(super) sets: Vec<StoredSet>,
    /// The images of each stack of the sets, by its key.
    pub(super) stacks: HashMap<String, SetArray>,
    pub(super) order: Order,
    /// The keys of arrays that each shard of an archive has as a whole.
    pub(super) whole: BTreeSet<String>,
    /// The keys of ordinary arrays that are images, too few for a set.
    pub(super) few: BTreeSet<String>,
    /// The most threads that read a batch.
    pub(super) threads: NonZero<usize>,
}

impl fmt::Debug for Contents {
    /// Formats a summary: the sets alone can be megabytes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = self.members().count() + self.sets.iter().map(StoredSet::key_count).sum::<usize>();
        let mut fields = f.debug_struct("Archive");
        fields.field("bytes", &self.zip.size()).field("keys", &keys).field("sets", &self.sets.len());
        fields.finish_non_exhaustive()
    }
}

/// The images of a set that form one array: a stack, or one image with a key of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SetArray {
    /// The number of the set in the archive.
    pub(crate) set: usize,
    /// The numbers of the images in the set.
    pub(crate) images: Range<usize>,
}

impl Contents {
    pub(super) fn limits(&self) -> &Limits {
        self.zip.limits()
    }

    /// Returns the members that are the user's arrays.
    pub(super) fn members(&self) -> impl Iterator<Item = Member<'_>> {
        self.zip.members().filter(|member| is_array(member.name()))
    }

    /// Returns the member of the array with this key, if it has one.
    pub(super) fn member(&self, key: &str) -> Option<Member<'_>> {
        self.zip.find(key).filter(|member| is_array(member.name()))
    }

    /// Returns the member of the array with this key, if it has one and its rows are not packed.
    pub(super) fn plain_member(&self, key: &str) -> Option<Member<'_>> {
        self.member(key).filter(|member| self.packed.kind(member.key()).is_none())
    }

    /// Returns the user's member with this name, whether it is an array or not.
    pub(super) fn any_member(&self, name: &str) -> Option<Member<'_>> {
        let member = self.zip.find(name).filter(|member| !is_reserved(member.name()))?;
        (is_array(member.name()) || member.name() == name).then_some(member)
    }

    /// Returns whether a set has this key, which does not end in `.npy`.
    pub(super) fn is_in_sets(&self, key: &str) -> bool {
        self.stacks.contains_key(key) || self.keyed_sets().any(|(_, set)| set.find(&self.zip, key).is_some())
    }

    /// Returns the sets whose images have keys of their own, with their numbers.
    pub(super) fn keyed_sets(&self) -> impl Iterator<Item = (usize, &StoredSet)> {
        self.sets.iter().enumerate().filter(|(_, set)| set.is_keyed())
    }

    /// Finds the images of the sets that have this key.
    ///
    /// # Errors
    ///
    /// If there are none, or those of several sets.
    pub(super) fn find_in_sets(&self, key: &str) -> Result<SetArray> {
        let wanted = bitnpz_npz::identity(key);
        let keyed = self.keyed_sets().filter_map(|(number, set)| {
            let image = set.find(&self.zip, wanted)?;
            Some(SetArray { set: number, images: image..image + 1 })
        });
        let mut found = self.stacks.get(wanted).cloned().into_iter().chain(keyed);
        match (found.next(), found.next()) {
            (Some(array), None) => Ok(array),
            (None, _) => Err(Error::from(ErrorKind::NoSuchKey).with_key(key)),
            (Some(_), Some(_)) => Err(Error::from(ErrorKind::AmbiguousKey).with_key(key)),
        }
    }

    /// Returns the key of an array of a set.
    pub(super) fn key_of(&self, array: &SetArray) -> String {
        let set = &self.sets[array.set];
        match set.stacks() {
            Some(stacks) => stacks.of(array.images.start).key.clone(),
            None => set.key(&self.zip, array.images.start),
        }
    }

    /// Reads the array of a plain member, without a copy if it is large.
    pub(super) fn read_array(&self, member: &Member<'_>) -> Result<DynArray> {
        if member.size() <= MAX_BUFFERED_BYTES as u64 {
            return Ok(self.with_array(member, |view| view.to_owned())??);
        }
        let mut reader = self.array_reader(member)?;
        let data = reader.read()?;
        Ok(DynArray::new(reader.header().clone(), data)?)
    }

    /// Returns a reader of the array of a plain member.
    pub(super) fn array_reader<'a>(&self, member: &Member<'a>) -> Result<ArrayReader<'a>> {
        ArrayReader::of_member(member, &self.limits().npy)
    }

    /// Calls `with` with the array of a plain member. Its buffer is reused for the next.
    pub(super) fn with_array<R>(
        &self,
        member: &Member<'_>,
        with: impl FnOnce(DynArrayView<'_>) -> R,
    ) -> Result<R> {
        let limits = &self.limits().npy;
        let limit = limits.array_bytes;
        check_array(member.size(), limit.saturating_add(limits.header_bytes as u64))?;
        let mut npy = BUFFER.take();
        member.read_into(&mut npy)?;
        let view = DynArrayView::parse(&npy, limits)?;
        check_array(view.data().len() as u64, limit)?;
        let result = with(view);
        if npy.capacity() <= MAX_BUFFERED_BYTES {
            BUFFER.set(npy);
        }
        Ok(result)
    }
}
