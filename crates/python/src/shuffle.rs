//! `Shuffle` and `BlockShuffle`: random orders that are computed, not stored.

use std::num::NonZero;

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

#[pyclass(frozen, module = "bitnpz._bitnpz")]
pub(crate) struct BlockShuffle {
    order: bitnpz::BlockShuffle,
    len: usize,
}

#[pymethods]
impl BlockShuffle {
    #[new]
    fn new(len: usize, seed: u64, block: NonZero<usize>, window: NonZero<usize>) -> Self {
        Self { order: bitnpz::BlockShuffle::new(len, seed, block, window), len }
    }

    fn __len__(&self) -> usize {
        self.len
    }

    /// Returns the indices at positions `start..stop` of the order.
    fn take<'py>(&self, py: Python<'py>, start: usize, stop: usize) -> PyResult<Bound<'py, PyArray1<i64>>> {
        self.check(py, stop)?;
        let taken = py.detach(|| self.order.take(start..stop));
        let indices: Vec<i64> = taken.into_iter().map(|index| index.cast_signed() as i64).collect();
        Ok(indices.to_pyarray(py))
    }

    /// Returns the first index of each block, and that after its last, whose images are mixed with that at a position.
    fn window(&self, py: Python<'_>, position: usize) -> PyResult<Vec<(usize, usize)>> {
        self.check(py, position.saturating_add(1))?;
        Ok(self.order.window(position).into_iter().map(|block| (block.start, block.end)).collect())
    }
}

impl BlockShuffle {
    fn check(&self, py: Python<'_>, stop: usize) -> PyResult<()> {
        if stop <= self.len {
            return Ok(());
        }
        let message = format!("expected positions up to {}, found {stop}", self.len);
        Err(raise(py, "InputError", (message,)))
    }
}
