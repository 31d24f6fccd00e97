//! Open files of Python that archives are written to.

use std::io::{self, Write};

use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// An object with the method `write(bytes)`.
pub(crate) struct PythonOutput(Py<PyAny>);

impl PythonOutput {
    /// Returns the object as an output, if it is one.
    pub(crate) fn of(object: &Bound<'_, PyAny>) -> PyResult<Option<Self>> {
        Ok(object.hasattr("write")?.then(|| Self(object.clone().unbind())))
    }
}

impl Write for PythonOutput {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = Python::attach(|py| {
            let written = self.0.bind(py).call_method1("write", (PyBytes::new(py, bytes),))?;
            // Only raw files say that they have taken a part.
            Ok(written.extract().unwrap_or(bytes.len()))
        });
        written.map_err(|error: PyErr| io::Error::other(error))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
