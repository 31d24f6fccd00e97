//! Iterating over the items of an archive in the order in which they were saved.

use std::sync::Arc;

use super::contents::{Contents, SetArray};
use crate::names::is_reserved;

/// The place of an item in an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ItemPlace {
    /// The member with this number.
    Member(usize),
    /// Images of a set.
    Set(SetArray),
}

/// Iterates over the places of all items in the order in which they were saved.
#[derive(Clone, Debug)]
pub(crate) struct ItemPlaces {
    contents: Arc<Contents>,
    /// The number of the next run.
    run: usize,
    /// The number of keys left of the current run.
    left: usize,
    /// The source of the current run, as numbered by [`Order`](super::order::Order).
    source: usize,
    /// The number of the next item of each source.
    next: Vec<usize>,
}

impl ItemPlaces {
    pub(super) fn new(contents: &Arc<Contents>) -> Self {
        let next = vec![0; contents.sets.len() + 1];
        Self { contents: Arc::clone(contents), run: 0, left: 0, source: 0, next }
    }

    pub(super) fn contents(&self) -> &Contents {
        &self.contents
    }

    /// Returns the place of the next item of the current source.
    fn next_of_source(&mut self) -> Option<ItemPlace> {
        let next = &mut self.next[self.source];
        let Some(number) = self.source.checked_sub(1) else {
            while is_reserved(self.contents.zip.member(*next)?.name()) {
                *next += 1;
            }
            *next += 1;
            return Some(ItemPlace::Member(*next - 1));
        };
        let set = &self.contents.sets[number];
        let array = *next;
        *next += 1;
        if array >= set.key_count() {
            return None;
        }
        Some(ItemPlace::Set(SetArray { set: number, images: set.images_of_key(array) }))
    }
}

impl Iterator for ItemPlaces {
    type Item = ItemPlace;

    fn next(&mut self) -> Option<ItemPlace> {
        loop {
            if self.left == 0 {
                (self.source, self.left) = self.contents.order.run(self.run, self.next.len())?;
                self.run += 1;
            }
            self.left -= 1;
            match self.next_of_source() {
                Some(place) => return Some(place),
                None => self.left = 0,
            }
        }
    }
}
