//! `Archive`: what a file holds, by key.

use std::num::NonZero;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use bitnpz::{Access, Content, ErrorKind, Names, NpyErrorKind, OpenOptions};
use pyo3::PyClass;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString};

use crate::array::{read_to_numpy, to_numpy};
use crate::call::{long, quick};
use crate::choice::Chosen;
use crate::damage::Problem;
use crate::error::raise;
use crate::handle::Handle;
use crate::images::{Images, image_reader};
use crate::limits::to_limits;
use crate::ranges::{PythonRanges, to_disk_cache};
use crate::stored_array::StoredArray;

#[pyclass(subclass, frozen, module = "bitnpz._bitnpz")]
pub(crate) struct Archive(Handle<bitnpz::Archive>);

/// The result of `archive[key]`.
enum Found<'a> {
    Saved(Content<'a>),
    /// The bytes of a member that is not a `.npy` file.
    Other(Vec<u8>),
}

#[pymethods]
impl Archive {
    #[new]
    #[pyo3(signature = (source, name, access, limits=None, threads=None, cache=None))]
    #[expect(clippy::needless_pass_by_value, reason = "extracted arguments are values")]
    fn new(
        py: Python<'_>,
        source: &Bound<'_, PyAny>,
        name: &str,
        access: Chosen<Access>,
        limits: Option<&Bound<'_, PyDict>>,
        threads: Option<NonZero<usize>>,
        cache: Option<(PathBuf, u64)>,
    ) -> PyResult<Self> {
        let mut options = OpenOptions::default().with_access(access.0).with_limits(to_limits(limits)?);
        options.threads = threads;
        options.disk_cache = to_disk_cache(py, cache)?;
        let archive = if let Ok(bytes) = source.cast::<PyBytes>() {
            let bytes = bytes.as_bytes();
            quick(py, name, || bitnpz::Archive::from_slice_with(bytes, &options))
        } else if let Some(ranges) = PythonRanges::of(source)? {
            long(py, name, || bitnpz::Archive::open_ranges(ranges, &options))
        } else {
            let path: PathBuf = source.extract()?;
            quick(py, name, || bitnpz::Archive::open_with(path, &options))
        };
        Ok(Self(Handle::new(name, archive?)))
    }

    fn __getitem__<'py>(slf: &Bound<'py, Self>, key: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let (py, this) = (slf.py(), slf.get());
        let archive = this.0.open(py)?;
        let Ok(text) = key.cast::<PyString>() else {
            let message = format!("{}: expected a key of type str, found {}", this.0.name, key.repr()?);
            return Err(raise(py, "NoSuchKeyError", (message,)));
        };
        // A str with lone surrogates is not valid Unicode, so no archive has it as a key.
        let Ok(text) = text.to_cow() else {
            let message = format!("{}: the archive holds no such key: {}", this.0.name, key.repr()?);
            return Err(raise(py, "NoSuchKeyError", (message,)));
        };
        let found = quick(py, &this.0.name, || match archive.get(&text) {
            Err(error) if may_be_other(&error) => archive.other(&text)?.map(Found::Other).ok_or(error),
            content => content.map(Found::Saved),
        });
        match found? {
            Found::Saved(Content::Array(array)) => to_numpy(py, &array, &this.0.name),
            Found::Saved(Content::LargeArray(mut reader)) => read_to_numpy(py, &mut reader, &this.0.name),
            Found::Saved(Content::Images(images)) if images.shape().len() == 2 => {
                let image = image_reader(images.dtype())(&images, py, 0, &this.0.name)?;
                if images.trailing() == 0 {
                    return Ok(image);
                }
                let mut shape = images.shape().to_vec();
                shape.resize(shape.len() + images.trailing(), 1);
                image.call_method1("reshape", (shape,))
            }
            Found::Saved(Content::Images(images)) => public_images(slf, images, &this.0.name, Some(&text), 0),
            Found::Saved(Content::StoredArray(array)) => public_array(slf, array, &this.0.name, &text),
            Found::Saved(_) => {
                Err(raise(py, "InternalError", ("expected an array or images, found neither".to_owned(),)))
            }
            Found::Other(bytes) => {
                // Users have a subclass, which knows the limits.
                let limits = slf.getattr("_limits")?;
                let arguments = (PyBytes::new(py, &bytes), format!("{}: {text:?}", this.0.name), limits);
                py.import("bitnpz._arrays")?.call_method1("from_member", arguments)
            }
        }
    }

    fn __contains__(&self, py: Python<'_>, key: &Bound<'_, PyAny>) -> PyResult<bool> {
        let archive = self.0.open(py)?;
        let Ok(key) = key.cast::<PyString>() else { return Ok(false) };
        let Ok(key) = key.to_cow() else { return Ok(false) };
        Ok(archive.contains(&key) || archive.contains_other(&key))
    }

    fn __iter__(&self, py: Python<'_>) -> PyResult<KeyIterator> {
        let archive = self.0.open(py)?;
        Ok(KeyIterator(archive.names()))
    }

    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        let archive = self.0.open(py)?;
        Ok(archive.len() + archive.other_len())
    }

    fn _images<'py>(slf: &Bound<'py, Self>, key: &str) -> PyResult<Bound<'py, PyAny>> {
        let (py, this) = (slf.py(), slf.get());
        let archive = this.0.open(py)?;
        let images = long(py, &this.0.name, || archive.images(key))?;
        public_images(slf, images, &this.0.name, Some(key), 0)
    }

    fn _keyed_images<'py>(slf: &Bound<'py, Self>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let (py, this) = (slf.py(), slf.get());
        let archive = this.0.open(py)?;
        let sets = quick(py, &this.0.name, || archive.keyed_images())?;
        let sets = sets.into_iter().enumerate();
        sets.map(|(number, images)| public_images(slf, images, &this.0.name, None, number)).collect()
    }

    /// Returns the dtype and shape of the array under a key without reading its data, or `None` for other members.
    fn _describe(&self, py: Python<'_>, key: &str) -> PyResult<Option<(String, Vec<usize>)>> {
        let archive = self.0.open(py)?;
        if !archive.contains(key) {
            return Ok(None);
        }
        let describe = || {
            let entry = archive.entry(key)?;
            Ok((entry.header().dtype.to_string(), entry.header().shape.clone()))
        };
        quick(py, &self.0.name, describe).map(Some)
    }

    /// Returns whether the archive holds image sets.
    fn _has_sets(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(self.0.open(py)?.has_sets())
    }

    fn _verify(&self, py: Python<'_>) -> PyResult<Vec<Problem>> {
        let archive = self.0.open(py)?;
        let report = long(py, &self.0.name, || archive.verify(|_| ()))?;
        Ok(report.problems.into_iter().map(Problem::from).collect())
    }

    fn _verify_structure(&self, py: Python<'_>) -> PyResult<Vec<Problem>> {
        let archive = self.0.open(py)?;
        let report = long(py, &self.0.name, || archive.verify_structure())?;
        Ok(report.problems.into_iter().map(Problem::from).collect())
    }

    /// Returns the file's size, its modification time in nanoseconds since 1970, and the checksum of its central directory.
    fn _identity(&self, py: Python<'_>) -> PyResult<(u64, Option<u128>, u32)> {
        let identity = self.0.open(py)?.identity();
        let time = identity.modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        Ok((identity.size, time.map(|time| time.as_nanos()), identity.directory_crc32))
    }

    fn close(&self) {
        self.0.close();
    }

    #[getter]
    fn closed(&self) -> bool {
        self.0.is_closed()
    }
}

/// Creates an instance of the class that users see, of images of an archive with this name. `key` is the key of the images; if they
/// have keys of their own, it is `None` and `number` counts their image set among the archive's sets of such images.
pub(crate) fn public_images<'py>(
    archive: &Bound<'py, impl PyClass>,
    images: bitnpz::Images,
    name: &Arc<str>,
    key: Option<&str>,
    number: usize,
) -> PyResult<Bound<'py, PyAny>> {
    let py = archive.py();
    let base = Bound::new(py, Images::new_from(images, Arc::clone(name)))?;
    py.import("bitnpz._images")?.getattr("Images")?.call1((base, archive, key, number))
}

/// Creates an instance of the class that users see, of an array of an archive with this name.
pub(crate) fn public_array<'py>(
    archive: &Bound<'py, impl PyClass>,
    array: bitnpz::StoredArray,
    name: &Arc<str>,
    key: &str,
) -> PyResult<Bound<'py, PyAny>> {
    let py = archive.py();
    let base = Bound::new(py, StoredArray::new_from(array, Arc::clone(name)))?;
    py.import("bitnpz._stored_array")?.getattr("StoredArray")?.call1((base, archive, key))
}

/// Returns whether a key that gives this error may be the name of a member that is not a `.npy` file.
fn may_be_other(error: &bitnpz::Error) -> bool {
    match error.kind() {
        ErrorKind::NoSuchKey => true,
        ErrorKind::Npy(error) => matches!(error.kind(), NpyErrorKind::NotNpy),
        _ => false,
    }
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
