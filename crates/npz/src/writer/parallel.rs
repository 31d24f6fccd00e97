//! Runs a batch of work on several threads.

use std::io;
use std::num::NonZero;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use crate::owner::Owner;

/// A piece of work for any thread.
pub(super) type Work<R> = Box<dyn FnOnce() -> R + Send>;

/// A batch of work that its own threads do while the caller continues.
///
/// The threads end with the batch, whether it is finished or dropped. A pool would outlive it, and be missing in a forked
/// process.
pub(super) struct Batch<R> {
    owner: Owner,
    queue: Arc<Queue<R>>,
    helpers: Vec<JoinHandle<Vec<(usize, R)>>>,
}

struct Queue<R> {
    work: Vec<Mutex<Option<Work<R>>>>,
    /// The number of the first piece that no thread has taken.
    next: AtomicUsize,
    /// The number of pieces that a thread takes at a time.
    step: usize,
}

impl<R> Queue<R> {
    /// Does pieces until none are left, and returns the results with their numbers.
    fn help(&self) -> Vec<(usize, R)> {
        let mut done = Vec::new();
        loop {
            let start = self.next.fetch_add(self.step, Ordering::Relaxed).min(self.work.len());
            let end = self.work.len().min(start + self.step);
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
    /// Starts a batch on up to this many threads, including the one that will call [`finish`](Self::finish).
    pub(super) fn start(work: Vec<Work<R>>, threads: NonZero<usize>) -> Self {
        let threads = threads.get().min(work.len());
        // Each thread takes about eight shares, so that all end at about the same time.
        let step = (work.len() / (8 * threads.max(1))).max(1);
        let work = work.into_iter().map(|work| Mutex::new(Some(work))).collect();
        let queue = Arc::new(Queue { work, next: AtomicUsize::new(0), step });
        let helper = |_| {
            let queue = Arc::clone(&queue);
            // If no thread can be started, `finish` does all the work.
            thread::Builder::new().spawn(move || queue.help()).ok()
        };
        Self { owner: Owner::current(), helpers: (1..threads).filter_map(helper).collect(), queue }
    }

    /// Returns the number of results.
    pub(super) fn len(&self) -> usize {
        self.queue.work.len()
    }

    /// Helps until all work is done, and returns the results in the order of the work.
    ///
    /// # Errors
    ///
    /// If this process is a fork of the one that started the batch.
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
    /// Makes the threads stop after the pieces they have taken.
    fn drop(&mut self) {
        self.queue.next.store(self.queue.work.len(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_in_order_on_any_number_of_threads() {
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
