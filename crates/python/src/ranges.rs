//! Files of Python that are read by range.

use std::io;
use std::ops::Range;
use std::path::PathBuf;

use bitnpz::{DiskCache, ReadAt};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::error::raise;

/// An object with the methods `length()`, `read_ranges(starts, ends)` and `read_end(most)`.
pub(crate) struct PythonRanges(Py<PyAny>);

impl PythonRanges {
    /// Returns the object as a file, if it has the methods of one.
    pub(crate) fn of(object: &Bound<'_, PyAny>) -> PyResult<Option<Self>> {
        Ok(object.hasattr("read_ranges")?.then(|| Self(object.clone().unbind())))
    }
}

impl ReadAt for PythonRanges {
    fn len(&self) -> io::Result<u64> {
        Python::attach(|py| self.0.bind(py).call_method0("length")?.extract()).map_err(to_io)
    }

    fn read_ranges(&self, ranges: &[Range<u64>]) -> io::Result<Vec<Vec<u8>>> {
        let starts: Vec<u64> = ranges.iter().map(|range| range.start).collect();
        let ends: Vec<u64> = ranges.iter().map(|range| range.end).collect();
        let read = Python::attach(|py| {
            let parts = self.0.bind(py).call_method1("read_ranges", (starts, ends))?;
            let parts: Vec<Bound<'_, PyBytes>> = parts.extract()?;
            Ok(parts.iter().map(|part| part.as_bytes().to_vec()).collect())
        });
        read.map_err(to_io)
    }

    fn read_end(&self, most: u64) -> io::Result<(u64, Vec<u8>)> {
        let read = Python::attach(|py| {
            let (len, end): (u64, Bound<'_, PyBytes>) =
                self.0.bind(py).call_method1("read_end", (most,))?.extract()?;
            Ok((len, end.as_bytes().to_vec()))
        });
        read.map_err(to_io)
    }

    fn version(&self) -> io::Result<Option<String>> {
        let version = Python::attach(|py| {
            let file = self.0.bind(py);
            if file.hasattr("cache_key")? { file.call_method0("cache_key")?.extract() } else { Ok(None) }
        });
        version.map_err(to_io)
    }
}

/// Opens the cache on disk in a folder, of so many bytes.
pub(crate) fn to_disk_cache(py: Python<'_>, cache: Option<(PathBuf, u64)>) -> PyResult<Option<DiskCache>> {
    let Some((folder, bytes)) = cache else { return Ok(None) };
    DiskCache::new(&folder, bytes).map(Some).map_err(|error| {
        raise(py, "FileError", (format!("{}: the folder of the cache: {error}", folder.display()),))
    })
}

/// Wraps an exception so that it passes through the library.
pub(crate) fn to_io(error: PyErr) -> io::Error {
    io::Error::other(error)
}
