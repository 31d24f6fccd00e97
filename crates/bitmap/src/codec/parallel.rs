//! Two tasks at once.

use std::num::NonZero;
use std::panic::resume_unwind;
use std::thread;

/// Does two tasks, the first one on a thread of its own if more than one thread is allowed and it can be started.
pub(super) fn both<A: Send, B>(
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
pub(super) fn less_one(threads: NonZero<usize>) -> NonZero<usize> {
    NonZero::new(threads.get() - 1).unwrap_or(threads)
}
