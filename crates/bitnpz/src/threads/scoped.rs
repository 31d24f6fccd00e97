//! Threads that borrow their work and end with the call.

use std::num::NonZero;
use std::panic::resume_unwind;
use std::sync::{Mutex, PoisonError};
use std::thread;

/// Cuts `items` into as many parts of equal length as there are threads, calls `work` with each, and returns the results in
/// order. The calling thread does the first part, and those for which no thread can be started.
pub(crate) fn map_parts<T: Sync, R: Send>(
    threads: NonZero<usize>,
    items: &[T],
    work: impl Fn(&[T]) -> R + Sync,
) -> Vec<R> {
    let length = items.len().div_ceil(threads.get()).max(1);
    let work = &work;
    thread::scope(|scope| {
        let mut parts = items.chunks(length);
        let first = parts.next();
        let start = |part| (part, thread::Builder::new().spawn_scoped(scope, move || work(part)));
        let others: Vec<_> = parts.map(start).collect();
        let first = first.map(work);
        let others = others.into_iter().map(|(part, thread)| match thread {
            Ok(thread) => thread.join().unwrap_or_else(|panic| resume_unwind(panic)),
            Err(_) => work(part),
        });
        first.into_iter().chain(others).collect()
    })
}

/// Does the same with parts that can be changed.
pub(crate) fn map_parts_mut<T: Send, R: Send>(
    threads: NonZero<usize>,
    items: &mut [T],
    work: impl Fn(&mut [T]) -> R + Sync,
) -> Vec<R> {
    let length = items.len().div_ceil(threads.get()).max(1);
    let parts: Vec<_> = items.chunks_mut(length).map(Mutex::new).collect();
    let each = |parts: &[Mutex<&mut [T]>]| {
        let locked = parts.iter().map(|part| part.lock().unwrap_or_else(PoisonError::into_inner));
        locked.map(|mut part| work(&mut part)).collect::<Vec<_>>()
    };
    map_parts(threads, &parts, each).into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn returns_the_parts_in_order() {
        for threads in 1..5 {
            for length in [0, 1, 2, 7] {
                let items: Vec<usize> = (0..length).collect();
                let parts = map_parts(NonZero::new(threads).unwrap(), &items, <[usize]>::to_vec);
                assert!(parts.len() <= threads);
                assert_eq!(parts.concat(), items);
            }
        }
    }
}
