//! `ShardedArchive`: several archives that are read as one.

use std::io;
use std::num::NonZero;
use std::path::PathBuf;

use bitnpz::{Access, Content, Manifest, OpenOptions, ReadAt, ShardStore};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use crate::archive::{public_array, public_images};
use crate::array::to_numpy;
use crate::call::{long, quick};
use crate::choice::Chosen;
use crate::damage::Problem;
use crate::error::raise;
use crate::handle::Handle;
use crate::limits::to_limits;
use crate::ranges::{PythonRanges, to_disk_cache, to_io};

#[pyclass(subclass, frozen, module = "bitnpz._bitnpz")]
pub(crate) struct ShardedArchive(Handle<bitnpz::ShardedArchive>);

/// A Python object with a method `sibling(name)`, which returns a file that is read by range.
struct PythonStore(Py<PyAny>);

impl ShardStore for PythonStore {
    fn open(&self, name: &str) -> io::Result<Box<dyn ReadAt>> {
        let open = |py: Python<'_>| {
            let found = self.0.bind(py).call_method1("sibling", (name,))?;
            PythonRanges::of(&found)?.ok_or_else(|| {
                raise(py, "InternalError", (format!("expected a file that is read by range for {name}"),))
            })
        };
        Ok(Box::new(Python::attach(open).map_err(to_io)?))
    }

    fn location(&self) -> Option<String> {
        Python::attach(|py| self.0.bind(py).call_method0("location")?.extract()).unwrap_or_default()
    }
}

#[pymethods]
impl ShardedArchive {
    /// `source` is the path of the manifest, or its text if `store` has the shards.
    #[new]
    #[pyo3(signature = (source, store, name, access, limits=None, threads=None, cache=None, open_shards=None))]
    #[expect(clippy::too_many_arguments, reason = "each is one of Python's")]
    #[expect(clippy::needless_pass_by_value, reason = "extracted arguments are values")]
    fn new(
        py: Python<'_>,
        source: &Bound<'_, PyAny>,
        store: Option<Py<PyAny>>,
        name: &str,
        access: Chosen<Access>,
        limits: Option<&Bound<'_, PyDict>>,
        threads: Option<NonZero<usize>>,
        cache: Option<(PathBuf, u64)>,
        open_shards: Option<NonZero<usize>>,
    ) -> PyResult<Self> {
        let mut options = OpenOptions::default().with_access(access.0).with_limits(to_limits(limits)?);
        options.threads = threads;
        options.disk_cache = to_disk_cache(py, cache)?;
        options.open_shards = open_shards.unwrap_or(options.open_shards);
        let archive = match store {
            Some(store) => {
                let text: Vec<u8> = source.extract()?;
                quick(py, name, || {
                    let manifest = Manifest::parse(&text)?;
                    Ok(bitnpz::ShardedArchive::open_store(manifest, PythonStore(store), &options))
                })?
            }
            None => {
                let path: PathBuf = source.extract()?;
                quick(py, name, || bitnpz::ShardedArchive::open_with(path, &options))?
            }
        };
        Ok(Self(Handle::new(name, archive)))
    }

    fn __getitem__<'py>(slf: &Bound<'py, Self>, key: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let (py, this) = (slf.py(), slf.get());
        let archive = this.0.open(py)?;
        let text = key.cast::<PyString>().ok().and_then(|text| text.to_cow().ok());
        let Some(text) = text else {
            let message = format!("{}: expected a key of type str, found {}", this.0.name, key.repr()?);
            return Err(raise(py, "NoSuchKeyError", (message,)));
        };
        match long(py, &this.0.name, || archive.get(&text))? {
            Content::Images(images) => public_images(slf, images, &this.0.name, Some(&text), 0),
            Content::StoredArray(array) => public_array(slf, array, &this.0.name, &text),
            Content::Array(array) => to_numpy(py, &array, &this.0.name),
            _ => Err(raise(py, "InternalError", ("expected an array or images, found neither".to_owned(),))),
        }
    }

    fn __contains__(&self, py: Python<'_>, key: &Bound<'_, PyAny>) -> PyResult<bool> {
        let archive = self.0.open(py)?;
        let Ok(key) = key.cast::<PyString>() else { return Ok(false) };
        let Ok(key) = key.to_cow() else { return Ok(false) };
        long(py, &self.0.name, || archive.contains(&key))
    }

    /// Returns the keys of arrays, without those of images with keys of their own.
    fn _array_keys(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        Ok(self.0.open(py)?.array_keys().map(str::to_owned).collect())
    }

    fn _images<'py>(slf: &Bound<'py, Self>, key: &str) -> PyResult<Bound<'py, PyAny>> {
        let (py, this) = (slf.py(), slf.get());
        let archive = this.0.open(py)?;
        let images = quick(py, &this.0.name, || archive.images(key))?;
        public_images(slf, images, &this.0.name, Some(key), 0)
    }

    fn _keyed_images<'py>(slf: &Bound<'py, Self>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let (py, this) = (slf.py(), slf.get());
        let archive = this.0.open(py)?;
        let images = quick(py, &this.0.name, || archive.keyed_images())?;
        images.into_iter().map(|images| public_images(slf, images, &this.0.name, None, 0)).collect()
    }

    /// Returns the dtype and shape of an array that is cut over the shards; `None` for others.
    fn _describe(&self, py: Python<'_>, key: &str) -> PyResult<Option<(String, Vec<usize>)>> {
        let header = self.0.open(py)?.header(key);
        Ok(header.map(|header| (header.dtype.to_string(), header.shape)))
    }

    /// Returns the text of the manifest.
    fn _manifest(&self, py: Python<'_>) -> PyResult<String> {
        Ok(self.0.open(py)?.manifest().to_json())
    }

    /// Returns the problems of each shard that has some, with its name.
    fn _verify(&self, py: Python<'_>, pixels: bool) -> PyResult<Vec<(String, Problem)>> {
        let archive = self.0.open(py)?;
        let reports = long(py, &self.0.name, || archive.verify(pixels, |_| ()))?;
        let problems = reports.into_iter().flat_map(|shard| {
            let name = shard.name;
            shard.report.problems.into_iter().map(move |problem| (name.clone(), Problem::from(problem)))
        });
        Ok(problems.collect())
    }

    fn close(&self) {
        self.0.close();
    }

    #[getter]
    fn closed(&self) -> bool {
        self.0.is_closed()
    }
}

/// Writes the manifest of these archives; replaces that of an archive, if one is given.
#[pyfunction]
#[pyo3(name = "_commit", signature = (manifest, shards, replaces, name, limits=None))]
#[expect(clippy::needless_pass_by_value, reason = "extracted arguments are values")]
pub(crate) fn commit(
    py: Python<'_>,
    manifest: PathBuf,
    shards: Vec<PathBuf>,
    replaces: Option<&Bound<'_, ShardedArchive>>,
    name: &str,
    limits: Option<&Bound<'_, PyDict>>,
) -> PyResult<()> {
    let options = OpenOptions::default().with_access(Access::Positional).with_limits(to_limits(limits)?);
    let replaced = replaces.map(|archive| archive.get().0.open(py)).transpose()?;
    long(py, name, || match replaced {
        Some(archive) => bitnpz::replace(manifest, &shards, &archive, &options),
        None => bitnpz::commit(manifest, &shards, &options),
    })
}

/// Returns the text of the manifest of these archives of a store.
#[pyfunction]
#[pyo3(name = "_describe_shards", signature = (store, shards, name, limits=None))]
#[expect(clippy::needless_pass_by_value, reason = "extracted arguments are values")]
pub(crate) fn describe_shards(
    py: Python<'_>,
    store: Py<PyAny>,
    shards: Vec<String>,
    name: &str,
    limits: Option<&Bound<'_, PyDict>>,
) -> PyResult<String> {
    let options = OpenOptions::default().with_limits(to_limits(limits)?);
    let store = PythonStore(store);
    long(py, name, || {
        let manifest = Manifest::describe(&store, shards.iter().map(String::as_str), &options)?;
        Ok(manifest.to_json())
    })
}

/// Returns the names of the shards of a manifest.
#[pyfunction]
#[pyo3(name = "_shard_names")]
pub(crate) fn shard_names(py: Python<'_>, manifest: &[u8], name: &str) -> PyResult<Vec<String>> {
    let manifest = quick(py, name, || Manifest::parse(manifest))?;
    Ok(manifest.shards().iter().map(|shard| shard.name.clone()).collect())
}

/// Cuts an archive into shards, and writes their manifest.
#[pyfunction]
#[pyo3(name = "_shard", signature = (manifest, source, shards, name, limits=None))]
pub(crate) fn shard(
    py: Python<'_>,
    manifest: PathBuf,
    source: PathBuf,
    shards: NonZero<usize>,
    name: &str,
    limits: Option<&Bound<'_, PyDict>>,
) -> PyResult<()> {
    let options = bitnpz::WriteOptions::default().with_limits(to_limits(limits)?);
    long(py, name, || bitnpz::shard(manifest, source, shards, &options))
}

/// Returns a new path for the shard with this number.
#[pyfunction]
#[pyo3(name = "_shard_path")]
pub(crate) fn shard_path(manifest: PathBuf, number: usize) -> PathBuf {
    bitnpz::shard_path(manifest, number)
}

/// Finds or removes shards that no manifest names.
#[pyfunction]
#[pyo3(name = "_remove_orphans")]
pub(crate) fn remove_orphans(
    py: Python<'_>,
    manifest: PathBuf,
    seconds: f64,
    removes: bool,
    name: &str,
) -> PyResult<Vec<PathBuf>> {
    let age = std::time::Duration::try_from_secs_f64(seconds)
        .map_err(|_| raise(py, "InputError", (format!("age: expected seconds from 0, found {seconds}"),)))?;
    quick(py, name, || bitnpz::remove_orphans(manifest, age, removes))
}
