//! A gate that keeps forks from finding something half made.

use std::sync::atomic::{AtomicU32, Ordering};

/// Held while something is made once for a process, and by a fork while it happens: a child then finds it whole or not begun,
/// never being made by a thread that the child does not have.
///
/// The number of the process that holds the gate, or 0. A child need not wait for a gate that its parent held.
static GATE: AtomicU32 = AtomicU32::new(0);

/// Holds the gate until it is dropped.
pub(super) struct ClosedGate;

impl ClosedGate {
    pub(super) fn new() -> Self {
        close();
        Self
    }
}

impl Drop for ClosedGate {
    fn drop(&mut self) {
        open();
    }
}

fn close() {
    let process = std::process::id();
    let mut found = 0;
    while let Err(other) = GATE.compare_exchange(found, process, Ordering::Acquire, Ordering::Relaxed) {
        found = if other == process { 0 } else { other };
        std::thread::yield_now();
    }
}

fn open() {
    GATE.store(0, Ordering::Release);
}

/// Prepares for a fork: waits until nothing is being made that a child could find half made, and keeps it so until
/// [`after_fork`].
///
/// A program that forks while other threads use this library calls both around the fork. The Python package does so by itself.
pub fn before_fork() {
    close();
}

/// Ends what [`before_fork`] began. Call it in the parent and in the child.
pub fn after_fork() {
    open();
}
