//! Work for several threads.

use std::io;
use std::num::NonZero;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use crate::owner::Owner;

/// Some work for any thread.
pub(super) type Work<R> = Box<dyn FnOnce() -> R + Send>;

/// Work being done by threads of its own, while the caller goes on.
///
/// They end with the batch, finished or dropped: no pool outlives it, and a process that forks has none to lose.
pub(super) struct Batch<R> {
    owner: Owner,
    queue: Arc<Queue<R>>,
    helpers: Vec<JoinHandle<Vec<(usize, R)>>>,
}

struct Queue<R> {
    work: Vec<Mutex<Option<Work<R>>>>,
    /// The number of the first that nobody has taken.
    next: AtomicUsize,
    /// How many are taken at once.
    some: usize,
}

impl<R> Queue<R> {
    /// Does what is left: the results with their numbers.
    fn help(&self) -> Vec<(usize, R)> {
        let mut done = Vec::new();
        loop {
            let start = self.next.fetch_add(self.some, Ordering::Relaxed).min(self.work.len());
            let end = self.work.len().min(start + self.some);
            if start == end {
                return done;
            }
            for (number, slot) in (start..end).zip(&self.work[start..end]) {
                let work = slot.lock().unwrap_or_else(PoisonError::into_inner).take();
                done.extend(work.map(|work| (number, work())));
            }
        }
    }
}

impl<R: Send + 'static> Batch<R> {
    /// Starts to work on up to so many threads; one of them is the one that calls [`finish`](Self::finish).
    pub(super) fn start(work: Vec<Work<R>>, threads: NonZero<usize>) -> Self {
        let threads = threads.get().min(work.len());
        // A few at a time, so that no thread is left with much at the end.
        let some = (work.len() / (8 * threads.max(1))).max(1);
        let work = work.into_iter().map(|work| Mutex::new(Some(work))).collect();
        let queue = Arc::new(Queue { work, next: AtomicUsize::new(0), some });
        let helper = |_| {
            let queue = Arc::clone(&queue);
            // Where no thread can be had, `finish` does it all.
            thread::Builder::new().spawn(move || queue.help()).ok()
        };
        Self { owner: Owner::current(), helpers: (1..threads).filter_map(helper).collect(), queue }
    }

    /// The number of results there will be.
    pub(super) fn len(&self) -> usize {
        self.queue.work.len()
    }

    /// Helps until all is done; the results are in the order of the work.
    ///
    /// # Errors
    ///
    /// If this process is a fork of the one that started it.
    pub(super) fn finish(mut self) -> io::Result<Vec<R>> {
        self.owner.check()?;
        let mut done = self.queue.help();
        for helper in self.helpers.drain(..) {
            done.extend(helper.join().unwrap_or_else(|panic| resume_unwind(panic)));
        }
        done.sort_unstable_by_key(|(number, _)| *number);
        Ok(done.into_iter().map(|(_, result)| result).collect())
    }
}

impl<R> Drop for Batch<R> {
    /// Leaves nothing more for the helpers to take.
    fn drop(&mut self) {
        self.queue.next.store(self.queue.work.len(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn do_results_come_in_order_on_any_number_of_threads() {
        for threads in [1, 2, 7] {
            for len in [0, 1, 5, 1000] {
                let work =
                    (0..len).map(|number: usize| Box::new(move || number * 3) as Work<usize>).collect();
                let results = Batch::start(work, NonZero::new(threads).unwrap()).finish();
                assert_eq!(results.unwrap(), (0..len).map(|number| number * 3).collect::<Vec<_>>());
            }
        }
    }
}
