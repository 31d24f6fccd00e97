//! Work for several threads.

use std::num::NonZero;
use std::sync::Mutex;
use std::thread;

/// Maps every item, on up to this many threads, and gives the results in the items' order.
///
/// Threads live as long as the call: a process that forks has none to lose.
pub(super) fn map<T: Send, R: Send>(
    items: Vec<T>,
    threads: NonZero<usize>,
    map: impl Fn(T) -> R + Sync,
) -> Vec<R> {
    let helpers = threads.get().min(items.len()).saturating_sub(1);
    if helpers == 0 {
        return items.into_iter().map(map).collect();
    }
    let len = items.len();
    let queue = Mutex::new(items.into_iter().enumerate());
    // A few at a time, so that the lock is rarely waited for and no thread is left with much at the end.
    let some = (len / (8 * (helpers + 1))).max(1);
    let work = || {
        let mut results = Vec::new();
        loop {
            let taken: Vec<(usize, T)> =
                queue.lock().map(|mut queue| queue.by_ref().take(some).collect()).unwrap_or_default();
            if taken.is_empty() {
                return results;
            }
            results.extend(taken.into_iter().map(|(number, item)| (number, map(item))));
        }
    };
    let mut results = thread::scope(|scope| {
        let helpers: Vec<_> = (0..helpers).map(|_| scope.spawn(work)).collect();
        let mut results = work();
        for helper in helpers {
            results.extend(helper.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        results
    });
    results.sort_unstable_by_key(|(number, _)| *number);
    results.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn do_results_come_in_order_on_any_number_of_threads() {
        for threads in [1, 2, 7] {
            for len in [0, 1, 5, 1000] {
                let results = map((0..len).collect(), NonZero::new(threads).unwrap(), |item: usize| item * 3);
                assert_eq!(results, (0..len).map(|item| item * 3).collect::<Vec<_>>());
            }
        }
    }
}
