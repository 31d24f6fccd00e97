//! Going through an archive in the order of saving.

use std::sync::Arc;

use super::contents::{Contents, SetArray};
use crate::names::is_reserved;

/// The place of an item in an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// The member with this number.
    Member(usize),
    /// Images of a set.
    Set(SetArray),
}

/// Iterates over the places of all items in the order in which they were saved.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    contents: Arc<Contents>,
    /// The number of the next run.
    run: usize,
    /// The number of keys left of the run at hand.
    left: usize,
    /// The place of the run at hand, as [`Order`](super::order::Order) counts places.
    place: usize,
    /// The next item of each place.
    next: Vec<usize>,
}

impl Places {
    pub(super) fn new(contents: &Arc<Contents>) -> Self {
        let next = vec![0; contents.sets.len() + 1];
        Self { contents: Arc::clone(contents), run: 0, left: 0, place: 0, next }
    }

    pub(super) fn contents(&self) -> &Contents {
        &self.contents
    }

    /// Returns the next item of the place at hand.
    fn next_of_place(&mut self) -> Option<Place> {
        let next = &mut self.next[self.place];
        let Some(number) = self.place.checked_sub(1) else {
            while is_reserved(self.contents.zip.member(*next)?.name()) {
                *next += 1;
            }
            *next += 1;
            return Some(Place::Member(*next - 1));
        };
        let set = &self.contents.sets[number];
        let array = *next;
        *next += 1;
        if array >= set.key_count() {
            return None;
        }
        let images = if set.stack().is_some() { 0..set.len() } else { array..array + 1 };
        Some(Place::Set(SetArray { set: number, images }))
    }
}

impl Iterator for Places {
    type Item = Place;

    fn next(&mut self) -> Option<Place> {
        loop {
            if self.left == 0 {
                (self.place, self.left) = self.contents.order.run(self.run, self.next.len())?;
                self.run += 1;
            }
            self.left -= 1;
            match self.next_of_place() {
                Some(place) => return Some(place),
                None => self.left = 0,
            }
        }
    }
}
