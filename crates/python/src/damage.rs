//! `verify` and `salvage`: what is damaged, and saving the rest.

use std::path::PathBuf;

use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::call::{long, quick};
use crate::limits::to_limits;

/// The fields of a `bitnpz.Problem`, as a dict.
#[derive(IntoPyObject)]
pub(crate) struct Problem {
    member: String,
    key: Option<String>,
    image: Option<usize>,
    certain: bool,
    message: String,
    text: String,
}

impl From<bitnpz::Problem> for Problem {
    fn from(problem: bitnpz::Problem) -> Self {
        let text = problem.to_string();
        let bitnpz::Problem { member, key, image, is_certain: certain, message, .. } = problem;
        Self { member, key, image, certain, message, text }
    }
}

/// The fields of a `bitnpz.Salvage`, as a dict.
#[derive(IntoPyObject)]
pub(crate) struct Salvage {
    keys: usize,
    images: usize,
    gone: Vec<Problem>,
    doubtful: Vec<Problem>,
}

/// Saves what is intact in a damaged archive to a new one.
#[pyfunction]
#[pyo3(name = "_salvage", signature = (source, target, name, limits=None))]
pub(crate) fn salvage(
    py: Python<'_>,
    source: PathBuf,
    target: PathBuf,
    name: &str,
    limits: Option<&Bound<'_, PyDict>>,
) -> PyResult<Salvage> {
    let limits = to_limits(limits)?;
    let salvage = long(py, name, || bitnpz::salvage(source, target, &limits, |_| ()))?;
    Ok(Salvage {
        keys: salvage.saved.keys,
        images: salvage.saved.images,
        gone: salvage.gone.into_iter().map(Problem::from).collect(),
        doubtful: salvage.doubtful.into_iter().map(Problem::from).collect(),
    })
}

/// Removes temporary files from a folder, and returns their paths.
#[pyfunction]
#[pyo3(name = "_clean")]
pub(crate) fn clean(py: Python<'_>, folder: PathBuf, name: &str) -> PyResult<Vec<PathBuf>> {
    quick(py, name, || bitnpz::clean(folder))
}
