//! The `bitnpz` command, in Python's process.

use std::ffi::OsString;

use pyo3::prelude::*;

/// Runs the command with the arguments that follow its name, and returns its exit code. From then on signals end this process as
/// they end the command.
#[pyfunction]
#[pyo3(name = "_command")]
pub(crate) fn command(py: Python<'_>, arguments: Vec<OsString>) -> u8 {
    let arguments = std::iter::once(OsString::from("bitnpz")).chain(arguments);
    py.detach(|| bitnpz_cli::run(arguments))
}
