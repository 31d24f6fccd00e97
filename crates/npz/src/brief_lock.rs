//! Locks that are held for microseconds, and never waited for in vain.

use std::sync::{Mutex, MutexGuard, TryLockError};

/// So often it is tried to lock: far longer than the lock is held.
const MOST_ATTEMPTS: usize = 10_000;

/// Locks what is only ever locked for microseconds. Returns nothing if it stays locked, as in a process that was forked while a
/// thread held the lock: do without, then.
pub fn lock_briefly<T>(mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    for _ in 0..MOST_ATTEMPTS {
        match mutex.try_lock() {
            Ok(locked) => return Some(locked),
            Err(TryLockError::Poisoned(locked)) => return Some(locked.into_inner()),
            Err(TryLockError::WouldBlock) => std::thread::yield_now(),
        }
    }
    None
}
