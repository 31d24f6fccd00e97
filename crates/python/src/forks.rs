//! Forks of this process while its threads are at work.

use pyo3::prelude::*;

/// A value for the process that made it alone.
///
/// A forked child inherits its parent's memory but none of its threads: a lock that another thread held is never released,
/// and files that the value owns still belong to the parent. The child can neither reach the value nor drop it.
pub(crate) struct ProcessOwned<T> {
    process: u32,
    /// `None` only while it is dropped.
    value: Option<T>,
}

impl<T> ProcessOwned<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { process: std::process::id(), value: Some(value) }
    }

    /// Returns the value, or `None` in a forked child.
    pub(crate) fn get(&self) -> Option<&T> {
        self.value.as_ref().filter(|_| self.process == std::process::id())
    }
}

impl<T> Drop for ProcessOwned<T> {
    fn drop(&mut self) {
        if self.process != std::process::id() {
            std::mem::forget(self.value.take());
        }
    }
}

/// Prepares for a fork: `os.register_at_fork` calls it before one.
#[pyfunction]
#[pyo3(name = "_before_fork")]
pub(crate) fn before_fork(py: Python<'_>) {
    py.detach(bitnpz::before_fork);
}

/// Ends what [`before_fork`] began: `os.register_at_fork` calls it in the parent and in the child.
#[pyfunction]
#[pyo3(name = "_after_fork")]
pub(crate) fn after_fork() {
    bitnpz::after_fork();
}
