//! A lock that no thread waits for twice.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

/// A value that one call at a time has.
///
/// A call may run code of Python's, such as a signal handler. If that makes a call that wants the value too, the thread would
/// wait for itself: [`is_held_here`](Self::is_held_here) says so before.
pub(crate) struct CallLock<T> {
    value: Mutex<T>,
    /// The thread whose call has the value. Locked only briefly.
    holder: Mutex<Option<ThreadId>>,
}

impl<T> CallLock<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { value: Mutex::new(value), holder: Mutex::new(None) }
    }

    /// Returns whether a call of this thread has the value.
    pub(crate) fn is_held_here(&self) -> bool {
        *lock(&self.holder) == Some(thread::current().id())
    }

    /// Calls `work` with the value, once no other call has it.
    pub(crate) fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        /// Notes at the end, after a panic too, that no call has the value.
        struct Holding<'l>(&'l Mutex<Option<ThreadId>>);
        impl Drop for Holding<'_> {
            fn drop(&mut self) {
                *lock(self.0) = None;
            }
        }
        let mut value = lock(&self.value);
        let _holding = Holding(&self.holder);
        *lock(&self.holder) = Some(thread::current().id());
        work(&mut value)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
