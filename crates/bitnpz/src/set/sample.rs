//! Drawing the sample of images that a model is trained on.

use crate::shuffle::{Shuffle, mix};

/// Draws `most` of the numbers below `count`, or all if there are fewer: one at random from each of `most` runs of equal length,
/// in random order.
///
/// Sets are ordered, by font, by letter or by one within the other: every k-th image may show only a part of them. As the order
/// is random, the first numbers drawn are a fair sample too.
pub(super) fn draw(count: usize, most: usize, seed: u64) -> Vec<usize> {
    let runs = count.min(most);
    let order = Shuffle::new(runs, seed);
    let start = |run: usize| run * count / runs;
    let one_of = |run: usize| {
        let length = start(run + 1) - start(run);
        let random = mix(seed ^ mix(run as u64)) % length as u64;
        start(run) + usize::try_from(random).expect("it is below a length in memory")
    };
    (0..runs).map(|place| one_of(order.get(place))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_one_of_each_run() {
        for (count, most) in [(0, 10), (1, 10), (9, 10), (10, 10), (11, 10), (6292, 4000), (200_000, 4000)] {
            let mut drawn = draw(count, most, 7);
            drawn.sort_unstable();
            drawn.dedup();
            assert_eq!(drawn.len(), count.min(most));
            let runs = drawn.len();
            let run_of = |(run, &number): (usize, &usize)| {
                (run * count / runs..(run + 1) * count / runs).contains(&number)
            };
            assert!(drawn.iter().enumerate().all(run_of), "{count} {most}");
        }
    }

    #[test]
    fn does_a_set_of_any_period_show_all_of_it() {
        for period in [2, 3, 7, 26, 50, 62, 94, 100, 242] {
            let drawn = draw(200_000, 4000, period as u64);
            for part in [&drawn[..], &drawn[..1000]] {
                let mut counts = vec![0_usize; period];
                part.iter().for_each(|number| counts[number % period] += 1);
                // Six standard deviations.
                let mean = part.len() as f64 / period as f64;
                let far = counts.iter().map(|&count| (count as f64 - mean).abs()).fold(0.0, f64::max);
                assert!(far < 6.0 * mean.sqrt(), "period {period}: {far} from {mean}");
            }
        }
    }

    #[test]
    fn draws_in_random_order() {
        let drawn = draw(100_000, 4000, 3);
        let first = drawn[..100].iter().sum::<usize>() / 100;
        assert!((35_000..65_000).contains(&first), "the mean of the first is {first}");
    }
}
