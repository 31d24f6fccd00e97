//! `Writer`: an archive that is being written.

use std::num::NonZero;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use bitnpz::{Added, ImageAxes, Method, ParseAxesError, WriteOptions};
use pyo3::prelude::*;

use crate::array::Items;
use crate::call::{long, quick};
use crate::error::raise;

#[pyclass(subclass, frozen, module = "bitnpz._bitnpz")]
pub(crate) struct Writer {
    name: String,
    writer: Mutex<Option<bitnpz::Writer>>,
    /// The process that writes; in another, which was forked from it, the file is not ours to remove.
    process: u32,
}

impl Drop for Writer {
    fn drop(&mut self) {
        if std::process::id() != self.process {
            std::mem::forget(self.writer.get_mut().unwrap_or_else(PoisonError::into_inner).take());
        }
    }
}

impl Writer {
    /// Calls `write` with the writer, the interpreter detached.
    fn write(
        &self,
        py: Python<'_>,
        write: impl FnOnce(&mut bitnpz::Writer) -> bitnpz::Result<()> + Send,
    ) -> PyResult<()> {
        self.check_process(py)?;
        let written = long(py, &self.name, || {
            let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
            writer.as_mut().map(write).transpose()
        });
        written?.ok_or_else(|| self.closed(py))
    }

    /// That this process made the writer: in a child of a fork another thread may have it for ever.
    fn check_process(&self, py: Python<'_>) -> PyResult<()> {
        if std::process::id() == self.process {
            return Ok(());
        }
        let name = &self.name;
        let message =
            format!("{name}: this process is a fork of the one that writes it, and cannot go on with it");
        Err(raise(py, "InputError", (message,)))
    }

    fn closed(&self, py: Python<'_>) -> PyErr {
        raise(py, "ClosedError", (format!("{}: the writer is closed", self.name),))
    }
}

#[pymethods]
impl Writer {
    #[new]
    #[expect(clippy::too_many_arguments, reason = "Python's keyword arguments")]
    fn new(
        py: Python<'_>,
        path: PathBuf,
        name: String,
        encoding: Option<&str>,
        codec: Option<&str>,
        method: &str,
        level: Option<u8>,
        threads: Option<NonZero<usize>>,
        append: &str,
    ) -> PyResult<Self> {
        let invalid = |message: String| raise(py, "InputError", (message,));
        let mut options = WriteOptions::default();
        options.encoding = encoding.map(str::parse).transpose().map_err(invalid)?;
        options.codec = codec.map(str::parse).transpose().map_err(invalid)?;
        options.threads = threads;
        let deflate = match Method::default() {
            Method::Deflate { level } => level,
            _ => 6,
        };
        options.method = match (method, level.unwrap_or(deflate)) {
            ("stored", _) => Method::Stored,
            (_, level @ 1..=12) => Method::Deflate { level },
            (_, level) => return Err(invalid(format!("level: expected 1 to 12, found {level}"))),
        };
        let writer = long(py, &name, || match append {
            "append" => bitnpz::Writer::append(path, &options),
            _ => bitnpz::Writer::create_with(path, &options),
        })?;
        Ok(Self { name, writer: Mutex::new(Some(writer)), process: std::process::id() })
    }

    /// Adds an array: as images along some axes, as it is, or as what it seems to be. Gives whether it was added as images.
    #[pyo3(signature = (key, items, what, axes=None))]
    #[expect(clippy::needless_pass_by_value, reason = "borrows of arrays are values")]
    fn _add(
        &self,
        py: Python<'_>,
        key: &str,
        items: Items<'_>,
        what: &str,
        axes: Option<&str>,
    ) -> PyResult<bool> {
        let array = items.view(py)?;
        let axes = axes.map(str::parse::<ImageAxes>).transpose();
        let invalid = |error: ParseAxesError| raise(py, "InputError", (format!("{key:?}: axes: {error}"),));
        let axes = axes.map_err(invalid)?.unwrap_or_default();
        let mut added = Added::Images;
        self.write(py, |writer| {
            match what {
                "images" => writer.add_dyn_images_of(key, &array, axes)?,
                "array" => {
                    writer.add_dyn_array(key, &array)?;
                    added = Added::Array;
                }
                "batch" => writer.extend_dyn_of(key, &array, axes)?,
                _ => added = writer.add_dyn(key, &array)?,
            }
            Ok(())
        })?;
        Ok(added == Added::Images)
    }

    fn __contains__(&self, py: Python<'_>, key: &str) -> PyResult<bool> {
        self.check_process(py)?;
        let contains = quick(py, &self.name, || {
            let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
            Ok(writer.as_ref().map(|writer| writer.contains(key)))
        });
        contains?.ok_or_else(|| self.closed(py))
    }

    fn _finish(&self, py: Python<'_>) -> PyResult<(usize, usize)> {
        self.check_process(py)?;
        let finished = long(py, &self.name, || {
            let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
            writer.map(bitnpz::Writer::finish).transpose()
        });
        let summary = finished?.ok_or_else(|| self.closed(py))?;
        Ok((summary.keys, summary.images))
    }

    /// Leaves what was there before, and nothing else.
    fn abort(&self, py: Python<'_>) {
        if std::process::id() != self.process {
            return;
        }
        py.detach(|| drop(self.writer.lock().unwrap_or_else(PoisonError::into_inner).take()));
    }

    #[getter(closed)]
    fn is_closed(&self, py: Python<'_>) -> PyResult<bool> {
        self.check_process(py)?;
        Ok(py.detach(|| self.writer.lock().unwrap_or_else(PoisonError::into_inner).is_none()))
    }
}
