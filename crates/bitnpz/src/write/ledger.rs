//! What has been written so far.

use std::collections::HashMap;

use crate::packed::{PackedIndex, PackedKind};
use crate::progress::Progress;

/// What has been written so far: for each member what it takes to give it back.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    kinds: Vec<PackedKind>,
    numbers: HashMap<PackedKind, u32>,
    /// For each member in order.
    members: Vec<Content>,
    keys: usize,
    images: usize,
    /// What counts the bytes of members, for those who watch; image sets count their own.
    pub(super) progress: Progress,
}

/// What a member holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content {
    /// An array as it is.
    Array,
    /// Packed images, of the kind with this number.
    Packed(u32),
    /// A part of an image set, or another thing of the library's own.
    Own,
}

impl Ledger {
    pub(super) fn new(progress: Progress) -> Self {
        Self { progress, ..Self::default() }
    }

    /// The member with this number holds so many images, packed.
    pub(super) fn note_packed(&mut self, member: usize, kind: PackedKind, images: usize) {
        let next = u32::try_from(self.kinds.len()).expect("there are no more kinds than members");
        let number = *self.numbers.entry(kind).or_insert_with_key(|kind| {
            self.kinds.push(kind.clone());
            next
        });
        self.note(member, Content::Packed(number), images);
    }

    /// The member with this number is an array as it is, of so many images.
    pub(super) fn note_plain(&mut self, member: usize, images: usize) {
        self.note(member, Content::Array, images);
    }

    /// Images of an image set, under so many keys.
    pub(super) fn note_set(&mut self, keys: usize, images: usize) {
        self.keys += keys;
        self.images += images;
    }

    fn note(&mut self, member: usize, content: Content, images: usize) {
        self.members.resize(member, Content::Own);
        self.members.push(content);
        self.keys += 1;
        self.images += images;
    }

    pub(super) fn keys(&self) -> usize {
        self.keys
    }

    pub(super) fn images(&self) -> usize {
        self.images
    }

    /// The index of the packed members, if there are any; `name` gives the names of all.
    pub(super) fn packed_index<'a>(
        &self,
        name: impl Fn(usize) -> Option<&'a str> + Copy,
    ) -> Option<PackedIndex> {
        let members = self.members.iter().enumerate().filter_map(|(number, content)| {
            let kind = match content {
                Content::Array => None,
                Content::Packed(kind) => Some(*kind),
                Content::Own => return None,
            };
            let name = name(number)?;
            Some((name.strip_suffix(".npy").unwrap_or(name), kind))
        });
        (!self.kinds.is_empty()).then(|| PackedIndex::new(&self.kinds, members))
    }
}
