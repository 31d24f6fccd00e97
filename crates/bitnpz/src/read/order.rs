//! The order in which an archive's keys were saved.

use std::ops::Range;

use super::archive::Archive;
use crate::names::is_reserved;
use crate::order::{Run, in_sequence};

/// Runs of keys that were saved one after the other in one place; unless given, one place comes after the other.
///
/// Place 0 are the members that are not the library's own, in the order in which the archive lists them; place `n + 1` are the
/// arrays of the set with number `n`, in the order of its images.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Order(Option<Vec<Run>>);

impl Order {
    /// The order of these runs, which must have as many keys of each place as there are.
    pub(super) fn new(runs: Option<Vec<Run>>, counts: impl FnOnce() -> Vec<usize>) -> Result<Self, String> {
        let Some(runs) = runs else { return Ok(Self(None)) };
        let mut left = counts();
        for &(place, count) in &runs {
            let rest = left.get(place).and_then(|left| left.checked_sub(count)).filter(|_| count > 0);
            let rest = rest.ok_or_else(|| {
                format!("expected an order of all keys, found {count} too many in place {place}")
            })?;
            left[place] = rest;
        }
        match left.iter().position(|&left| left > 0) {
            Some(place) => {
                Err(format!("expected an order of all keys, found {} too few in place {place}", left[place]))
            }
            None => Ok(Self(Some(runs))),
        }
    }

    /// The order of what is left of an archive.
    pub(super) fn of_what_is_whole(runs: Vec<Run>, mut left: Vec<usize>) -> Self {
        let taken = runs.into_iter().filter_map(|(place, count)| {
            let left = left.get_mut(place)?;
            let count = count.min(*left);
            *left -= count;
            (count > 0).then_some((place, count))
        });
        let mut runs: Vec<Run> = taken.collect();
        runs.extend(in_sequence(&left));
        Self(Some(runs))
    }

    /// The run with this number of an archive of so many places.
    fn run(&self, number: usize, places: usize) -> Option<Run> {
        match &self.0 {
            Some(runs) => runs.get(number).copied(),
            // All that there are.
            None => (number < places).then_some((number, usize::MAX)),
        }
    }
}

/// Where something that was saved lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In the member with this number.
    Member(usize),
    /// In the set with this number: which of its images.
    Set(usize, Range<usize>),
}

/// Goes through all that was saved, in its order.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    archive: Archive,
    /// The next run, and how many of the one before are left.
    run: usize,
    left: usize,
    /// The place of the run before, and how far each place has come.
    place: usize,
    next: Vec<usize>,
}

impl Places {
    pub(crate) fn new(archive: &Archive) -> Self {
        let next = vec![0; archive.sets().len() + 1];
        Self { archive: archive.clone(), run: 0, left: 0, place: 0, next }
    }

    pub(super) fn archive(&self) -> &Archive {
        &self.archive
    }

    /// What was saved next in the place at hand.
    fn next_of_place(&mut self) -> Option<Place> {
        let next = &mut self.next[self.place];
        let Some(number) = self.place.checked_sub(1) else {
            while is_reserved(self.archive.zip().member(*next)?.name()) {
                *next += 1;
            }
            *next += 1;
            return Some(Place::Member(*next - 1));
        };
        let set = &self.archive.sets()[number];
        let array = *next;
        *next += 1;
        match set.stack() {
            Some(_) => (array == 0).then(|| Place::Set(number, 0..set.len())),
            None => (array < set.len()).then(|| Place::Set(number, array..array + 1)),
        }
    }
}

impl Iterator for Places {
    type Item = Place;

    fn next(&mut self) -> Option<Place> {
        loop {
            if self.left == 0 {
                (self.place, self.left) = self.archive.order().run(self.run, self.next.len())?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_an_order_that_does_not_add_up_refused() {
        let of = |runs: &[Run]| Order::new(Some(runs.to_vec()), || vec![2, 3, 1]);
        assert!(of(&[(1, 1), (0, 2), (1, 2), (2, 1)]).is_ok());
        for runs in [
            &[(0, 2), (1, 3)][..],
            &[(0, 2), (1, 4), (2, 1)],
            &[(0, 2), (1, 3), (2, 1), (3, 1)],
            &[(0, 2), (1, 3), (2, 1), (2, 0)],
            &[(0, usize::MAX), (0, 3)],
        ] {
            assert!(of(runs).is_err(), "{runs:?}");
        }
    }

    #[test]
    fn is_the_order_of_what_is_left_kept() {
        let order = Order::of_what_is_whole(vec![(1, 2), (0, 3), (2, 1), (1, 1)], vec![2, 0, 1, 4]);
        assert_eq!(order, Order(Some(vec![(0, 2), (2, 1), (3, 4)])));
    }
}
