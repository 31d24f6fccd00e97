//! Arrays of the facade as arrays of NumPy, and back.

use bitnpz::{Dtype, DynArray, DynArrayView, Element, Header};
use half::f16;
use num_complex::Complex;
use numpy::{PyReadonlyArray1, ToPyArray};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// An array as NumPy has it: a copy that it owns.
pub(crate) fn to_numpy<'py>(py: Python<'py>, array: &DynArray) -> PyResult<Bound<'py, PyAny>> {
    macro_rules! first_of {
        ($($item:ty),*) => {$(
            if let Some(array) = typed::<$item>(py, array) {
                return Ok(array);
            }
        )*};
    }
    first_of!(bool, u8, f32, f64, i64, i32, i8, i16, u16, u32, u64, f16, Complex<f32>, Complex<f64>);
    // Everything else NumPy makes of the file that it would have written.
    let npy = array.to_npy().map_err(|error| pyo3::exceptions::PyValueError::new_err(error.to_string()))?;
    py.import("bitnpz._arrays")?.call_method1("from_npy", (PyBytes::new(py, &npy),))
}

fn typed<'py, T: Element + numpy::Element>(py: Python<'py>, array: &DynArray) -> Option<Bound<'py, PyAny>> {
    if *array.dtype() != Dtype::of::<T>() {
        return None;
    }
    let view = array.view();
    Some(view.as_ndarray::<T>().ok()?.to_pyarray(py).into_any())
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
    pub(crate) fn view(&self) -> PyResult<DynArrayView<'_>> {
        let invalid = |message: String| pyo3::exceptions::PyValueError::new_err(message);
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
