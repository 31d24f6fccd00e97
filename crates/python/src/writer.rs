//! `Writer`: an archive that is being written.

use std::collections::BTreeSet;
use std::num::NonZero;
use std::path::{Path, PathBuf};

use bitnpz::{
    Added, Codec, Compression, Effort, Encoding, ImageAxes, Meter, Model, ParseAxesError, WriteOptions,
};
use pyo3::prelude::*;

use crate::array::Items;
use crate::call::{long, quick, watched};
use crate::call_lock::CallLock;
use crate::choice::{Choice, Chosen, Parsed};
use crate::error::raise;
use crate::forks::ProcessOwned;
use crate::output::PythonOutput;

#[pyclass(subclass, frozen, module = "bitnpz._bitnpz")]
pub(crate) struct Writer {
    /// The archive's name in messages.
    name: String,
    /// The absolute path of the archive; empty if it goes to an output.
    path: PathBuf,
    options: WriteOptions,
    /// A function of Python that is told how many images and bytes are done.
    report: Option<Py<PyAny>>,
    /// Locked with the interpreter detached only, and for the whole of a call.
    state: ProcessOwned<CallLock<State>>,
}

/// The part of a writer that changes while it writes.
struct State {
    /// `None` once it is finished or aborted.
    writer: Option<bitnpz::Writer>,
    /// The keys of the existing archive to leave out; `None` if there is none, or something has been added.
    left_out: Option<BTreeSet<String>>,
}

/// The treatment of an archive that already exists.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Existing {
    Replace,
    Append,
}

impl Choice for Existing {
    const OPTION: &'static str = "existing";
    const VALUES: &'static [(&'static str, Self)] = &[("replace", Self::Replace), ("append", Self::Append)];
}

/// The compression of members, without its level.
#[derive(Clone, Copy)]
pub(crate) enum MemberCompression {
    Stored,
    Deflate,
}

impl Choice for MemberCompression {
    const OPTION: &'static str = "compression";
    const VALUES: &'static [(&'static str, Self)] = &[("stored", Self::Stored), ("deflate", Self::Deflate)];
}

/// The way in which an array is added.
#[derive(Clone, Copy)]
pub(crate) enum AddAs {
    /// One image or a stack.
    Images,
    /// An array as it is.
    Array,
    /// More images of a stack.
    Batch,
    /// Images if it has two or more dimensions and at most two values, else an array.
    Inferred,
}

impl Choice for AddAs {
    const OPTION: &'static str = "add_as";
    const VALUES: &'static [(&'static str, Self)] = &[
        ("images", Self::Images),
        ("array", Self::Array),
        ("batch", Self::Batch),
        ("inferred", Self::Inferred),
    ];
}

impl State {
    /// Starts the archive again without the keys to leave out. From then on no more can be left out.
    fn leave_out(&mut self, path: &Path, options: &WriteOptions) -> bitnpz::Result<()> {
        if let Some(keys) = self.left_out.as_ref().filter(|keys| !keys.is_empty() && self.writer.is_some()) {
            let is_left_out = |key: &str| keys.contains(without_ending(key));
            self.writer = Some(bitnpz::Writer::without(path, options, is_left_out)?);
        }
        self.left_out = None;
        Ok(())
    }
}

/// Returns a key without `.npy`: `a` and `a.npy` are one key.
fn without_ending(key: &str) -> &str {
    key.trim_end_matches(".npy")
}

impl Writer {
    /// Returns the state, unless this process is a fork of the one that made the writer.
    fn state(&self, py: Python<'_>) -> PyResult<&CallLock<State>> {
        self.state.get().ok_or_else(|| {
            let name = &self.name;
            let message = format!(
                "{name}: this process is a fork of the one that writes the archive; only that process can go on writing"
            );
            raise(py, "InputError", (message,))
        })
    }

    /// Returns the state for a call, unless another call of this thread has it: that waits for this one to end.
    fn free_state(&self, py: Python<'_>) -> PyResult<&CallLock<State>> {
        let state = self.state(py)?;
        if state.is_held_here() {
            let message = format!(
                "{}: the writer is busy with another call of this thread: neither a signal handler nor a function that the call \
                 makes can use it meanwhile",
                self.name
            );
            return Err(raise(py, "InputError", (message,)));
        }
        Ok(state)
    }

    /// Calls `write` with the writer, the interpreter detached.
    fn write<R: Send>(
        &self,
        py: Python<'_>,
        write: impl FnOnce(&mut bitnpz::Writer) -> bitnpz::Result<R> + Send,
    ) -> PyResult<R> {
        let state = self.free_state(py)?;
        let written = watched(py, &self.name, self.watch(py), || {
            state.with(|state| {
                state.leave_out(&self.path, &self.options)?;
                state.writer.as_mut().map(write).transpose()
            })
        });
        written?.ok_or_else(|| self.closed(py))
    }

    /// Returns a function that reports the progress so far.
    fn watch(&self, py: Python<'_>) -> impl Fn(Python<'_>) -> PyResult<()> + 'static + Send {
        let report = self.report.as_ref().map(|report| report.clone_ref(py));
        let meter = self.options.meter.clone();
        move |py| match (&report, &meter) {
            (Some(report), Some(meter)) => {
                let progress = meter.progress();
                report.call1(py, (progress.images, progress.array_bytes)).map(drop)
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
    #[pyo3(signature = (target, name, encoding, codec, effort, compression, level, threads, existing, report, model=None))]
    #[expect(clippy::too_many_arguments, reason = "Python's keyword arguments")]
    #[expect(clippy::needless_pass_by_value, reason = "extracted arguments are values")]
    fn new(
        py: Python<'_>,
        target: &Bound<'_, PyAny>,
        name: String,
        encoding: Option<Parsed<Encoding>>,
        codec: Option<Parsed<Codec>>,
        effort: Parsed<Effort>,
        compression: Chosen<MemberCompression>,
        level: Option<u8>,
        threads: Option<NonZero<usize>>,
        existing: Chosen<Existing>,
        report: Option<Py<PyAny>>,
        model: Option<&[u8]>,
    ) -> PyResult<Self> {
        let mut options = WriteOptions::default();
        options.encoding = encoding.map(|encoding| encoding.0);
        options.codec = codec.map(|codec| codec.0);
        options.effort = effort.0;
        options.threads = threads;
        let model = model.map(|bytes| quick(py, "model", || Model::from_bytes(bytes)));
        options.model = model.transpose()?;
        options.meter = report.is_some().then(Meter::default);
        options.compression = match (compression.0, level) {
            (MemberCompression::Stored, _) => Compression::Stored,
            (MemberCompression::Deflate, None) => Compression::default(),
            (MemberCompression::Deflate, Some(level @ 1..=12)) => Compression::Deflate { level },
            (MemberCompression::Deflate, Some(level)) => {
                let message = format!("level: expected 1 to 12, found {level}");
                return Err(raise(py, "InputError", (message,)));
            }
        };
        let output = PythonOutput::of(target)?;
        let path = if output.is_some() { PathBuf::new() } else { target.extract()? };
        let writer = long(py, &name, || match (output, existing.0) {
            (Some(output), _) => Ok(bitnpz::Writer::into_output(output, &options)),
            (None, Existing::Append) => bitnpz::Writer::append(&path, &options),
            (None, Existing::Replace) => bitnpz::Writer::create_with(&path, &options),
        })?;
        let left_out = (existing.0 == Existing::Append).then(BTreeSet::new);
        // The working directory may change before the archive is opened again.
        let path = std::path::absolute(&path).unwrap_or(path);
        let state = ProcessOwned::new(CallLock::new(State { writer: Some(writer), left_out }));
        Ok(Self { name, path, options, report, state })
    }

    /// Leaves out a key of the archive that is appended to. Nothing may have been added yet.
    fn _leave_out(&self, py: Python<'_>, key: &str) -> PyResult<()> {
        if !self.__contains__(py, key)? {
            let message = format!("{}: {key:?}: the archive holds no such key", self.name);
            return Err(raise(py, "NoSuchKeyError", (message,)));
        }
        let state = self.free_state(py)?;
        let leave_out = |state: &mut State| {
            state.left_out.as_mut().map(|keys| keys.insert(without_ending(key).to_owned()))
        };
        let left_out = py.detach(|| state.with(leave_out));
        left_out.map(drop).ok_or_else(|| {
            let message = format!(
                "{}: {key:?}: expected a key of an archive opened with mode \"a\", deleted before anything is added; \
                 keys that this writer has written stay",
                self.name
            );
            raise(py, "InputError", (message,))
        })
    }

    /// Adds an array, and returns whether it was added as images.
    #[pyo3(signature = (key, items, add_as, axes=None))]
    #[expect(clippy::needless_pass_by_value, reason = "borrows of arrays are values")]
    fn _add(
        &self,
        py: Python<'_>,
        key: &str,
        items: Items<'_>,
        add_as: Chosen<AddAs>,
        axes: Option<&str>,
    ) -> PyResult<bool> {
        let array = items.view(py)?;
        let axes = axes.map(str::parse::<ImageAxes>).transpose();
        let invalid = |error: ParseAxesError| raise(py, "InputError", (format!("{key:?}: axes: {error}"),));
        let axes = axes.map_err(invalid)?.unwrap_or_default();
        let added = self.write(py, |writer| match add_as.0 {
            AddAs::Images => writer.add_dyn_images_of(key, &array, axes).map(|()| Added::Images),
            AddAs::Array => writer.add_dyn_array(key, &array).map(|()| Added::Array),
            AddAs::Batch => writer.extend_dyn_of(key, &array, axes).map(|()| Added::Images),
            AddAs::Inferred => writer.add_dyn(key, &array),
        })?;
        Ok(added == Added::Images)
    }

    fn __contains__(&self, py: Python<'_>, key: &str) -> PyResult<bool> {
        let state = self.free_state(py)?;
        let contains = |state: &mut State| {
            let is_left_out = state.left_out.as_ref().is_some_and(|keys| keys.contains(without_ending(key)));
            state.writer.as_ref().map(|writer| writer.contains(key) && !is_left_out)
        };
        let contains = quick(py, &self.name, || Ok(state.with(contains)));
        contains?.ok_or_else(|| self.closed(py))
    }

    /// Completes the archive. Returns false if it was finished or aborted before.
    fn _finish(&self, py: Python<'_>) -> PyResult<bool> {
        let state = self.free_state(py)?;
        let finished = watched(py, &self.name, self.watch(py), || {
            state.with(|state| {
                state.leave_out(&self.path, &self.options)?;
                state.writer.take().map(bitnpz::Writer::finish).transpose()
            })
        });
        if finished?.is_none() {
            return Ok(false);
        }
        // Report what was done since the last call.
        self.watch(py)(py)?;
        Ok(true)
    }

    /// Discards the archive; a file that was to be replaced stays. Returns false if it was finished or aborted before, and in a
    /// forked child, where it does nothing.
    fn _abort(&self, py: Python<'_>) -> PyResult<bool> {
        if self.state.get().is_none() {
            return Ok(false);
        }
        let state = self.free_state(py)?;
        Ok(py.detach(|| state.with(|state| state.writer.take()).is_some()))
    }

    /// Returns whether it is finished or aborted: not yet, as long as a call of this thread is at work.
    #[getter(closed)]
    fn is_closed(&self, py: Python<'_>) -> PyResult<bool> {
        let state = self.state(py)?;
        Ok(!state.is_held_here() && py.detach(|| state.with(|state| state.writer.is_none())))
    }
}
