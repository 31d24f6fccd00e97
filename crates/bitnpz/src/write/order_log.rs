//! The order in which keys are saved, whatever is written when.

use std::collections::{HashMap, HashSet};

use crate::order::{Run, in_sequence};

/// The place of members that are written as they are added.
pub(super) const MEMBERS: usize = 0;

/// The order in which keys were saved so far: in runs, each in one place.
///
/// A stack or a set of images has a place of its own from its start. Only in the end it turns out whether it is an image set or
/// members, which are written after all others then.
#[derive(Debug, Default)]
pub(super) struct Order {
    runs: Vec<Run>,
    /// The number of places but [`MEMBERS`].
    places: usize,
    /// The members that places have become.
    members: HashMap<usize, Vec<usize>>,
}

impl Order {
    /// A new place.
    pub(super) fn new_place(&mut self) -> usize {
        self.places += 1;
        self.places
    }

    /// A key was saved in this place.
    pub(super) fn note(&mut self, place: usize) {
        match self.runs.last_mut() {
            Some((last, count)) if *last == place => *count += 1,
            _ => self.runs.push((place, 1)),
        }
    }

    /// The next of what was saved in this place has become the member with this number.
    pub(super) fn note_member(&mut self, place: usize, member: usize) {
        self.members.entry(place).or_default().push(member);
    }

    /// The numbers of the members in the order in which they were saved, and the runs of [`crate::read::Order`], if it takes
    /// any; `members` are the numbers of all that are not the library's own, and `sets` the places of the image sets.
    pub(super) fn finish(&self, members: &[usize], sets: &[usize]) -> (Vec<usize>, Option<Vec<Run>>) {
        let numbers: HashMap<usize, usize> = sets.iter().copied().zip(1..).collect();
        let of_places: HashSet<usize> = self.members.values().flatten().copied().collect();
        let mut written = members.iter().copied().filter(|member| !of_places.contains(member));
        let mut later: HashMap<usize, _> =
            self.members.iter().map(|(&place, members)| (place, members.iter().copied())).collect();
        let (mut listed, mut runs) = (Vec::with_capacity(members.len()), Vec::<Run>::new());
        for &(place, count) in &self.runs {
            let number = numbers.get(&place).copied().unwrap_or(MEMBERS);
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
        (listed, (!is_plain).then_some(runs))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn are_members_that_are_written_last_listed_where_they_were_saved() {
        let mut order = Order::default();
        let (set, stack) = (order.new_place(), order.new_place());
        for place in [set, MEMBERS, stack, MEMBERS, set, set] {
            order.note(place);
        }
        // The stack was too small for a set, and its member was written behind the two others.
        order.note_member(stack, 7);
        let (listed, runs) = order.finish(&[0, 3, 7], &[set]);
        assert_eq!(listed, [0, 7, 3]);
        assert_eq!(runs, Some(vec![(1, 1), (0, 3), (1, 2)]));
    }

    #[test]
    fn is_an_order_of_members_before_sets_not_told() {
        let mut order = Order::default();
        let set = order.new_place();
        for place in [MEMBERS, MEMBERS, set, set] {
            order.note(place);
        }
        assert_eq!(order.finish(&[0, 1], &[set]), (vec![0, 1], None));
    }
}
