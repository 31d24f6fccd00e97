//! Converts limits from Python.

use bitnpz::Limits;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::error::raise;

/// Converts a dict of limits by name. Limits that it does not name keep their defaults.
pub(crate) fn to_limits(given: Option<&Bound<'_, PyDict>>) -> PyResult<Limits> {
    let mut limits = Limits::default();
    let Some(given) = given else { return Ok(limits) };
    for (name, value) in given {
        let (name, value): (String, u64) = (name.extract()?, value.extract()?);
        if !limits.set(&name, value) {
            let message = format!("limits: expected some of {}, found {name:?}", Limits::NAMES.join(", "));
            return Err(raise(given.py(), "InputError", (message,)));
        }
    }
    Ok(limits)
}
