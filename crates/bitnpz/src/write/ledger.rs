//! What has been written so far.

use std::collections::HashMap;

use crate::packed::{PackedIndex, PackedKind};

/// What has been written so far: for each member what it takes to give it back.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    kinds: Vec<PackedKind>,
    numbers: HashMap<PackedKind, u32>,
    /// For each member in order the number of its kind, if it holds packed images.
    members: Vec<Option<u32>>,
    images: usize,
}

impl Ledger {
    /// The member added last holds this many images, packed.
    pub(super) fn note_packed(&mut self, kind: PackedKind, images: usize) {
        let next = u32::try_from(self.kinds.len()).expect("there are no more kinds than members");
        let number = *self.numbers.entry(kind).or_insert_with_key(|kind| {
            self.kinds.push(kind.clone());
            next
        });
        self.members.push(Some(number));
        self.images += images;
    }

    /// The member added last is an array as it is, of this many images.
    pub(super) fn note_plain(&mut self, images: usize) {
        self.members.push(None);
        self.images += images;
    }

    pub(super) fn members(&self) -> usize {
        self.members.len()
    }

    pub(super) fn images(&self) -> usize {
        self.images
    }

    /// The index of the packed members, if there are any; `names` are those of all members.
    pub(super) fn packed_index<'a>(
        &self,
        names: impl Iterator<Item = &'a str> + Clone,
    ) -> Option<PackedIndex> {
        let keys = names.map(|name| name.strip_suffix(".npy").unwrap_or(name));
        let members = keys.zip(self.members.iter().copied());
        (!self.kinds.is_empty()).then(|| PackedIndex::new(&self.kinds, members))
    }
}
