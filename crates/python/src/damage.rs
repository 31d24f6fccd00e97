//! What is damaged, and what can be saved of it.

use std::path::PathBuf;

use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::archive::to_limits;
use crate::call::{long, quick};

/// A problem, as `bitnpz.Problem` takes it.
pub(crate) type Problem = (String, Option<String>, Option<usize>, bool, String);

pub(crate) fn to_tuples(problems: Vec<bitnpz::Problem>) -> Vec<Problem> {
    let tuple = |problem: bitnpz::Problem| {
        (problem.member, problem.key, problem.image, problem.is_certain, problem.message)
    };
    problems.into_iter().map(tuple).collect()
}

/// Keys and images saved, what is gone, what is doubtful.
#[pyfunction]
#[pyo3(name = "_salvage", signature = (source, target, name, limits=None))]
pub(crate) fn salvage(
    py: Python<'_>,
    source: PathBuf,
    target: PathBuf,
    name: &str,
    limits: Option<&Bound<'_, PyDict>>,
) -> PyResult<(usize, usize, Vec<Problem>, Vec<Problem>)> {
    let limits = limits.map_or_else(|| Ok(bitnpz::Limits::default()), to_limits)?;
    let salvage = long(py, name, || bitnpz::salvage(source, target, &limits, |_, _| ()))?;
    let (gone, doubtful) = (to_tuples(salvage.gone), to_tuples(salvage.doubtful));
    Ok((salvage.saved.keys, salvage.saved.images, gone, doubtful))
}

/// Temporary files that were removed.
#[pyfunction]
#[pyo3(name = "_clean")]
pub(crate) fn clean(py: Python<'_>, folder: PathBuf, name: &str) -> PyResult<Vec<PathBuf>> {
    quick(py, name, || bitnpz::clean(folder))
}
