//! An array in borrowed bytes.

use std::fmt;

use bytemuck::checked::try_cast_slice;
use ndarray::{ArrayD, ArrayViewD, IxDyn, ShapeBuilder};

use crate::dtype::Dtype;
use crate::element::Element;
use crate::error::{Error, ErrorKind, Result};
use crate::header::Header;
use crate::kind::Kind;
use crate::limits::Limits;
use crate::memory::{copy, with_room};
use crate::swap::swap_bytes;

/// An array whose dtype is known at run time, in borrowed bytes such as a memory map.
///
/// ```
/// use bitnpz_npy::{DynArray, DynArrayView, Limits};
///
/// let npy = DynArray::from_ndarray(&ndarray::array![[7_u8, 8], [9, 10]]).to_npy()?;
/// let view = DynArrayView::parse(&npy, &Limits::default())?;
/// assert_eq!(view.as_ndarray::<u8>()?[[1, 0]], 9);
/// assert!(view.as_ndarray::<i8>().is_err());
/// # Ok::<(), bitnpz_npy::Error>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct DynArrayView<'a> {
    header: Header,
    data: &'a [u8],
}

impl fmt::Debug for DynArrayView<'_> {
    /// Formats the dtype and the shape, but no items: there may be very many.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dtype = self.dtype().to_string();
        f.debug_struct("DynArray")
            .field("dtype", &dtype)
            .field("shape", &self.shape())
            .finish_non_exhaustive()
    }
}

impl<'a> DynArrayView<'a> {
    /// Makes a view of a header and the items' bytes, which must be in the header's byte order and memory order.
    ///
    /// # Errors
    ///
    /// If the number of bytes is not the header's, or [`Header::check`] fails.
    pub fn new(header: Header, data: &'a [u8]) -> Result<Self> {
        header.check()?;
        if data.len() != header.data_len() {
            let (expected, found) = (header.data_len() as u64, data.len() as u64);
            return Err(ErrorKind::Length { expected, found }.into());
        }
        Ok(Self { header, data })
    }

    /// Parses the bytes of a `.npy` file, without copying the array.
    ///
    /// # Errors
    ///
    /// If it is not a `.npy` file, is cut short, or something follows the array.
    pub fn parse(npy: &'a [u8], limits: &Limits) -> Result<Self> {
        let (header, start) = Header::parse(npy, limits)?;
        Self::new(header, &npy[start..]).map_err(|error| Error::at(start, error.into_kind()))
    }

    /// Returns the dtype, memory order and shape.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Returns the type of one item.
    #[must_use]
    pub fn dtype(&self) -> &Dtype {
        &self.header.dtype
    }

    /// Returns the length of each dimension.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.header.shape
    }

    /// Returns the items' bytes, in the byte order and memory order of the header.
    #[must_use]
    pub fn data(&self) -> &'a [u8] {
        self.data
    }

    /// Returns a typed view of the array, without copying it.
    ///
    /// # Errors
    ///
    /// If it has another dtype or byte order, if its bytes are not aligned for `T`, or if `T` is `bool`: the bytes of a file
    /// may be other than 0 and 1, and those of a memory map can change later. [`to_ndarray`](Self::to_ndarray) copies, and
    /// only needs the right dtype.
    pub fn as_ndarray<T: Element>(&self) -> Result<ArrayViewD<'a, T>> {
        self.expect::<T>()?;
        let no_view = |message| ErrorKind::NoView { message };
        if T::KIND == Kind::Bool {
            return Err(no_view("its bytes may be other than 0 and 1").into());
        }
        if !self.dtype().is_native() {
            return Err(no_view("its bytes are in the other order").into());
        }
        let items = try_cast_slice(self.data).map_err(|_| no_view("its bytes are not aligned"))?;
        Ok(ArrayViewD::from_shape(self.ndarray_shape(), items).expect("the length was checked"))
    }

    /// Copies the array into a typed one with the same memory order. For `bool`, every byte except zero is true, like in NumPy.
    ///
    /// # Errors
    ///
    /// If it has another dtype, or the memory cannot be allocated.
    pub fn to_ndarray<T: Element>(&self) -> Result<ArrayD<T>> {
        self.expect::<T>()?;
        let mut items = with_room(self.header.len())?;
        if !T::extend_from_bytes(self.data, &mut items) {
            match try_cast_slice::<u8, T>(self.data) {
                Ok(native) if self.dtype().is_native() => items.extend_from_slice(native),
                _ => items.extend(collect::<T>(self.data, self.dtype())),
            }
        }
        Ok(ArrayD::from_shape_vec(self.ndarray_shape(), items).expect("the length was checked"))
    }

    /// Copies the items' bytes in C order, whatever the memory order of the array.
    ///
    /// # Errors
    ///
    /// If the memory cannot be allocated.
    pub fn to_c_order(&self) -> Result<Vec<u8>> {
        let size = self.dtype().item_size();
        if !self.header.fortran_order || self.data.is_empty() {
            return Ok(copy(self.data)?);
        }
        let mut data = with_room(self.data.len())?;
        let mut strides = vec![size; self.shape().len()];
        for dimension in 1..strides.len() {
            strides[dimension] = strides[dimension - 1] * self.shape()[dimension - 1];
        }
        let (Some((&length, lengths)), Some((&stride, strides))) =
            (self.shape().split_last(), strides.split_last())
        else {
            return Ok(copy(self.data)?);
        };
        let (mut index, mut start) = (vec![0; lengths.len()], 0);
        loop {
            (0..length).for_each(|item| data.extend_from_slice(&self.data[start + item * stride..][..size]));
            // Increment the index of all dimensions except the last, with carry.
            let Some(dimension) = (0..lengths.len()).rev().find(|&at| index[at] + 1 < lengths[at]) else {
                return Ok(data);
            };
            index[dimension] += 1;
            start += strides[dimension];
            for at in dimension + 1..lengths.len() {
                start -= std::mem::take(&mut index[at]) * strides[at];
            }
        }
    }

    /// Returns the bytes of the `.npy` file that `np.save` would write.
    ///
    /// # Errors
    ///
    /// If the memory cannot be allocated.
    pub fn to_npy(&self) -> Result<Vec<u8>> {
        let header = self.header.to_bytes()?;
        let mut npy = with_room(header.len() + self.data.len())?;
        npy.extend_from_slice(&header);
        npy.extend_from_slice(self.data);
        Ok(npy)
    }

    fn ndarray_shape(&self) -> ndarray::Shape<IxDyn> {
        IxDyn(self.shape()).set_f(self.header.fortran_order)
    }

    fn expect<T: Element>(&self) -> Result<()> {
        let (expected, found) = (Dtype::of::<T>(), self.dtype());
        if found.kind() == expected.kind() && found.item_size() == expected.item_size() {
            return Ok(());
        }
        Err(ErrorKind::WrongDtype { expected, found: found.clone() }.into())
    }
}

/// Converts bytes of any alignment and byte order to items. `T` is never `bool`, which
/// [`Element::extend_from_bytes`] converts.
fn collect<T: Element>(bytes: &[u8], dtype: &Dtype) -> impl Iterator<Item = T> {
    let read = |item: &[u8]| {
        let mut buffer = [0; 16];
        let item_bytes = &mut buffer[..size_of::<T>()];
        item_bytes.copy_from_slice(item);
        if !dtype.is_native() {
            swap_bytes(dtype, item_bytes);
        }
        bytemuck::checked::pod_read_unaligned(item_bytes)
    };
    bytes.chunks_exact(size_of::<T>()).map(read)
}
