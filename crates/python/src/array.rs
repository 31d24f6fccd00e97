//! Arrays of the facade as arrays of NumPy, and back.

use std::fs::File;
use std::io::{BufReader, Cursor};
use std::path::PathBuf;

use bitnpz::{ArrayReader, Dtype, DynArray, DynArrayView, Element, Header};
use half::f16;
use num_complex::Complex;
use numpy::{IntoPyArray, PyReadonlyArray1, PyReadwriteArray1};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use crate::archive::to_limits;
use crate::call::long;
use crate::error::{raise, to_python};

/// Arrays of more dimensions NumPy makes itself: the bindings count no further.
const DIMENSIONS: usize = 32;

/// An array as NumPy has it: a copy that it owns.
pub(crate) fn to_numpy<'py>(py: Python<'py>, array: &DynArray, name: &str) -> PyResult<Bound<'py, PyAny>> {
    macro_rules! first_of {
        ($($item:ty),*) => {$(
            if let Some(array) = typed::<$item>(py, array, name)? {
                return Ok(array);
            }
        )*};
    }
    if array.shape().len() <= DIMENSIONS {
        first_of!(bool, u8, f32, f64, i64, i32, i8, i16, u16, u32, u64, f16, Complex<f32>, Complex<f64>);
    }
    let reader = |header: &Header| {
        fill(py, header, |bytes| {
            bytes.copy_from_slice(array.data());
            Ok(())
        })
    };
    match reader(array.header())? {
        Some(array) => Ok(array),
        // Items without bytes are for NumPy to make of the file that it would have written.
        None => {
            let npy = array.to_npy().map_err(|error| raise(py, "InputError", (error.to_string(),)))?;
            py.import("bitnpz._arrays")?.call_method1("from_npy", (PyBytes::new(py, &npy),))
        }
    }
}

fn typed<'py, T: Element + numpy::Element>(
    py: Python<'py>,
    array: &DynArray,
    name: &str,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    if *array.dtype() != Dtype::of::<T>() {
        return Ok(None);
    }
    let array = array.to_ndarray::<T>().map_err(|error| to_python(py, &error.into(), name))?;
    Ok(Some(array.into_pyarray(py).into_any()))
}

/// An array that is read to where NumPy has it.
pub(crate) fn read_to_numpy<'py>(
    py: Python<'py>,
    reader: &mut ArrayReader<'_>,
    name: &str,
) -> PyResult<Bound<'py, PyAny>> {
    let header = reader.header().clone();
    let array = fill(py, &header, |bytes| long(py, name, || reader.read_into(bytes)))?;
    match array {
        Some(array) => Ok(array),
        None => to_numpy(
            py,
            &DynArray::new(header, Vec::new()).map_err(|error| to_python(py, &error.into(), name))?,
            name,
        ),
    }
}

/// A new array of NumPy's, of bytes that `with` gives; none if it has no bytes.
fn fill<'py>(
    py: Python<'py>,
    header: &Header,
    with: impl FnOnce(&mut [u8]) -> PyResult<()>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    if header.data_len() == 0 {
        return Ok(None);
    }
    let parts = (header.dtype.to_string(), header.shape.clone(), header.fortran_order);
    let made = py.import("bitnpz._arrays")?.call_method1("empty", parts)?;
    let (array, bytes): (Bound<'py, PyAny>, PyReadwriteArray1<'py, u8>) = made.extract()?;
    let mut bytes = bytes;
    with(bytes.as_slice_mut()?)?;
    Ok(Some(array))
}

/// That a `.npy` file has the array that its header says.
#[pyfunction]
#[pyo3(name = "_check_npy", signature = (source, name, limits=None))]
pub(crate) fn check_npy(
    py: Python<'_>,
    source: PathBuf,
    name: &str,
    limits: Option<&Bound<'_, PyDict>>,
) -> PyResult<()> {
    let limits = limits.map_or_else(|| Ok(bitnpz::Limits::default()), to_limits)?;
    let file = File::open(source)?;
    let len = file.metadata()?.len();
    let reader = ArrayReader::of_npy(BufReader::new(file), len, &limits);
    reader.map(drop).map_err(|error| to_python(py, &error, name))
}

/// The bytes of the array behind a header.
#[pyfunction]
#[pyo3(name = "_npy_data_len", signature = (head, name, limits=None))]
pub(crate) fn npy_data_len(
    py: Python<'_>,
    head: &[u8],
    name: &str,
    limits: Option<&Bound<'_, PyDict>>,
) -> PyResult<usize> {
    let limits = limits.map_or_else(|| Ok(bitnpz::Limits::default()), to_limits)?;
    let header = Header::read(head, &limits.npy).map_err(bitnpz::Error::from);
    Ok(header.map_err(|error| to_python(py, &error, name))?.data_len())
}

/// The array of a `.npy` file.
#[pyfunction]
#[pyo3(name = "_read_npy", signature = (source, name, limits=None))]
pub(crate) fn read_npy<'py>(
    py: Python<'py>,
    source: &Bound<'py, PyAny>,
    name: &str,
    limits: Option<&Bound<'_, PyDict>>,
) -> PyResult<Bound<'py, PyAny>> {
    let limits = limits.map_or_else(|| Ok(bitnpz::Limits::default()), to_limits)?;
    let blame = |error: bitnpz::Error| to_python(py, &error, name);
    if let Ok(bytes) = source.cast::<PyBytes>() {
        let bytes = bytes.as_bytes();
        let reader = ArrayReader::of_npy(Cursor::new(bytes), bytes.len() as u64, &limits);
        return read_to_numpy(py, &mut reader.map_err(blame)?, name);
    }
    let file = File::open(source.extract::<PathBuf>()?)?;
    let len = file.metadata()?.len();
    let reader = ArrayReader::of_npy(BufReader::new(file), len, &limits);
    read_to_numpy(py, &mut reader.map_err(blame)?, name)
}

/// Axes that would make an array much smaller than those that are inferred, and about how many times.
#[pyfunction]
#[pyo3(name = "_better_axes")]
#[expect(clippy::needless_pass_by_value, reason = "borrows of arrays are values")]
pub(crate) fn better_axes(py: Python<'_>, items: Items<'_>) -> PyResult<Option<(String, f64)>> {
    let array = items.view(py)?;
    Ok(bitnpz::better_axes(&array).map(|better| (better.axes.to_string(), better.factor)))
}

/// An array as `bitnpz._arrays.to_items` gives it: what it is, and its bytes.
#[derive(FromPyObject)]
pub(crate) enum Items<'py> {
    /// The type string of its dtype, its shape, whether it is in Fortran order, and its items.
    Scalars(String, Vec<usize>, bool, PyReadonlyArray1<'py, u8>),
    /// A `.npy` file, for dtypes with fields.
    Npy((Bound<'py, PyBytes>,)),
}

impl Items<'_> {
    /// The array, where its items lie.
    pub(crate) fn view(&self, py: Python<'_>) -> PyResult<DynArrayView<'_>> {
        let invalid = |message: String| raise(py, "InputError", (message,));
        let view = match self {
            Self::Scalars(dtype, shape, fortran_order, bytes) => {
                let dtype = Dtype::from_type_string(dtype).map_err(|error| invalid(error.to_string()))?;
                let mut header = Header::new(dtype, shape.clone());
                header.fortran_order = *fortran_order;
                let bytes = bytes.as_slice().map_err(|error| invalid(error.to_string()))?;
                DynArrayView::new(header, bytes)
            }
            Self::Npy((npy,)) => {
                // NumPy has just written it.
                let limits = bitnpz::Limits::default().npy.with_header_bytes(usize::MAX);
                DynArrayView::parse(npy.as_bytes(), &limits)
            }
        };
        view.map_err(|error| invalid(error.to_string()))
    }
}
