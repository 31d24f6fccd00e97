//! `Shuffle`: a random order that is computed, not stored.

use numpy::{PyArray1, ToPyArray};
use pyo3::prelude::*;

use crate::error::raise;

#[pyclass(frozen, module = "bitnpz._bitnpz")]
pub(crate) struct Shuffle {
    order: bitnpz::Shuffle,
    len: usize,
}

#[pymethods]
impl Shuffle {
    #[new]
    fn new(len: usize, seed: u64) -> Self {
        Self { order: bitnpz::Shuffle::new(len, seed), len }
    }

    fn __len__(&self) -> usize {
        self.len
    }

    /// Returns the indices at positions `start..stop` of the order, one in every `step`.
    fn take<'py>(
        &self,
        py: Python<'py>,
        start: usize,
        stop: usize,
        step: usize,
    ) -> PyResult<Bound<'py, PyArray1<i64>>> {
        if stop > self.len || step == 0 {
            let message = format!(
                "expected positions up to {} and a step, found {start} to {stop} by {step}",
                self.len
            );
            return Err(raise(py, "InputError", (message,)));
        }
        let indices =
            || (start..stop).step_by(step).map(|position| self.order.get(position).cast_signed() as i64);
        let indices: Vec<i64> = py.detach(|| indices().collect());
        Ok(indices.to_pyarray(py))
    }
}
