//! `Images`: the images under one key, or of one image set whose images have keys of their own.

use std::sync::Arc;

use bitnpz::{Dtype, Element, Pixel};
use half::f16;
use numpy::ndarray::Array3;
use numpy::{IntoPyArray, PyArray1, PyArrayMethods, PyReadonlyArray1, PyReadwriteArray1};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyInt, PyList, PyString, PyTuple, PyType};

use crate::array::to_numpy;
use crate::call::{long, quick};
use crate::error::raise;
use crate::index::from_start;
use crate::subset::Subset;

/// A batch of more bytes is read into an array that NumPy allocates.
const MOST_BYTES: usize = 1 << 18;

/// Reads images of one size into a new array of this shape.
type ReadBatch =
    for<'py> fn(&bitnpz::Images, Python<'py>, &[usize], [usize; 3], &str) -> PyResult<Bound<'py, PyAny>>;

/// Reads one image into a new array.
type ReadImage = for<'py> fn(&bitnpz::Images, Python<'py>, usize, &str) -> PyResult<Bound<'py, PyAny>>;

/// The functions that read images as one dtype.
struct Readers {
    image: ReadImage,
    batch: ReadBatch,
}

#[pyclass(subclass, frozen, module = "bitnpz._bitnpz")]
#[derive(Clone)]
pub(crate) struct Images {
    images: bitnpz::Images,
    /// The archive's name in messages.
    name: Arc<str>,
    /// The shape as a stack: a single image is a stack of one.
    shape: Vec<usize>,
    /// The number of axes of length 1 that follow height and width in `shape`.
    trailing_axes: usize,
    /// `None` if it is no subset.
    subset: Option<Arc<Subset>>,
    read: ReadImage,
    /// `None` if the dtype has the other byte order.
    read_batch: Option<ReadBatch>,
}

impl Images {
    pub(crate) fn new_from(images: bitnpz::Images, name: Arc<str>) -> Self {
        let mut shape = match images.shape() {
            &[height, width] => vec![1, height, width],
            shape => shape.to_vec(),
        };
        let trailing_axes = images.trailing();
        shape.resize(shape.len() + trailing_axes, 1);
        let read = image_reader(images.dtype());
        let read_batch = readers(images.dtype()).map(|readers| readers.batch);
        Self { images, name, shape, trailing_axes, subset: None, read, read_batch }
    }

    fn len(&self) -> usize {
        self.shape[0]
    }

    /// Converts an index along the first axis to a stored one, or returns `None` if it is out of bounds. Negative indices count
    /// from the end.
    fn resolve(&self, index: i64) -> Option<usize> {
        from_start(index, self.len()).map(|index| self.to_stored(index))
    }

    /// Converts an index within bounds to the one that it has in the archive, of which a subset is a part.
    fn to_stored(&self, index: usize) -> usize {
        match &self.subset {
            Some(subset) => usize::try_from(subset.stored()[index]).unwrap_or(usize::MAX),
            None => index,
        }
    }

    /// Returns the numbers of all images of the items at these indices along the first axis.
    fn image_numbers(&self, py: Python<'_>, indices: &Indices<'_>) -> PyResult<Vec<usize>> {
        let each: usize = self.shape.iter().skip(1).rev().skip(2 + self.trailing_axes).product();
        let mut images = Vec::new();
        let mut add = |index: i64| {
            let item = self.resolve(index).ok_or_else(|| self.out_of_bounds(py, &index))?;
            images.extend(item * each..(item + 1) * each);
            PyResult::Ok(())
        };
        match indices {
            // Items without images cost no bytes, so a file may claim any number of them: do not loop over them.
            Indices::Range(..) if each == 0 => {}
            Indices::Range(start, step, count) => {
                (0..*count).try_for_each(|number| add(start + step * number))?;
            }
            Indices::List(indices) => indices.as_slice()?.iter().try_for_each(|&index| add(index))?,
        }
        Ok(images)
    }

    /// Returns the stored indices of a list of numbers, or of a one-dimensional array of them, that are within bounds and at most so
    /// many.
    fn few(&self, indices: &Bound<'_, PyAny>, most: usize) -> Option<Vec<usize>> {
        if let Ok(list) = indices.cast_exact::<PyList>() {
            let number =
                |item: Bound<'_, PyAny>| self.resolve(item.cast_exact::<PyInt>().ok()?.extract().ok()?);
            return if list.len() <= most { list.iter().map(number).collect() } else { None };
        }
        let array = indices.cast::<PyArray1<i64>>().ok()?.try_readonly().ok()?;
        let array = array.as_slice().ok().filter(|array| array.len() <= most)?;
        array.iter().map(|&index| self.resolve(index)).collect()
    }

    fn out_of_bounds(&self, py: Python<'_>, index: &dyn std::fmt::Display) -> PyErr {
        let message = format!("{}: index {index} is out of bounds for {} images", self.name, self.len());
        raise(py, "NoSuchImageError", (message,))
    }
}

/// Indices along the first axis.
#[derive(FromPyObject)]
enum Indices<'py> {
    /// The first index, the step, and the number of indices.
    Range(i64, i64, i64),
    List(PyReadonlyArray1<'py, i64>),
}

/// Returns the functions that read images as this dtype; `None` if it has the other byte order, or pixels cannot have it.
fn readers(dtype: &Dtype) -> Option<Readers> {
    fn image<'py, T: Pixel + Element + numpy::Element>(
        images: &bitnpz::Images,
        py: Python<'py>,
        index: usize,
        name: &str,
    ) -> PyResult<Bound<'py, PyAny>> {
        Ok(quick(py, name, || images.read::<T>(index))?.into_pyarray(py).into_any())
    }
    fn batch<'py, T: Pixel + Element + numpy::Element + Default>(
        images: &bitnpz::Images,
        py: Python<'py>,
        indices: &[usize],
        shape: [usize; 3],
        name: &str,
    ) -> PyResult<Bound<'py, PyAny>> {
        let mut batch = Array3::from_elem(shape, T::default());
        quick(py, name, || images.read_batch_into(indices, &mut batch))?;
        Ok(batch.into_pyarray(py).into_any())
    }
    macro_rules! first_of {
        ($($item:ty),*) => {$(
            if *dtype == Dtype::of::<$item>() {
                return Some(Readers { image: image::<$item>, batch: batch::<$item> });
            }
        )*};
    }
    first_of!(bool, u8, f32, f64, i64, i32, i8, i16, u16, u32, u64, f16);
    None
}

/// Returns the function that reads one image of this dtype as it is.
pub(crate) fn image_reader(dtype: &Dtype) -> ReadImage {
    /// Reads an image whose dtype has the other byte order.
    fn read_swapped<'py>(
        images: &bitnpz::Images,
        py: Python<'py>,
        index: usize,
        name: &str,
    ) -> PyResult<Bound<'py, PyAny>> {
        to_numpy(py, &quick(py, name, || images.read_dyn(index))?, name)
    }
    match readers(dtype) {
        Some(readers) => readers.image,
        None => read_swapped,
    }
}

/// Converts a type string of NumPy.
fn to_dtype(py: Python<'_>, dtype: &str) -> PyResult<Dtype> {
    Dtype::from_type_string(dtype).map_err(|error| raise(py, "InputError", (error.to_string(),)))
}

#[pymethods]
impl Images {
    #[new]
    #[classmethod]
    #[pyo3(signature = (base, *_args))]
    fn new(_class: &Bound<'_, PyType>, base: &Bound<'_, Self>, _args: &Bound<'_, PyTuple>) -> Self {
        base.get().clone()
    }

    /// Returns a subset, of which nothing is read yet.
    #[expect(clippy::needless_pass_by_value, reason = "borrows of arrays are values")]
    fn _subset(&self, py: Python<'_>, indices: PyReadonlyArray1<'_, i64>) -> PyResult<Self> {
        let stored = indices.as_slice()?.iter().map(|&index| {
            let stored = self.resolve(index).ok_or_else(|| self.out_of_bounds(py, &index))?;
            Ok(stored.cast_signed() as i64)
        });
        let stored = stored.collect::<PyResult<Vec<i64>>>()?;
        let mut subset = self.clone();
        subset.shape[0] = stored.len();
        subset.subset = Some(Arc::new(Subset::new(stored)));
        Ok(subset)
    }

    /// Returns the stored indices of a subset's items, or `None` if it is no subset.
    #[getter]
    fn _selected<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyArray1<i64>>> {
        self.subset.as_ref().map(|subset| PyArray1::from_slice(py, subset.stored()))
    }

    /// Returns a small batch of images of a stack of three dimensions as a new array; `None` if it takes a longer way, on which
    /// indices are converted, or refused.
    #[pyo3(signature = (indices, packed=false))]
    fn _take<'py>(
        &self,
        py: Python<'py>,
        indices: &Bound<'py, PyAny>,
        packed: bool,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let (Some(read), Some([height, width])) = (self.read_batch, self.images.image_size()) else {
            return Ok(None);
        };
        if self.shape.len() != 3 || self._is_single() {
            return Ok(None);
        }
        let image_bytes = height.saturating_mul(width).saturating_mul(self.images.dtype().item_size());
        // Of images without pixels, sides can be so long that no array has them.
        let most = MOST_BYTES.checked_div(image_bytes).unwrap_or(0);
        let Some(images) = self.few(indices, most) else { return Ok(None) };
        if !packed {
            return read(&self.images, py, &images, [images.len(), height, width], &self.name).map(Some);
        }
        let mut rows = Array3::zeros([images.len(), height, width.div_ceil(8)]);
        let bytes = rows.as_slice_mut().expect("a new array is contiguous");
        quick(py, &self.name, || self.images.read_packed_batch_into(&images, bytes))?;
        Ok(Some(rows.into_pyarray(py).into_any()))
    }

    /// Returns whether this is a single image and not a stack.
    #[getter]
    fn _is_single(&self) -> bool {
        self.images.shape().len() == 2
    }

    #[getter]
    fn _trailing_axes(&self) -> usize {
        self.trailing_axes
    }

    fn __len__(&self) -> usize {
        if self._is_single() { self.shape[1] } else { self.len() }
    }

    fn __getitem__<'py>(slf: &Bound<'py, Self>, key: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let (py, this) = (slf.py(), slf.get());
        // One image by its number is by far the most frequent index: it does not go through Python, and few images do not either.
        if this.shape.len() <= 3
            && !this._is_single()
            && let Ok(index) = key.cast_exact::<PyInt>()
        {
            return match index.extract().ok().and_then(|index| this.resolve(index)) {
                Some(image) => (this.read)(&this.images, py, image, &this.name),
                None => Err(this.out_of_bounds(py, key)),
            };
        }
        match this._take(py, key, false)? {
            Some(batch) => Ok(batch),
            None => slf.call_method1("_select", (key,)),
        }
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
    fn codec(&self, py: Python<'_>) -> Option<String> {
        // That of a sharded archive opens a shard.
        py.detach(|| self.images.codec()).map(|codec| codec.to_string())
    }

    #[getter]
    fn stored_bytes(&self) -> u64 {
        self.images.stored_bytes()
    }

    fn _key(&self, py: Python<'_>, index: usize) -> PyResult<Option<String>> {
        if index >= self.len() {
            return Ok(None);
        }
        quick(py, &self.name, || self.images.try_key(self.to_stored(index)))
    }

    fn _find(&self, py: Python<'_>, key: &Bound<'_, PyString>) -> PyResult<Option<usize>> {
        let Ok(key) = key.to_cow() else { return Ok(None) };
        // The first look-up in a large key table or subset takes long.
        long(py, &self.name, || {
            let stored = self.images.try_find(&key)?;
            Ok(match &self.subset {
                Some(subset) => stored.and_then(|stored| subset.place_of(stored)),
                None => stored,
            })
        })
    }

    /// Checks that the limits allow a batch of images with this many bytes each.
    #[expect(clippy::needless_pass_by_value, reason = "borrows of arrays are values")]
    fn _check_batch(&self, py: Python<'_>, indices: Indices<'_>, image_bytes: usize) -> PyResult<()> {
        let images = self.image_numbers(py, &indices)?;
        quick(py, &self.name, || self.images.check_batch(&images, image_bytes))
    }

    /// Reads images into the bytes of an array with this dtype.
    #[expect(clippy::needless_pass_by_value, reason = "borrows of arrays are values")]
    fn _read_into(
        &self,
        py: Python<'_>,
        indices: Indices<'_>,
        mut out: PyReadwriteArray1<'_, u8>,
        dtype: &str,
    ) -> PyResult<()> {
        let images = self.image_numbers(py, &indices)?;
        let dtype = to_dtype(py, dtype)?;
        let out = out.as_slice_mut()?;
        long(py, &self.name, || self.images.read_dyn_batch_into(&images, &dtype, out))
    }

    /// Reads one of images that differ in size into a new array of this dtype, but in the machine's byte order.
    fn _read_as<'py>(&self, py: Python<'py>, index: i64, dtype: &str) -> PyResult<Bound<'py, PyAny>> {
        let image = self.resolve(index).ok_or_else(|| self.out_of_bounds(py, &index))?;
        let Some(readers) = readers(&to_dtype(py, dtype)?.to_native()) else {
            let name = &self.name;
            let message =
                format!("{name}: expected a dtype of bool, or numbers of up to 8 bytes, found {dtype}");
            return Err(raise(py, "InputError", (message,)));
        };
        (readers.image)(&self.images, py, image, &self.name)
    }

    /// Reads images as packed rows.
    #[expect(clippy::needless_pass_by_value, reason = "borrows of arrays are values")]
    fn _read_packed_into(
        &self,
        py: Python<'_>,
        indices: Indices<'_>,
        mut out: PyReadwriteArray1<'_, u8>,
    ) -> PyResult<()> {
        let images = self.image_numbers(py, &indices)?;
        let out = out.as_slice_mut()?;
        long(py, &self.name, || self.images.read_packed_batch_into(&images, out))
    }

    #[expect(clippy::needless_pass_by_value, reason = "borrows of arrays are values")]
    fn _count_ones<'py>(&self, py: Python<'py>, indices: Indices<'_>) -> PyResult<Bound<'py, PyArray1<i64>>> {
        let images = self.image_numbers(py, &indices)?;
        let counts = long(py, &self.name, || self.images.count_ones(&images))?;
        let counts: Vec<i64> = counts.into_iter().map(u64::cast_signed).collect();
        Ok(counts.into_pyarray(py))
    }

    /// Returns whether reading is requesting, as from a store.
    #[getter]
    fn _is_read_by_range(&self) -> bool {
        self.images.is_read_by_range()
    }

    /// Requests images of a stack of three dimensions ahead, if the archive is read by range: those from each start to its end.
    fn _prefetch(&self, py: Python<'_>, ranges: Vec<(usize, usize)>) -> PyResult<()> {
        if self.shape.len() != 3 || self.subset.is_some() || self._is_single() {
            return Ok(());
        }
        let ranges: Vec<_> = ranges.into_iter().map(|(start, end)| start..end).collect();
        long(py, &self.name, || self.images.prefetch(&ranges))
    }

    /// Draws a contact sheet of images, and returns it as a PNG file.
    #[expect(clippy::needless_pass_by_value, reason = "borrows of arrays are values")]
    fn _sheet<'py>(&self, py: Python<'py>, indices: Indices<'_>) -> PyResult<Bound<'py, PyBytes>> {
        let images = self.image_numbers(py, &indices)?;
        let png = long(py, &self.name, || self.images.sheet(&images))?;
        Ok(PyBytes::new(py, &png))
    }
}
