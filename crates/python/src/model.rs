//! `train`: a model for several archives.

use std::num::NonZero;

use bitnpz::{Codec, Effort, ImageAxes, Model, ParseAxesError, WriteOptions};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::array::Items;
use crate::call::{long, quick};
use crate::choice::Parsed;
use crate::error::raise;

/// Trains a model, and returns its bytes.
#[pyfunction]
#[pyo3(name = "_train")]
#[expect(clippy::needless_pass_by_value, reason = "borrows of arrays are values")]
pub(crate) fn train<'py>(
    py: Python<'py>,
    images: Items<'_>,
    total: usize,
    axes: Option<&str>,
    codec: Option<Parsed<Codec>>,
    effort: Parsed<Effort>,
    threads: Option<NonZero<usize>>,
) -> PyResult<Bound<'py, PyBytes>> {
    let array = images.view(py)?;
    let axes = axes.map(str::parse::<ImageAxes>).transpose();
    let invalid = |error: ParseAxesError| raise(py, "InputError", (format!("axes: {error}"),));
    let axes = axes.map_err(invalid)?.unwrap_or_default();
    let mut options = WriteOptions::default();
    options.codec = codec.map(|codec| codec.0);
    options.effort = effort.0;
    options.threads = threads;
    let model = long(py, "images", || Model::train_dyn(&array, axes, total, &options))?;
    Ok(PyBytes::new(py, &model.to_bytes()))
}

/// Returns the codec of a model of these bytes.
#[pyfunction]
#[pyo3(name = "_model_codec")]
pub(crate) fn model_codec(py: Python<'_>, data: &[u8]) -> PyResult<String> {
    Ok(quick(py, "model", || Model::from_bytes(data))?.codec().to_string())
}
