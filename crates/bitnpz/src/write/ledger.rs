//! What has been written under which keys.

use std::collections::{BTreeSet, HashMap};

use super::order_log::{MEMBERS, OrderLog};
use crate::packed::{PackedIndex, PackedKind};

/// What a finished archive holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// The number of keys: of images, stacks and ordinary arrays.
    pub keys: usize,
    /// The number of images, those of stacks included.
    pub images: usize,
    /// The number of members that are no arrays, copied from other archives or from the one that was appended to.
    pub others: usize,
}

/// What has been written so far: the content of each member, and how many keys and images there are.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    kinds: Vec<PackedKind>,
    kind_numbers: HashMap<PackedKind, u32>,
    /// The content of each member, in the order of writing.
    members: Vec<MemberContent>,
    keys: usize,
    images: usize,
    pub(super) order: OrderLog,
    /// The keys of arrays that each shard has as a whole.
    pub(super) whole: BTreeSet<String>,
    /// The keys of ordinary arrays that are images, too few for a set.
    pub(super) few: BTreeSet<String>,
}

/// The content of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum MemberContent {
    /// An array as it is.
    Array,
    /// Packed images, of the kind with this number.
    Packed(u32),
    /// No array.
    Other,
    /// A part of an image set, or another of the library's own.
    Reserved,
}

impl Ledger {
    /// Notes that the member with this number is an array of so many images that was saved in this place: packed rows of images of
    /// this kind, or an array as it is.
    pub(super) fn note_array(
        &mut self,
        member: usize,
        place: usize,
        kind: Option<PackedKind>,
        images: usize,
    ) {
        let content = kind.map_or(MemberContent::Array, |kind| MemberContent::Packed(self.number_of(kind)));
        self.note(member, place, content);
        self.keys += 1;
        self.images += images;
    }

    fn number_of(&mut self, kind: PackedKind) -> u32 {
        let next = u32::try_from(self.kinds.len()).expect("there are no more kinds than members");
        *self.kind_numbers.entry(kind).or_insert_with_key(|kind| {
            self.kinds.push(kind.clone());
            next
        })
    }

    /// Notes that the member with this number is no array.
    pub(super) fn note_other(&mut self, member: usize) {
        self.note(member, MEMBERS, MemberContent::Other);
    }

    /// Notes the images of an image set, under so many keys.
    pub(super) fn note_set(&mut self, keys: usize, images: usize) {
        self.keys += keys;
        self.images += images;
    }

    fn note(&mut self, member: usize, place: usize, content: MemberContent) {
        self.members.resize(member, MemberContent::Reserved);
        self.members.push(content);
        match place {
            MEMBERS => self.order.note(MEMBERS),
            _ => self.order.note_member(place, member),
        }
    }

    /// Returns the numbers of the members that are not the library's own.
    pub(super) fn members(&self) -> Vec<usize> {
        let members = self.members.iter().enumerate();
        members
            .filter(|(_, content)| **content != MemberContent::Reserved)
            .map(|(number, _)| number)
            .collect()
    }

    pub(super) fn summary(&self) -> Summary {
        let others = self.members.iter().filter(|&&content| content == MemberContent::Other).count();
        Summary { keys: self.keys, images: self.images, others }
    }

    /// Returns the index of the packed members, if there are any; `name` returns the name of a member.
    pub(super) fn packed_index<'a>(
        &self,
        name: impl Fn(usize) -> Option<&'a str> + Copy,
    ) -> Option<PackedIndex> {
        let members = self.members.iter().enumerate().filter_map(|(number, content)| {
            let kind = match content {
                MemberContent::Array => None,
                MemberContent::Packed(kind) => Some(*kind),
                MemberContent::Other | MemberContent::Reserved => return None,
            };
            Some((bitnpz_npz::identity(name(number)?), kind))
        });
        (!self.kinds.is_empty()).then(|| PackedIndex::new(&self.kinds, members))
    }
}
