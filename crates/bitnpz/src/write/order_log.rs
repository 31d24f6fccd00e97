//! The order in which keys are saved, whenever they are written.

use std::collections::{HashMap, HashSet};

use crate::order::{Run, in_sequence};

/// The place of members that are written as they are added.
pub(super) const MEMBERS: usize = 0;

/// The order in which keys have been saved so far: runs of keys, each in one place.
///
/// Each stack and each set of images gets a place of its own when it is started. If it turns out too small for an image set, its
/// arrays become members, which are written after all others.
#[derive(Debug, Default)]
pub(super) struct OrderLog {
    runs: Vec<Run>,
    /// The rank of each place besides [`MEMBERS`] among them, by the first key that was saved there.
    ranks: HashMap<usize, usize>,
    /// The number of places besides [`MEMBERS`].
    places: usize,
    /// The numbers of the members that the arrays of a place have become.
    members: HashMap<usize, Vec<usize>>,
    /// The places of the sets that the stacks of places are parts of.
    shared: HashMap<usize, usize>,
}

impl OrderLog {
    /// Returns a new place.
    pub(super) fn new_place(&mut self) -> usize {
        self.places += 1;
        self.places
    }

    /// Notes that a key was saved in this place.
    pub(super) fn note(&mut self, place: usize) {
        if place != MEMBERS {
            let next = self.ranks.len();
            self.ranks.entry(place).or_insert(next);
        }
        match self.runs.last_mut() {
            Some((last, count)) if *last == place => *count += 1,
            _ => self.runs.push((place, 1)),
        }
    }

    /// Notes that the next array of this place has become the member with this number.
    pub(super) fn note_member(&mut self, place: usize, member: usize) {
        self.members.entry(place).or_default().push(member);
    }

    /// Returns the rank of a place among all, by the first key that was saved there.
    pub(super) fn rank(&self, place: usize) -> usize {
        self.ranks.get(&place).copied().unwrap_or(usize::MAX)
    }

    /// Notes that the stack of this place has become a part of the set in another place, behind those of lower ranks.
    pub(super) fn note_shared(&mut self, place: usize, set: usize) {
        self.shared.insert(place, set);
    }

    /// Returns the final order. `members` are the numbers of all members that are not the library's own, `sets` the places of the
    /// image sets.
    pub(super) fn finish(&self, members: &[usize], sets: &[usize]) -> SavedOrder {
        let numbers: HashMap<usize, usize> = sets.iter().copied().zip(1..).collect();
        let of_places: HashSet<usize> = self.members.values().flatten().copied().collect();
        let mut written = members.iter().copied().filter(|member| !of_places.contains(member));
        let mut later: HashMap<usize, _> =
            self.members.iter().map(|(&place, members)| (place, members.iter().copied())).collect();
        let (mut listed, mut runs) = (Vec::with_capacity(members.len()), Vec::<Run>::new());
        for &(place, count) in &self.runs {
            let of_set = self.shared.get(&place).unwrap_or(&place);
            let number = numbers.get(of_set).copied().unwrap_or(MEMBERS);
            match runs.last_mut() {
                Some((last, sum)) if *last == number => *sum += count,
                _ => runs.push((number, count)),
            }
            if number == MEMBERS {
                match later.get_mut(&place) {
                    Some(later) => listed.extend(later.take(count)),
                    None => listed.extend(written.by_ref().take(count)),
                }
            }
        }
        let mut counts = vec![0; sets.len() + 1];
        runs.iter().for_each(|&(place, count)| counts[place] += count);
        let is_plain = in_sequence(&counts).eq(runs.iter().copied());
        SavedOrder { listed, runs: (!is_plain).then_some(runs) }
    }
}

/// The order in which all keys were saved.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SavedOrder {
    /// The numbers of the members, as the central directory is to list them.
    pub(super) listed: Vec<usize>,
    /// The runs of keys; `None` if members come first and then one set after the other.
    pub(super) runs: Option<Vec<Run>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_late_members_where_they_were_saved() {
        let mut order = OrderLog::default();
        let (set, stack) = (order.new_place(), order.new_place());
        for place in [set, MEMBERS, stack, MEMBERS, set, set] {
            order.note(place);
        }
        // The stack was too small for a set, and its member was written behind the two others.
        order.note_member(stack, 7);
        let saved = order.finish(&[0, 3, 7], &[set]);
        assert_eq!(saved.listed, [0, 7, 3]);
        assert_eq!(saved.runs, Some(vec![(1, 1), (0, 3), (1, 2)]));
    }

    #[test]
    fn notes_no_runs_for_members_before_sets() {
        let mut order = OrderLog::default();
        let set = order.new_place();
        for place in [MEMBERS, MEMBERS, set, set] {
            order.note(place);
        }
        assert_eq!(order.finish(&[0, 1], &[set]), SavedOrder { listed: vec![0, 1], runs: None });
    }
}
