//! Stacks that share a set of another archive.

use crate::packed::Palette;
use crate::read::{Archive, SetArray};
use crate::set::{StackShape, Stacks, StoredSet};

/// The stacks that share a set of another archive. They are copied together at the end, unless one of them is extended: then that
/// one and, at the end, the others are encoded again.
#[derive(Debug)]
pub(super) struct TakenStacks {
    archive: Archive,
    /// The number of the set.
    number: usize,
    /// For each stack its place in the order of saving; `None` if it is no longer one of these.
    places: Vec<Option<usize>>,
}

impl TakenStacks {
    /// Takes the stacks of the set with this number, none of which has a place yet.
    pub(super) fn new(archive: &Archive, number: usize) -> Self {
        let count = archive.sets()[number].key_count();
        Self { archive: archive.clone(), number, places: vec![None; count] }
    }

    pub(super) fn archive(&self) -> &Archive {
        &self.archive
    }

    pub(super) fn set(&self) -> &StoredSet {
        &self.archive.sets()[self.number]
    }

    pub(super) fn palette(&self) -> Palette {
        Palette::of(&self.set().kind(0))
    }

    /// Returns the height and width of the first images.
    pub(super) fn size(&self) -> [usize; 2] {
        self.stacks().next().expect("two stacks or more").size()
    }

    pub(super) fn stacks(&self) -> impl Iterator<Item = &StackShape> {
        self.set().stacks().into_iter().flat_map(Stacks::iter)
    }

    /// Gives a stack its place.
    pub(super) fn set_place(&mut self, array: &SetArray, place: usize) {
        let stacks = self.set().stacks().expect("a set of stacks");
        let number = stacks.number_of(array.images.start);
        self.places[number] = Some(place);
    }

    /// Returns the places of the stacks that are still among these.
    pub(super) fn places(&self) -> Vec<usize> {
        self.places.iter().flatten().copied().collect()
    }

    /// Returns whether all stacks are still among these.
    pub(super) fn is_whole(&self) -> bool {
        self.places.iter().all(Option::is_some)
    }

    /// Returns the number of items of the stack with this key, if it is among these.
    pub(super) fn items(&self, key: &str) -> Option<usize> {
        let stacks = self.set().stacks()?;
        let number = stacks.find(key).filter(|&number| self.places[number].is_some())?;
        stacks.iter().nth(number).map(|stack| stack.shape[0])
    }

    /// Takes out the stack with this key, if it is among these, with its place: it is to be encoded again.
    pub(super) fn take(&mut self, key: &str) -> Option<(SetArray, usize)> {
        let number = self.set().stacks()?.find(key)?;
        let place = self.places[number].take()?;
        Some((self.array(number), place))
    }

    /// Takes out all stacks that are left, each with its place.
    pub(super) fn take_all(&mut self) -> Vec<(SetArray, usize)> {
        let places: Vec<_> = self.places.iter_mut().map(Option::take).enumerate().collect();
        places.into_iter().filter_map(|(number, place)| Some((self.array(number), place?))).collect()
    }

    fn array(&self, number: usize) -> SetArray {
        SetArray { set: self.number, images: self.set().images_of_key(number) }
    }
}
