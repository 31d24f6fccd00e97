//! What has been written so far.

use std::collections::HashMap;

use super::order_log::{MEMBERS, Order};
use super::writer::Summary;
use crate::packed::{PackedIndex, PackedKind};

/// What has been written so far: for each member what it takes to give it back.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    kinds: Vec<PackedKind>,
    numbers: HashMap<PackedKind, u32>,
    /// For each member in order.
    members: Vec<Content>,
    keys: usize,
    images: usize,
    pub(super) order: Order,
}

/// What a member holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content {
    /// An array as it is.
    Array,
    /// Packed images, of the kind with this number.
    Packed(u32),
    /// A file that is no array.
    Other,
    /// A part of an image set, or another thing of the library's own.
    Own,
}

impl Ledger {
    /// The member with this number holds so many images, packed, that were saved in this place.
    pub(super) fn note_packed(&mut self, member: usize, place: usize, kind: PackedKind, images: usize) {
        let next = u32::try_from(self.kinds.len()).expect("there are no more kinds than members");
        let number = *self.numbers.entry(kind).or_insert_with_key(|kind| {
            self.kinds.push(kind.clone());
            next
        });
        self.note(member, place, Content::Packed(number));
        self.keys += 1;
        self.images += images;
    }

    /// The member with this number is an array as it is, of so many images, that was saved in this place.
    pub(super) fn note_plain(&mut self, member: usize, place: usize, images: usize) {
        self.note(member, place, Content::Array);
        self.keys += 1;
        self.images += images;
    }

    /// The member with this number is a file that is no array.
    pub(super) fn note_other(&mut self, member: usize) {
        self.note(member, MEMBERS, Content::Other);
    }

    /// Images of an image set, under so many keys.
    pub(super) fn note_set(&mut self, keys: usize, images: usize) {
        self.keys += keys;
        self.images += images;
    }

    fn note(&mut self, member: usize, place: usize, content: Content) {
        self.members.resize(member, Content::Own);
        self.members.push(content);
        match place {
            MEMBERS => self.order.note(MEMBERS),
            _ => self.order.note_member(place, member),
        }
    }

    /// The numbers of the members that are not the library's own.
    pub(super) fn members(&self) -> Vec<usize> {
        let members = self.members.iter().enumerate();
        members.filter(|(_, content)| **content != Content::Own).map(|(number, _)| number).collect()
    }

    pub(super) fn summary(&self) -> Summary {
        let others = self.members.iter().filter(|&&content| content == Content::Other).count();
        Summary { keys: self.keys, images: self.images, others }
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
                Content::Other | Content::Own => return None,
            };
            let name = name(number)?;
            Some((bitnpz_npz::identity(name), kind))
        });
        (!self.kinds.is_empty()).then(|| PackedIndex::new(&self.kinds, members))
    }
}
