//! `Shuffle`: random order without a list.

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

    fn take<'py>(
        &self,
        py: Python<'py>,
        start: usize,
        stop: usize,
        step: usize,
    ) -> PyResult<Bound<'py, PyArray1<i64>>> {
        if stop > self.len || step == 0 {
            let message = format!("expected places up to {}, found {start} to {stop} by {step}", self.len);
            return Err(raise(py, "InputError", (message,)));
        }
        let numbers = || (start..stop).step_by(step).map(|place| self.order.get(place).cast_signed() as i64);
        let numbers: Vec<i64> = py.detach(|| numbers().collect());
        Ok(numbers.to_pyarray(py))
    }
}
