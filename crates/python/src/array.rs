//! Converts arrays between the facade and NumPy.

use std::fs::File;
use std::io::{BufReader, Cursor};
use std::path::PathBuf;

use bitnpz::{ArrayReader, Dtype, DynArray, DynArrayView, Element, Header};
use half::f16;
use num_complex::Complex;
use numpy::{IntoPyArray, PyReadonlyArray1, PyReadwriteArray1};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use crate::call::long;
use crate::choice::{Choice, Chosen};
use crate::error::{raise, to_python};
use crate::limits::to_limits;

/// The most dimensions that the `numpy` crate supports. NumPy has up to 64 since its version 2.
const MAX_BINDING_DIMENSIONS: usize = 32;

/// Converts an array to one of NumPy that owns a copy of the items.
pub(crate) fn to_numpy<'py>(py: Python<'py>, array: &DynArray, name: &str) -> PyResult<Bound<'py, PyAny>> {
    macro_rules! first_of {
        ($($item:ty),*) => {$(
            if let Some(array) = typed::<$item>(py, array, name)? {
                return Ok(array);
            }
        )*};
    }
    if array.shape().len() <= MAX_BINDING_DIMENSIONS {
        first_of!(bool, u8, f32, f64, i64, i32, i8, i16, u16, u32, u64, f16, Complex<f32>, Complex<f64>);
    }
    let copied = new_array(py, array.header(), |bytes| {
        bytes.copy_from_slice(array.data());
        Ok(())
    });
    match copied? {
        Some(array) => Ok(array),
        // An array without bytes has nothing to fill: NumPy reads it as a `.npy` file.
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

/// Reads an array directly into a new one of NumPy.
pub(crate) fn read_to_numpy<'py>(
    py: Python<'py>,
    reader: &mut ArrayReader<'_>,
    name: &str,
) -> PyResult<Bound<'py, PyAny>> {
    let header = reader.header().clone();
    let array = new_array(py, &header, |bytes| long(py, name, || reader.read_into(bytes)))?;
    match array {
        Some(array) => Ok(array),
        None => to_numpy(
            py,
            &DynArray::new(header, Vec::new()).map_err(|error| to_python(py, &error.into(), name))?,
            name,
        ),
    }
}

/// Creates an array of NumPy whose bytes `fill` writes. Returns `None` if the array has no bytes.
fn new_array<'py>(
    py: Python<'py>,
    header: &Header,
    fill: impl FnOnce(&mut [u8]) -> PyResult<()>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    if header.data_len() == 0 {
        return Ok(None);
    }
    let order = if header.fortran_order { "F" } else { "C" };
    let arguments = (header.dtype.to_string(), header.shape.clone(), order);
    let created = py.import("bitnpz._arrays")?.call_method1("empty", arguments)?;
    let (array, mut bytes): (Bound<'py, PyAny>, PyReadwriteArray1<'py, u8>) = created.extract()?;
    fill(bytes.as_slice_mut()?)?;
    Ok(Some(array))
}

/// Checks that a `.npy` file holds the array that its header describes.
#[pyfunction]
#[pyo3(name = "_check_npy", signature = (source, name, limits=None))]
pub(crate) fn check_npy(
    py: Python<'_>,
    source: PathBuf,
    name: &str,
    limits: Option<&Bound<'_, PyDict>>,
) -> PyResult<()> {
    let limits = to_limits(limits)?;
    let file = File::open(source)?;
    let len = file.metadata()?.len();
    let reader = ArrayReader::of_npy(BufReader::new(file), len, &limits);
    reader.map(drop).map_err(|error| to_python(py, &error, name))
}

/// Returns the length in bytes of the data that follows a `.npy` header.
#[pyfunction]
#[pyo3(name = "_npy_data_len", signature = (head, name, limits=None))]
pub(crate) fn npy_data_len(
    py: Python<'_>,
    head: &[u8],
    name: &str,
    limits: Option<&Bound<'_, PyDict>>,
) -> PyResult<usize> {
    let limits = to_limits(limits)?;
    let header = Header::read(head, &limits.npy).map_err(bitnpz::Error::from);
    Ok(header.map_err(|error| to_python(py, &error, name))?.data_len())
}

/// Reads the array of a `.npy` file.
#[pyfunction]
#[pyo3(name = "_read_npy", signature = (source, name, limits=None))]
pub(crate) fn read_npy<'py>(
    py: Python<'py>,
    source: &Bound<'py, PyAny>,
    name: &str,
    limits: Option<&Bound<'_, PyDict>>,
) -> PyResult<Bound<'py, PyAny>> {
    let limits = to_limits(limits)?;
    let raise_error = |error: bitnpz::Error| to_python(py, &error, name);
    if let Ok(bytes) = source.cast::<PyBytes>() {
        let bytes = bytes.as_bytes();
        let reader = ArrayReader::of_npy(Cursor::new(bytes), bytes.len() as u64, &limits);
        return read_to_numpy(py, &mut reader.map_err(raise_error)?, name);
    }
    let file = File::open(source.extract::<PathBuf>()?)?;
    let len = file.metadata()?.len();
    let reader = ArrayReader::of_npy(BufReader::new(file), len, &limits);
    read_to_numpy(py, &mut reader.map_err(raise_error)?, name)
}

/// Returns axes with which an array would be stored much smaller than with the inferred ones, and about how many times smaller.
#[pyfunction]
#[pyo3(name = "_better_axes")]
#[expect(clippy::needless_pass_by_value, reason = "borrows of arrays are values")]
pub(crate) fn better_axes(py: Python<'_>, items: Items<'_>) -> PyResult<Option<(String, f64)>> {
    let array = items.view(py)?;
    Ok(bitnpz::better_axes(&array).map(|better| (better.axes.to_string(), better.factor)))
}

/// An array as `bitnpz._arrays.to_items` returns it.
#[derive(FromPyObject)]
pub(crate) enum Items<'py> {
    /// The dtype's type string, the shape, the memory order and the bytes.
    Scalars(String, Vec<usize>, Chosen<MemoryOrder>, PyReadonlyArray1<'py, u8>),
    /// A `.npy` file, for dtypes with fields.
    Npy((Bound<'py, PyBytes>,)),
}

/// The order in which an array's items are stored, by NumPy's letters.
#[derive(Clone, Copy)]
pub(crate) enum MemoryOrder {
    C,
    Fortran,
}

impl Choice for MemoryOrder {
    const OPTION: &'static str = "order";
    const VALUES: &'static [(&'static str, Self)] = &[("C", Self::C), ("F", Self::Fortran)];
}

impl Items<'_> {
    /// Returns a view of the array, without a copy.
    pub(crate) fn view(&self, py: Python<'_>) -> PyResult<DynArrayView<'_>> {
        let invalid = |message: String| raise(py, "InputError", (message,));
        let view = match self {
            Self::Scalars(dtype, shape, order, bytes) => {
                let dtype = Dtype::from_type_string(dtype).map_err(|error| invalid(error.to_string()))?;
                let mut header = Header::new(dtype, shape.clone());
                header.fortran_order = matches!(order.0, MemoryOrder::Fortran);
                let bytes = bytes.as_slice().map_err(|error| invalid(error.to_string()))?;
                DynArrayView::new(header, bytes)
            }
            Self::Npy((npy,)) => {
                // NumPy has just written the header, so its length needs no limit.
                let limits = bitnpz::Limits::default().npy.with_header_bytes(usize::MAX);
                DynArrayView::parse(npy.as_bytes(), &limits)
            }
        };
        view.map_err(|error| invalid(error.to_string()))
    }
}
