//! Tasks at once, on threads that end with them.

use std::num::NonZero;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Does two tasks, the first one on a thread of its own if more than one thread is allowed and it can be started.
pub(crate) fn both<A: Send, B>(
    threads: NonZero<usize>,
    first: impl Fn() -> A + Sync,
    second: impl FnOnce() -> B,
) -> (A, B) {
    let first = &first;
    if threads.get() == 1 {
        return (first(), second());
    }
    thread::scope(|scope| match thread::Builder::new().spawn_scoped(scope, first) {
        Ok(thread) => {
            let second = second();
            (thread.join().unwrap_or_else(|panic| resume_unwind(panic)), second)
        }
        Err(_) => (first(), second()),
    })
}

/// Returns the threads that are left when one is busy, and one at least.
pub(crate) fn less_one(threads: NonZero<usize>) -> NonZero<usize> {
    NonZero::new(threads.get() - 1).unwrap_or(threads)
}

/// Does tasks `0..count` on up to this many threads, including the calling one, and returns the results in order. Each thread has a
/// state of its own.
pub(crate) fn map<S: Default, R: Send>(
    threads: NonZero<usize>,
    count: usize,
    task: impl Fn(&mut S, usize) -> R + Sync,
) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let work = &|| {
        let (mut state, mut done) = (S::default(), Vec::new());
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                return done;
            }
            done.push((number, task(&mut state, number)));
        }
    };
    let mut done = thread::scope(|scope| {
        // Where the system has no thread to give, the calling one does the work.
        let helper = |_| thread::Builder::new().spawn_scoped(scope, work).ok();
        let helpers: Vec<_> = (1..threads.get().min(count)).filter_map(helper).collect();
        let mut done = work();
        for helper in helpers {
            done.extend(helper.join().unwrap_or_else(|panic| resume_unwind(panic)));
        }
        done
    });
    done.sort_unstable_by_key(|(number, _)| *number);
    done.into_iter().map(|(_, result)| result).collect()
}
