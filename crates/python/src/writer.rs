//! `Writer`: an archive that is being written.

use std::collections::BTreeSet;
use std::num::NonZero;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use bitnpz::{Added, Compression, ImageAxes, Meter, ParseAxesError, WriteOptions};
use pyo3::prelude::*;

use crate::array::Items;
use crate::call::{long, quick, watched};
use crate::error::raise;

#[pyclass(subclass, frozen, module = "bitnpz._bitnpz")]
pub(crate) struct Writer {
    name: String,
    path: PathBuf,
    options: WriteOptions,
    writer: Mutex<Option<bitnpz::Writer>>,
    /// Whom to tell how many images and bytes are done.
    watcher: Option<Watcher>,
    /// What of the archive that is added to is left out, until something is added.
    without: Mutex<Option<BTreeSet<String>>>,
    /// The process that writes; in another, which was forked from it, the file is not ours to remove.
    process: u32,
}

/// What tells keys apart: `a` and `a.npy` are one.
fn identity(key: &str) -> &str {
    key.trim_end_matches(".npy")
}

/// A function of Python.
type Watcher = Py<PyAny>;

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
        let written = watched(py, &self.name, self.watch(py), || {
            let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
            self.start_without(&mut writer)?;
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

    /// Starts again without what is to be left out of the archive that is added to. From then on it is too late for more.
    fn start_without(&self, writer: &mut Option<bitnpz::Writer>) -> bitnpz::Result<()> {
        let mut without = self.without.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(keys) = without.as_ref().filter(|keys| !keys.is_empty() && writer.is_some()) {
            let is_left_out = |key: &str| keys.contains(identity(key));
            *writer = Some(bitnpz::Writer::without(&self.path, &self.options, is_left_out)?);
        }
        *without = None;
        Ok(())
    }

    /// What calls the watcher.
    fn watch(&self, py: Python<'_>) -> impl Fn(Python<'_>) -> PyResult<()> + 'static + Send {
        let watcher = self.watcher.as_ref().map(|watcher| watcher.clone_ref(py));
        let meter = self.options.meter.clone();
        move |py| match (&watcher, &meter) {
            (Some(watcher), Some(meter)) => {
                let progress = meter.progress();
                watcher.call1(py, (progress.images, progress.array_bytes)).map(drop)
            }
            _ => Ok(()),
        }
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
        watcher: Option<Watcher>,
    ) -> PyResult<Self> {
        let invalid = |message: &dyn std::fmt::Display| raise(py, "InputError", (message.to_string(),));
        let mut options = WriteOptions::default();
        options.encoding = encoding
            .map(str::parse)
            .transpose()
            .map_err(|error: bitnpz::ParseEncodingError| invalid(&error))?;
        options.codec =
            codec.map(str::parse).transpose().map_err(|error: bitnpz::ParseCodecError| invalid(&error))?;
        options.threads = threads;
        options.meter = watcher.is_some().then(Meter::default);
        let deflate = match Compression::default() {
            Compression::Deflate { level } => level,
            _ => 6,
        };
        options.compression = match (method, level.unwrap_or(deflate)) {
            ("stored", _) => Compression::Stored,
            (_, level @ 1..=12) => Compression::Deflate { level },
            (_, level) => return Err(invalid(&format!("level: expected 1 to 12, found {level}"))),
        };
        let writer = long(py, &name, || match append {
            "append" => bitnpz::Writer::append(&path, &options),
            _ => bitnpz::Writer::create_with(&path, &options),
        })?;
        Ok(Self {
            name,
            path,
            options,
            writer: Mutex::new(Some(writer)),
            watcher,
            without: Mutex::new((append == "append").then(BTreeSet::new)),
            process: std::process::id(),
        })
    }

    /// Leaves out what the archive that is added to has under a key. Nothing may have been added yet.
    fn _leave_out(&self, py: Python<'_>, key: &str) -> PyResult<()> {
        if !self.__contains__(py, key)? {
            let message = format!("{}: {key:?}: the archive holds no such key", self.name);
            return Err(raise(py, "NoSuchKeyError", (message,)));
        }
        let left_out = py.detach(|| {
            let mut without = self.without.lock().unwrap_or_else(PoisonError::into_inner);
            without.as_mut().map(|without| without.insert(identity(key).to_owned()))
        });
        left_out.map(drop).ok_or_else(|| {
            let message = format!(
                "{}: {key:?}: expected a key of the archive that is added to (mode \"a\"), deleted before anything is \
                 added; what this writer has written stays",
                self.name
            );
            raise(py, "InputError", (message,))
        })
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
            let without = self.without.lock().unwrap_or_else(PoisonError::into_inner);
            let is_left_out = without.as_ref().is_some_and(|without| without.contains(identity(key)));
            Ok(writer.as_ref().map(|writer| writer.contains(key) && !is_left_out))
        });
        contains?.ok_or_else(|| self.closed(py))
    }

    fn _finish(&self, py: Python<'_>) -> PyResult<(usize, usize)> {
        self.check_process(py)?;
        let finished = watched(py, &self.name, self.watch(py), || {
            let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
            self.start_without(&mut writer)?;
            writer.take().map(bitnpz::Writer::finish).transpose()
        });
        let summary = finished?.ok_or_else(|| self.closed(py))?;
        // What was done since it was asked last.
        self.watch(py)(py)?;
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
