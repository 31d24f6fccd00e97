//! `merge` and `split`: putting archives together, and taking them apart.

use std::num::NonZero;
use std::path::PathBuf;

use bitnpz::WriteOptions;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::call::long;
use crate::limits::to_limits;

/// Writes everything that archives have to a new one.
#[pyfunction]
#[pyo3(name = "_merge", signature = (target, sources, name, limits=None))]
#[expect(clippy::needless_pass_by_value, reason = "extracted arguments are values")]
pub(crate) fn merge(
    py: Python<'_>,
    target: PathBuf,
    sources: Vec<PathBuf>,
    name: &str,
    limits: Option<&Bound<'_, PyDict>>,
) -> PyResult<()> {
    let options = WriteOptions::default().with_limits(to_limits(limits)?);
    let merge = || bitnpz::Writer::merge(target, &sources, &options).and_then(bitnpz::Writer::finish);
    long(py, name, merge).map(drop)
}

/// Writes a shard of an archive to a new one.
#[pyfunction]
#[pyo3(name = "_split_part", signature = (target, source, number, shards, name, limits=None))]
pub(crate) fn split_part(
    py: Python<'_>,
    target: PathBuf,
    source: PathBuf,
    number: usize,
    shards: NonZero<usize>,
    name: &str,
    limits: Option<&Bound<'_, PyDict>>,
) -> PyResult<()> {
    let options = WriteOptions::default().with_limits(to_limits(limits)?);
    let split = || {
        bitnpz::Writer::split_part(target, source, number, shards, &options).and_then(bitnpz::Writer::finish)
    };
    long(py, name, split).map(drop)
}
