//! The names of image sets.

use std::collections::{BTreeMap, HashSet};

use crate::names::MODELS;

/// The names of the image sets of an archive, by their places in the order of saving.
#[derive(Debug, Default)]
pub(super) struct SetNames {
    names: BTreeMap<usize, String>,
    taken: HashSet<String>,
    /// Names that are kept for sets that come later.
    reserved: HashSet<String>,
    /// Lower numbers are not tried, even if a set that had one was forgotten: many stacks give theirs back when they share a set.
    next: usize,
}

impl SetNames {
    /// Names the set in this place after a key if that is a short, simple name, else after a number.
    pub(super) fn name(&mut self, place: usize, key: &str) -> String {
        let is_simple = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        let is_free =
            |name: &str| name != MODELS && !self.taken.contains(name) && !self.reserved.contains(name);
        let name = if !key.is_empty() && key.len() <= 64 && key.chars().all(is_simple) && is_free(key) {
            key.to_owned()
        } else {
            let mut numbers = self.next.max(self.names.len())..;
            let number = numbers.find(|number| is_free(&number.to_string())).expect("numbers go on");
            self.next = number + 1;
            number.to_string()
        };
        self.forget(place);
        self.taken.insert(name.clone());
        self.names.insert(place, name.clone());
        name
    }

    /// Keeps sets from getting this name.
    pub(super) fn reserve(&mut self, name: &str) {
        self.reserved.insert(name.to_owned());
    }

    /// Lets one of them get it.
    pub(super) fn release(&mut self, name: &str) {
        self.reserved.remove(name);
    }

    /// Forgets a set that turned out too small, or has become a part of another.
    pub(super) fn forget(&mut self, place: usize) {
        if let Some(name) = self.names.remove(&place) {
            self.taken.remove(&name);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Iterates over the places of the sets and their names.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, &String)> {
        self.names.iter().map(|(&place, name)| (place, name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_only_rise() {
        let (mut names, count) = (SetNames::default(), 1000);
        for place in 0..count {
            assert_eq!(names.name(place, "a key"), place.to_string());
        }
        for place in 0..count {
            names.forget(2 * place);
            assert_eq!(names.name(count + place, "a key"), (count + place).to_string());
        }
    }
}
