//! `Images`: images that lie in an archive.

use std::sync::Arc;

use bitnpz::{Dtype, Element, Pixel};
use half::f16;
use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1, PyReadwriteArray1};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyInt, PyString, PyTuple, PyType};

use crate::archive::Archive;
use crate::array::to_numpy;
use crate::call::{long, quick};
use crate::error::raise;

/// Reads one image into a new array.
type Read = for<'py> fn(&bitnpz::Images, Python<'py>, usize, &str) -> PyResult<Bound<'py, PyAny>>;

#[pyclass(subclass, frozen, module = "bitnpz._bitnpz")]
pub(crate) struct Images {
    images: bitnpz::Images,
    name: Arc<str>,
    /// As a stack: one image alone is a stack of one.
    shape: Vec<usize>,
    /// How many axes of length 1 `shape` has behind height and width.
    trailing: usize,
    /// Those along the first dimension that a subset has, in its order.
    selected: Option<Arc<[i64]>>,
    read: Read,
}

impl Images {
    pub(crate) fn new_from(images: bitnpz::Images, name: Arc<str>) -> Self {
        let mut shape = match images.shape() {
            &[height, width] => vec![1, height, width],
            shape => shape.to_vec(),
        };
        let trailing = images.trailing();
        shape.resize(shape.len() + trailing, 1);
        let read = reader(images.dtype());
        Self { images, name, shape, trailing, selected: None, read }
    }

    fn len(&self) -> usize {
        self.shape[0]
    }

    /// The place along the first dimension that an index means: one below zero counts from its end.
    fn place(&self, number: i64) -> Option<usize> {
        let from_start = if number < 0 { number.checked_add_unsigned(self.len() as u64)? } else { number };
        let place = usize::try_from(from_start).ok().filter(|&place| place < self.len())?;
        Some(self.in_set(place))
    }

    /// The place in the whole set of one within its bounds.
    fn in_set(&self, place: usize) -> usize {
        match &self.selected {
            Some(selected) => usize::try_from(selected[place]).unwrap_or(usize::MAX),
            None => place,
        }
    }

    /// The images of items along the first dimension.
    fn images_at(&self, py: Python<'_>, places: &Places<'_>) -> PyResult<Vec<usize>> {
        let each: usize = self.shape.iter().skip(1).rev().skip(2 + self.trailing).product();
        let mut images = Vec::new();
        let mut add = |number: i64| {
            let place = self.place(number).ok_or_else(|| self.out_of_bounds(py, &number))?;
            images.extend(place * each..(place + 1) * each);
            PyResult::Ok(())
        };
        match places {
            // Items without images can be any number.
            Places::Range(..) if each == 0 => {}
            Places::Range(start, step, count) => {
                (0..*count).try_for_each(|number| add(start + step * number))?;
            }
            Places::Numbers(numbers) => numbers.as_slice()?.iter().try_for_each(|&number| add(number))?,
        }
        Ok(images)
    }

    fn out_of_bounds(&self, py: Python<'_>, place: &dyn std::fmt::Display) -> PyErr {
        let message = format!("{}: index {place} is out of bounds for {} images", self.name, self.len());
        raise(py, "NoSuchImageError", (message,))
    }
}

/// Items along the first dimension.
#[derive(FromPyObject)]
enum Places<'py> {
    /// The first, the step from one to the next, and how many.
    Range(i64, i64, i64),
    Numbers(PyReadonlyArray1<'py, i64>),
}

/// What reads images of a dtype.
pub(crate) fn reader(dtype: &Dtype) -> Read {
    fn read<'py, T: Pixel + Element + numpy::Element>(
        images: &bitnpz::Images,
        py: Python<'py>,
        index: usize,
        name: &str,
    ) -> PyResult<Bound<'py, PyAny>> {
        Ok(quick(py, name, || images.read::<T>(index))?.into_pyarray(py).into_any())
    }
    /// Those in another byte order.
    fn read_swapped<'py>(
        images: &bitnpz::Images,
        py: Python<'py>,
        index: usize,
        name: &str,
    ) -> PyResult<Bound<'py, PyAny>> {
        to_numpy(py, &quick(py, name, || images.read_dyn(index))?, name)
    }
    macro_rules! first_of {
        ($($item:ty),*) => {$(
            if *dtype == Dtype::of::<$item>() {
                return read::<$item>;
            }
        )*};
    }
    first_of!(bool, u8, f32, f64, i64, i32, i8, i16, u16, u32, u64, f16);
    read_swapped
}

#[pymethods]
impl Images {
    #[new]
    #[classmethod]
    #[pyo3(signature = (base, *_args))]
    fn new(_class: &Bound<'_, PyType>, base: &Bound<'_, Self>, _args: &Bound<'_, PyTuple>) -> Self {
        let base = base.get();
        Self {
            images: base.images.clone(),
            name: base.name.clone(),
            shape: base.shape.clone(),
            trailing: base.trailing,
            selected: base.selected.clone(),
            read: base.read,
        }
    }

    /// A set of those at these places, which are looked up when they are read.
    #[expect(clippy::needless_pass_by_value, reason = "borrows of arrays are values")]
    fn _subset(&self, py: Python<'_>, places: PyReadonlyArray1<'_, i64>) -> PyResult<Self> {
        let places = places.as_slice()?.iter().map(|&number| {
            let place = self.place(number).ok_or_else(|| self.out_of_bounds(py, &number))?;
            Ok(place.cast_signed() as i64)
        });
        let selected: Arc<[i64]> = places.collect::<PyResult<Vec<i64>>>()?.into();
        let mut shape = self.shape.clone();
        shape[0] = selected.len();
        let (images, name) = (self.images.clone(), self.name.clone());
        let (trailing, read) = (self.trailing, self.read);
        Ok(Self { images, name, shape, trailing, selected: Some(selected), read })
    }

    /// The places in the whole set of what a subset has.
    #[getter]
    fn _selected<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyArray1<i64>>> {
        self.selected.as_ref().map(|selected| PyArray1::from_slice(py, selected))
    }

    /// Whether this is one image, and no stack.
    #[getter]
    fn _is_one(&self) -> bool {
        self.images.shape().len() == 2
    }

    #[getter]
    fn _trailing(&self) -> usize {
        self.trailing
    }

    fn __len__(&self) -> usize {
        if self._is_one() { self.shape[1] } else { self.len() }
    }

    fn __getitem__<'py>(slf: &Bound<'py, Self>, key: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let (py, set) = (slf.py(), slf.get());
        if set.shape.len() <= 3
            && !set._is_one()
            && let Ok(number) = key.cast_exact::<PyInt>()
        {
            return match number.extract().ok().and_then(|number| set.place(number)) {
                Some(place) => (set.read)(&set.images, py, place, &set.name),
                None => Err(set.out_of_bounds(py, key)),
            };
        }
        slf.call_method1("_select", (key,))
    }

    #[getter]
    fn _name(&self) -> &str {
        &self.name
    }

    #[getter]
    fn _shape(&self) -> Vec<usize> {
        self.shape.clone()
    }

    #[getter]
    fn _dtype(&self) -> String {
        self.images.dtype().type_string()
    }

    #[getter]
    fn _image_size(&self) -> Option<[usize; 2]> {
        self.images.image_size()
    }

    #[getter]
    fn codec(&self) -> Option<String> {
        self.images.codec().map(|codec| codec.to_string())
    }

    #[getter]
    fn stored_bytes(&self) -> u64 {
        self.images.stored_bytes()
    }

    fn _key(&self, image: usize) -> Option<String> {
        (image < self.len()).then(|| self.images.key(self.in_set(image))).flatten()
    }

    fn _find(&self, key: &Bound<'_, PyString>) -> Option<usize> {
        let image = self.images.find(&key.to_cow().ok()?)?;
        match &self.selected {
            Some(selected) => selected.iter().position(|&place| usize::try_from(place) == Ok(image)),
            None => Some(image),
        }
    }

    /// That images of so many bytes each are not too much.
    #[expect(clippy::needless_pass_by_value, reason = "borrows of arrays are values")]
    fn _check(&self, py: Python<'_>, places: Places<'_>, item_bytes: usize) -> PyResult<()> {
        let images = self.images_at(py, &places)?;
        quick(py, &self.name, || self.images.check_batch(&images, item_bytes))
    }

    /// Fills the bytes of an array with images.
    #[expect(clippy::needless_pass_by_value, reason = "borrows of arrays are values")]
    fn _read_into(
        &self,
        py: Python<'_>,
        places: Places<'_>,
        mut out: PyReadwriteArray1<'_, u8>,
        dtype: Option<&str>,
    ) -> PyResult<()> {
        let images = self.images_at(py, &places)?;
        let out = out.as_slice_mut()?;
        let dtype = dtype.map(Dtype::from_type_string).transpose();
        let dtype = dtype.map_err(|error| raise(py, "InputError", (error.to_string(),)))?;
        long(py, &self.name, || match dtype {
            Some(dtype) => self.images.read_dyn_batch_into(&images, &dtype, out),
            None => self.images.read_packed_batch_into(&images, out),
        })
    }

    #[expect(clippy::needless_pass_by_value, reason = "borrows of arrays are values")]
    fn _count_ones<'py>(&self, py: Python<'py>, places: Places<'_>) -> PyResult<Bound<'py, PyArray1<i64>>> {
        let images = self.images_at(py, &places)?;
        let counts = long(py, &self.name, || self.images.count_ones(&images))?;
        let counts: Vec<i64> = counts.into_iter().map(u64::cast_signed).collect();
        Ok(counts.into_pyarray(py))
    }

    /// A PNG file that shows images side by side.
    #[expect(clippy::needless_pass_by_value, reason = "borrows of arrays are values")]
    fn _sheet<'py>(&self, py: Python<'py>, places: Places<'_>) -> PyResult<Bound<'py, PyBytes>> {
        let images = self.images_at(py, &places)?;
        let png = long(py, &self.name, || self.images.sheet(&images))?;
        Ok(PyBytes::new(py, &png))
    }
}

/// Images of an archive, as an instance of the class that users see: those under a key, or the set of this number among
/// those whose images have keys of their own.
pub(crate) fn of_archive<'py>(
    archive: &Bound<'py, Archive>,
    images: bitnpz::Images,
    key: Option<&str>,
    number: usize,
) -> PyResult<Bound<'py, PyAny>> {
    let py = archive.py();
    let base = Bound::new(py, Images::new_from(images, archive.get().name()))?;
    py.import("bitnpz._images")?.getattr("Images")?.call1((base, archive, key, number))
}
