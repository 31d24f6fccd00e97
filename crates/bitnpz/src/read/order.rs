//! The order in which an archive's keys were saved.

use crate::order::{Run, in_sequence};

/// The order in which an archive's keys were saved: runs of keys from one source, or `None` for one source after the other.
///
/// Source 0 is the members that are not the library's own, in the order of the central directory. Source `n + 1` is the arrays of
/// the set with number `n`, in the order of its images.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Order(Option<Vec<Run>>);

impl Order {
    /// Returns the order of these runs. `counts` returns the number of keys of each source, to which the runs must add up; the
    /// error is a message that says what is wrong.
    pub(super) fn new(runs: Option<Vec<Run>>, counts: impl FnOnce() -> Vec<usize>) -> Result<Self, String> {
        let Some(runs) = runs else { return Ok(Self(None)) };
        let mut left = counts();
        for &(source, count) in &runs {
            let rest = left.get(source).and_then(|left| left.checked_sub(count)).filter(|_| count > 0);
            left[source] = rest.ok_or_else(|| {
                format!("expected an order of all keys, found a wrong run of {count} of source {source}")
            })?;
        }
        match left.iter().position(|&left| left > 0) {
            Some(source) => Err(format!(
                "expected an order of all keys, found {} keys of source {source} missing",
                left[source]
            )),
            None => Ok(Self(Some(runs))),
        }
    }

    /// Returns the order of the keys that remain in a damaged archive, as many of each source as `left` says.
    pub(super) fn of_remaining(runs: Vec<Run>, mut left: Vec<usize>) -> Self {
        let taken = runs.into_iter().filter_map(|(source, count)| {
            let left = left.get_mut(source)?;
            let count = count.min(*left);
            *left -= count;
            (count > 0).then_some((source, count))
        });
        let mut runs: Vec<Run> = taken.collect();
        runs.extend(in_sequence(&left));
        Self(Some(runs))
    }

    /// Returns the run with this number in an archive of `sources` sources.
    pub(super) fn run(&self, number: usize, sources: usize) -> Option<Run> {
        match &self.0 {
            Some(runs) => runs.get(number).copied(),
            // All keys of the source.
            None => (number < sources).then_some((number, usize::MAX)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejects_runs_that_do_not_add_up() {
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
    fn keeps_the_order_of_remaining_keys() {
        let order = Order::of_remaining(vec![(1, 2), (0, 3), (2, 1), (1, 1)], vec![2, 0, 1, 4]);
        assert_eq!(order, Order(Some(vec![(0, 2), (2, 1), (3, 4)])));
    }
}
