//! The facade's errors as Python's exceptions, which `python/bitnpz/_errors.py` defines.

use std::error::Error as _;
use std::io;

use bitnpz::{ErrorKind, NpyErrorKind, NpzErrorKind};
use pyo3::PyErrArguments;
use pyo3::exceptions::{PyException, PyFileNotFoundError, PyPermissionError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;

/// Returns an exception of the package by its class's name.
pub(crate) fn raise(py: Python<'_>, class: &str, arguments: impl PyErrArguments + 'static) -> PyErr {
    match find_class(py, class) {
        Ok(class) => PyErr::from_type(class, arguments),
        Err(error) => error,
    }
}

/// Returns an exception class of the package by its name.
fn find_class<'py>(py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyType>> {
    static MODULE: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    let module = MODULE.get_or_try_init(py, || py.import("bitnpz._errors").map(Bound::unbind))?;
    Ok(module.bind(py).getattr(name)?.cast_into::<PyType>()?)
}

/// Returns whether an exception is the package's own, about a file.
fn is_file_error(error: &PyErr, py: Python<'_>) -> bool {
    find_class(py, "FileError").is_ok_and(|class| error.matches(py, class).unwrap_or(false))
}

/// Converts an error of the archive with this name to an exception.
pub(crate) fn to_python(py: Python<'_>, error: &bitnpz::Error, name: &str) -> PyErr {
    if error.is_out_of_memory() {
        return raise(py, "NoMemoryError", (format!("{name}: {error}"),));
    }
    // The error may be about another file than the archive.
    let other = error.unwritten().or(error.file()).map(|path| path.display().to_string());
    let name = other.as_deref().unwrap_or(name);
    if let Some(failure) = error.source().and_then(|source| source.downcast_ref::<io::Error>())
        && let Some(cause) = failure.get_ref().and_then(|inner| inner.downcast_ref::<PyErr>())
    {
        // Ctrl-C, and what else is no `Exception`, is not the store's.
        if !cause.is_instance_of::<PyException>(py) {
            return cause.clone_ref(py);
        }
        // A reader of the package says itself what failed.
        if is_file_error(cause, py) {
            return cause.clone_ref(py);
        }
        let class = match () {
            () if cause.is_instance_of::<PyFileNotFoundError>(py) => "FileMissingError",
            () if cause.is_instance_of::<PyPermissionError>(py) => "FilePermissionError",
            () => "FileError",
        };
        let raised = raise(py, class, (format!("{name}: {failure}"),));
        raised.set_cause(py, Some(cause.clone_ref(py)));
        return raised;
    }
    match error.source().and_then(|source| source.downcast_ref::<io::Error>()) {
        // `UnexpectedEof` and `InvalidData` are about the archive's content, not about the system.
        Some(failure)
            if ![io::ErrorKind::UnexpectedEof, io::ErrorKind::InvalidData].contains(&failure.kind()) =>
        {
            to_os_error(py, failure, name)
        }
        _ if error.file().is_some() => raise(py, class_of(error), (error.to_string(),)),
        _ => raise(py, class_of(error), (format!("{name}: {error}"),)),
    }
}

/// Converts an error of the system to an `OSError`, with `errno`, `strerror` and `filename` where there is a number.
fn to_os_error(py: Python<'_>, failure: &io::Error, name: &str) -> PyErr {
    let class = match failure.kind() {
        io::ErrorKind::NotFound => "FileMissingError",
        io::ErrorKind::PermissionDenied => "FilePermissionError",
        io::ErrorKind::AlreadyExists => "FilePresentError",
        io::ErrorKind::StaleNetworkFileHandle => "FileChangedError",
        _ => "FileError",
    };
    let text = failure.to_string();
    let (text, rest) = text.split_once(" (os error").unwrap_or((&text, ""));
    // Some libraries keep the text of the system's error, and not its number.
    let number = failure.raw_os_error().or_else(|| rest.split(')').next()?.trim().parse().ok());
    match number {
        Some(number) => raise(py, class, (number, text.to_owned(), name.to_owned())),
        None => raise(py, class, (format!("{name}: {failure}"),)),
    }
}

/// Returns the name of the exception class for an error.
fn class_of(error: &bitnpz::Error) -> &'static str {
    let of_npy = |kind: &NpyErrorKind| match kind {
        NpyErrorKind::HeaderTooLong { .. } | NpyErrorKind::TooLarge { .. } => "LimitError",
        _ => "DamagedError",
    };
    match error.kind() {
        ErrorKind::NoSuchKey => "NoSuchKeyError",
        ErrorKind::NoSuchImage { .. } | ErrorKind::NoSuchItem { .. } => "NoSuchImageError",
        ErrorKind::TooLarge { .. } => "LimitError",
        ErrorKind::Interrupted => "InternalError",
        ErrorKind::Npy(error) => of_npy(error.kind()),
        ErrorKind::Npz(error) => match error.kind() {
            NpzErrorKind::Limit { .. } => "LimitError",
            NpzErrorKind::BadName | NpzErrorKind::Duplicate if error.offset().is_none() => "InputError",
            NpzErrorKind::Unseekable => "InputError",
            NpzErrorKind::Npy(error) => of_npy(error.kind()),
            _ => "DamagedError",
        },
        ErrorKind::ShardReplaced { .. } | ErrorKind::ManifestChanged | ErrorKind::ArchiveChanged { .. } => {
            "FileChangedError"
        }
        ErrorKind::Damaged { .. }
        | ErrorKind::AmbiguousKey
        | ErrorKind::BadManifest { .. }
        | ErrorKind::Bitmap(_) => "DamagedError",
        _ => "InputError",
    }
}
