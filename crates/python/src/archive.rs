//! `Archive`: what a file holds, by key.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::UNIX_EPOCH;

use bitnpz::{Access, Content, ErrorKind, Limits, Names, NpyErrorKind, OpenOptions};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString};

use crate::array::{read_to_numpy, to_numpy};
use crate::call::{long, quick};
use crate::damage::{Problem, to_tuples};
use crate::error::raise;
use crate::images::{of_archive, reader};

#[pyclass(subclass, frozen, module = "bitnpz._bitnpz")]
pub(crate) struct Archive {
    /// What messages call it.
    name: Arc<str>,
    /// Held with the interpreter attached only, and for a moment: no fork finds it taken.
    archive: RwLock<Option<bitnpz::Archive>>,
}

impl Archive {
    pub(crate) fn name(&self) -> Arc<str> {
        self.name.clone()
    }

    fn open(&self, py: Python<'_>) -> PyResult<bitnpz::Archive> {
        let archive = self.archive.read().unwrap_or_else(PoisonError::into_inner).clone();
        archive.ok_or_else(|| {
            raise(py, "ClosedError", (format!("{}: the archive is closed; load it again", self.name),))
        })
    }
}

#[pymethods]
impl Archive {
    #[new]
    #[pyo3(signature = (source, name, access, limits=None))]
    fn new(
        py: Python<'_>,
        source: &Bound<'_, PyAny>,
        name: &str,
        access: &str,
        limits: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let limits = limits.map_or_else(|| Ok(Limits::default()), to_limits)?;
        let archive = if let Ok(bytes) = source.cast::<PyBytes>() {
            let bytes = bytes.as_bytes();
            quick(py, name, || bitnpz::Archive::from_slice_with(bytes, limits))
        } else {
            let path: PathBuf = source.extract()?;
            let access = match access {
                "map" => Access::Mapped,
                "read" => Access::Positional,
                _ => {
                    let message = format!("access: expected \"map\" or \"read\", found {access:?}");
                    return Err(raise(py, "InputError", (message,)));
                }
            };
            let options = OpenOptions::default().with_access(access).with_limits(limits);
            quick(py, name, || bitnpz::Archive::open_with(path, options))
        };
        Ok(Self { name: name.into(), archive: RwLock::new(Some(archive?)) })
    }

    fn __getitem__<'py>(slf: &Bound<'py, Self>, key: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let (py, this) = (slf.py(), slf.get());
        let archive = this.open(py)?;
        let Ok(name) = key.cast::<PyString>() else {
            let message = format!("{}: expected a key, which is a str, found {}", this.name, key.repr()?);
            return Err(raise(py, "NoSuchKeyError", (message,)));
        };
        // A key that is no text, as lone surrogates are none, is none that an archive has.
        let Ok(name) = name.to_cow() else {
            let message = format!("{}: the archive holds no such key: {}", this.name, key.repr()?);
            return Err(raise(py, "NoSuchKeyError", (message,)));
        };
        let content = quick(py, &this.name, || match archive.get(&name) {
            Err(error) if may_be_no_array(&error) => match archive.other(&name)? {
                Some(bytes) => Ok(Err(bytes)),
                None => Err(error),
            },
            content => content.map(Ok),
        });
        match content? {
            Ok(Content::Array(array)) => to_numpy(py, &array, &this.name),
            Ok(Content::LargeArray(mut reader)) => read_to_numpy(py, &mut reader, &this.name),
            Ok(Content::Images(images)) if images.shape().len() == 2 => {
                reader(images.dtype())(&images, py, 0, &this.name)
            }
            Ok(Content::Images(images)) => of_archive(slf, images, Some(&name), 0),
            Ok(_) => Err(raise(py, "InternalError", ("content of a kind that is not known".to_owned(),))),
            Err(bytes) => {
                py.import("bitnpz._arrays")?.call_method1("from_member", (PyBytes::new(py, &bytes),))
            }
        }
    }

    fn __contains__(&self, py: Python<'_>, key: &Bound<'_, PyAny>) -> PyResult<bool> {
        let archive = self.open(py)?;
        let Ok(key) = key.cast::<PyString>() else { return Ok(false) };
        let Ok(key) = key.to_cow() else { return Ok(false) };
        Ok(archive.contains(&key) || archive.contains_other(&key))
    }

    fn __iter__(&self, py: Python<'_>) -> PyResult<KeyIterator> {
        let archive = self.open(py)?;
        Ok(KeyIterator(archive.names()))
    }

    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        let archive = self.open(py)?;
        Ok(archive.len() + archive.other_len())
    }

    fn _images<'py>(slf: &Bound<'py, Self>, key: &str) -> PyResult<Bound<'py, PyAny>> {
        let (py, this) = (slf.py(), slf.get());
        let archive = this.open(py)?;
        let images = long(py, &this.name, || archive.images(key))?;
        of_archive(slf, images, Some(key), 0)
    }

    fn _keyed_images<'py>(slf: &Bound<'py, Self>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let (py, this) = (slf.py(), slf.get());
        let archive = this.open(py)?;
        let sets = quick(py, &this.name, || archive.keyed_images())?;
        let sets = sets.into_iter().enumerate();
        sets.map(|(number, images)| of_archive(slf, images, None, number)).collect()
    }

    /// The dtype and shape of what is under a key, of which no item is read; none if it is no array.
    fn _describe(&self, py: Python<'_>, key: &str) -> PyResult<Option<(String, Vec<usize>)>> {
        let archive = self.open(py)?;
        if !archive.contains(key) {
            return Ok(None);
        }
        let describe = || {
            let entry = archive.entry(key)?;
            Ok((entry.header().dtype.to_string(), entry.header().shape.clone()))
        };
        quick(py, &self.name, describe).map(Some)
    }

    /// Whether it has image sets.
    fn _has_sets(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(self.open(py)?.has_sets())
    }

    fn _verify(&self, py: Python<'_>, is_fast: bool) -> PyResult<Vec<Problem>> {
        let archive = self.open(py)?;
        let verify = || if is_fast { Ok(archive.verify_structure()) } else { archive.verify(|_| ()) };
        Ok(to_tuples(long(py, &self.name, verify)?.problems))
    }

    /// Size, nanoseconds since 1970, and the checksum of the directory.
    fn _identity(&self, py: Python<'_>) -> PyResult<(u64, Option<u128>, u32)> {
        let identity = self.open(py)?.identity();
        let time = identity.modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        Ok((identity.size, time.map(|time| time.as_nanos()), identity.directory_crc32))
    }

    fn close(&self) {
        *self.archive.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    #[getter]
    fn closed(&self) -> bool {
        self.archive.read().unwrap_or_else(PoisonError::into_inner).is_none()
    }
}

/// Whether this is the error of a key under which there may be a file that is no array.
fn may_be_no_array(error: &bitnpz::Error) -> bool {
    match error.kind() {
        ErrorKind::NoSuchKey => true,
        ErrorKind::Npy(error) => matches!(error.kind(), NpyErrorKind::NotNpy),
        _ => false,
    }
}

/// Limits by the names of their fields.
pub(crate) fn to_limits(given: &Bound<'_, PyDict>) -> PyResult<Limits> {
    let mut limits = Limits::default();
    for (name, value) in given {
        let (name, value): (String, u64) = (name.extract()?, value.extract()?);
        if !limits.set(&name, value) {
            let message = format!("limits: expected some of {}, found {name:?}", Limits::NAMES.join(", "));
            return Err(raise(given.py(), "InputError", (message,)));
        }
    }
    Ok(limits)
}

#[pyclass(module = "bitnpz._bitnpz")]
pub(crate) struct KeyIterator(Names);

#[pymethods]
impl KeyIterator {
    fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __next__(&mut self) -> Option<String> {
        self.0.next()
    }
}
