//! `StoredArray`: an array of which only what is wanted is read.

use std::sync::Arc;

use numpy::{PyReadonlyArray1, PyReadwriteArray1};
use pyo3::prelude::*;
use pyo3::types::{PyTuple, PyType};

use crate::call::{long, quick};
use crate::error::raise;
use crate::index::from_start;

#[pyclass(subclass, frozen, module = "bitnpz._bitnpz")]
#[derive(Clone)]
pub(crate) struct StoredArray {
    array: bitnpz::StoredArray,
    /// The archive's name in messages.
    name: Arc<str>,
}

impl StoredArray {
    pub(crate) fn new_from(array: bitnpz::StoredArray, name: Arc<str>) -> Self {
        Self { array, name }
    }
}

#[pymethods]
impl StoredArray {
    #[new]
    #[classmethod]
    #[pyo3(signature = (base, *_args))]
    fn new(_class: &Bound<'_, PyType>, base: &Bound<'_, Self>, _args: &Bound<'_, PyTuple>) -> Self {
        base.get().clone()
    }

    #[getter]
    fn _name(&self) -> &str {
        &self.name
    }

    #[getter]
    fn _shape(&self) -> Vec<usize> {
        self.array.shape().to_vec()
    }

    /// Returns the description of the dtype in the header of a `.npy` file.
    #[getter]
    fn _descr(&self) -> String {
        self.array.dtype().to_string()
    }

    /// Checks that the limits allow so many bytes of items.
    fn _check_limit(&self, py: Python<'_>, bytes: u64) -> PyResult<()> {
        quick(py, &self.name, || self.array.check_limit(bytes))
    }

    /// Reads items that follow each other, from this one on, until the bytes are full.
    fn _read_into(&self, py: Python<'_>, start: usize, mut out: PyReadwriteArray1<'_, u8>) -> PyResult<()> {
        let out = out.as_slice_mut()?;
        let count = out.len() / self.array.item_bytes().max(1);
        long(py, &self.name, || self.array.read_into(start..start.saturating_add(count), out))
    }

    /// Reads the items with these indices; negative ones count from the end.
    #[expect(clippy::needless_pass_by_value, reason = "borrows of arrays are values")]
    fn _take_into(
        &self,
        py: Python<'_>,
        indices: PyReadonlyArray1<'_, i64>,
        mut out: PyReadwriteArray1<'_, u8>,
    ) -> PyResult<()> {
        let len = self.array.len();
        let resolve = |&index: &i64| {
            from_start(index, len).ok_or_else(|| {
                let message = format!("{}: index {index} is out of bounds for {len} items", self.name);
                raise(py, "NoSuchImageError", (message,))
            })
        };
        let indices = indices.as_slice()?.iter().map(resolve).collect::<PyResult<Vec<_>>>()?;
        let out = out.as_slice_mut()?;
        long(py, &self.name, || self.array.take_into(&indices, out))
    }
}
