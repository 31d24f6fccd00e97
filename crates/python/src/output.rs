//! Open files of Python that archives are written to, and other files.

use std::io::{self, Write};
use std::path::PathBuf;

use bitnpz::{AtomicFile, NpzError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes};

use crate::call::long;

/// An object with the method `write(bytes)`.
pub(crate) struct PythonOutput {
    object: Py<PyAny>,
    /// Whether it may take a part of the bytes, and says so: others take them all.
    is_raw: bool,
}

impl PythonOutput {
    /// Returns the object as an output, if it is one.
    pub(crate) fn of(object: &Bound<'_, PyAny>) -> PyResult<Option<Self>> {
        if !object.hasattr("write")? {
            return Ok(None);
        }
        let is_raw = object.is_instance(&object.py().import("io")?.getattr("RawIOBase")?)?;
        Ok(Some(Self { object: object.clone().unbind(), is_raw }))
    }
}

impl Write for PythonOutput {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = Python::attach(|py| {
            let written = self.object.bind(py).call_method1("write", (PyBytes::new(py, bytes),))?;
            if self.is_raw {
                return written.extract::<Option<usize>>();
            }
            // Others may say nothing, or something else.
            let count =
                if written.is_instance_of::<PyBool>() { None } else { written.extract::<usize>().ok() };
            Ok(Some(count.map_or(bytes.len(), |count| count.min(bytes.len()))))
        });
        let message = match written.map_err(|error: PyErr| io::Error::other(error))? {
            Some(written) if written == bytes.len() || (written < bytes.len() && self.is_raw) => {
                return Ok(written);
            }
            Some(written) if written < bytes.len() => format!(
                "expected a file that takes all bytes, or an io.RawIOBase, found one that took {written} of {}: it may be full",
                bytes.len()
            ),
            Some(written) => format!("expected at most {} bytes written, found {written}", bytes.len()),
            None => "expected a file that waits until it can take bytes, found one that took none".to_owned(),
        };
        Err(io::Error::other(message))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes a file whole or not at all, as archives are.
#[pyfunction]
#[pyo3(name = "_write_file")]
pub(crate) fn write_file(py: Python<'_>, path: PathBuf, data: &[u8]) -> PyResult<()> {
    let name = path.display().to_string();
    long(py, &name, || {
        let mut file = AtomicFile::create(path)?;
        file.write_all(data).map_err(NpzError::from)?;
        Ok(file.commit()?)
    })
}
