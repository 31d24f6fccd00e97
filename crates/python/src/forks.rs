//! Forks of this process, at any moment.

use pyo3::prelude::*;

/// To be called before a fork.
#[pyfunction]
#[pyo3(name = "_before_fork")]
pub(crate) fn before_fork(py: Python<'_>) {
    py.detach(bitnpz::before_fork);
}

/// To be called after a fork, by parent and child.
#[pyfunction]
#[pyo3(name = "_after_fork")]
pub(crate) fn after_fork() {
    bitnpz::after_fork();
}
