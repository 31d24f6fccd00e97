//! An array whose dtype is known at run time.

use std::fmt;
use std::io::{Read, Write};

use ndarray::{ArrayD, ArrayRef, Dimension};

use crate::dtype::Dtype;
use crate::element::Element;
use crate::error::{ErrorKind, Result};
use crate::header::Header;
use crate::limits::Limits;
use crate::memory::{copy, with_room};
use crate::swap::swap_bytes;
use crate::view::DynArrayView;

/// The most that is allocated before the first byte of an array has arrived: a header can claim any size. Larger
/// arrays grow the buffer as they arrive.
const FIRST_READ_BYTES: usize = 1 << 20;

/// An array whose dtype is known at run time: a [`Header`] and the items' bytes.
///
/// ```
/// use bitnpz_npy::{DynArray, Limits};
/// use ndarray::array;
///
/// let mut file = Vec::new();
/// DynArray::from_ndarray(&array![0.5, 1.5]).write(&mut file)?;
/// let array = DynArray::read(file.as_slice(), &Limits::default())?;
/// assert_eq!(array.dtype().type_string(), "<f8");
/// assert_eq!(array.to_ndarray::<f64>()?, array![0.5, 1.5].into_dyn());
/// # Ok::<(), bitnpz_npy::Error>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct DynArray {
    header: Header,
    data: Vec<u8>,
}

impl fmt::Debug for DynArray {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.view().fmt(f)
    }
}

impl DynArray {
    /// Makes an array of a header and the items' bytes, which must be in the header's byte order and memory order.
    ///
    /// # Errors
    ///
    /// If the number of bytes is not the header's, or [`Header::check`] fails.
    ///
    /// ```
    /// use bitnpz_npy::{Dtype, DynArray, Header};
    ///
    /// let header = Header::new(Dtype::from_type_string(">u2")?, vec![2]);
    /// let array = DynArray::new(header, vec![0, 1, 0, 2])?;
    /// assert_eq!(array.to_ndarray::<u16>()?, ndarray::array![1, 2].into_dyn());
    /// # Ok::<(), bitnpz_npy::Error>(())
    /// ```
    pub fn new(header: Header, data: Vec<u8>) -> Result<Self> {
        DynArrayView::new(header.clone(), &data)?;
        Ok(Self { header, data })
    }

    /// Copies a typed array. Fortran order is kept if the array is contiguous in that order only, like with
    /// `np.save`.
    #[must_use]
    pub fn from_ndarray<T: Element, D: Dimension>(array: &ArrayRef<T, D>) -> Self {
        let fortran_order = !array.is_standard_layout() && array.t().is_standard_layout();
        let data = match array.as_slice_memory_order() {
            Some(items) if fortran_order || array.is_standard_layout() => {
                bytemuck::cast_slice(items).to_vec()
            }
            _ => array.iter().flat_map(bytemuck::bytes_of).copied().collect(),
        };
        Self {
            header: Header { dtype: Dtype::of::<T>(), fortran_order, shape: array.shape().to_vec() },
            data,
        }
    }

    /// Reads a `.npy` file from a stream, and nothing after it, like `np.load`.
    ///
    /// # Errors
    ///
    /// If it is not a `.npy` file, is cut short or exceeds a limit, if the memory cannot be allocated, or if reading fails.
    pub fn read(mut reader: impl Read, limits: &Limits) -> Result<Self> {
        let header = Header::read(&mut reader, limits)?;
        let (expected, limit) = (header.data_len() as u64, limits.array_bytes);
        if expected > limit {
            return Err(ErrorKind::TooLarge { found: expected, limit }.into());
        }
        let mut data = with_room(header.data_len().min(FIRST_READ_BYTES))?;
        let found = reader.take(expected).read_to_end(&mut data)? as u64;
        if found < expected {
            return Err(ErrorKind::Length { expected, found }.into());
        }
        Ok(Self { header, data })
    }

    /// Writes the array as a `.npy` file, with the same bytes as `np.save`.
    ///
    /// # Errors
    ///
    /// If writing fails.
    pub fn write(&self, mut writer: impl Write) -> Result<()> {
        writer.write_all(&self.header.to_bytes()?)?;
        writer.write_all(&self.data)?;
        Ok(())
    }

    /// Returns a view of the array.
    #[must_use]
    pub fn view(&self) -> DynArrayView<'_> {
        DynArrayView::new(self.header.clone(), &self.data).expect("the length was checked")
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
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// Copies the array into a typed one.
    ///
    /// # Errors
    ///
    /// If it has another dtype, or the memory cannot be allocated.
    pub fn to_ndarray<T: Element>(&self) -> Result<ArrayD<T>> {
        self.view().to_ndarray()
    }

    /// Copies one field of a structured array, like `array[name]`.
    ///
    /// # Errors
    ///
    /// If there is no such field, or the memory cannot be allocated.
    pub fn field(&self, name: &str) -> Result<Self> {
        self.view().field(name)
    }

    /// Returns the bytes of the `.npy` file that `np.save` would write.
    ///
    /// # Errors
    ///
    /// If the memory cannot be allocated.
    pub fn to_npy(&self) -> Result<Vec<u8>> {
        self.view().to_npy()
    }

    /// Swaps the items to the machine's byte order, if they have another.
    #[must_use]
    pub fn into_native(mut self) -> Self {
        if !self.dtype().is_native() {
            swap_bytes(&self.header.dtype, &mut self.data);
            self.header.dtype = self.header.dtype.to_native();
        }
        self
    }
}

impl DynArrayView<'_> {
    /// Copies the bytes into an owned array.
    ///
    /// # Errors
    ///
    /// If the memory cannot be allocated.
    pub fn to_owned(&self) -> Result<DynArray> {
        DynArray::new(self.header().clone(), copy(self.data())?)
    }

    /// Copies one field of a structured array, like `array[name]`.
    ///
    /// # Errors
    ///
    /// If there is no such field, or the memory cannot be allocated.
    pub fn field(&self, name: &str) -> Result<DynArray> {
        let field = self.dtype().field(name);
        let field = field.ok_or_else(|| ErrorKind::NoSuchField { name: name.to_owned() })?;
        let items = self.data().chunks_exact(self.dtype().item_size().max(1));
        let mut data = with_room(items.len() * field.size())?;
        items.for_each(|item| data.extend_from_slice(&item[field.offset()..][..field.size()]));
        let mut header = Header::new(field.dtype().clone(), self.shape().to_vec());
        if field.shape().is_empty() {
            header.fortran_order = self.header().fortran_order;
            return DynArray::new(header, data);
        }
        header.shape.extend_from_slice(field.shape());
        if self.header().fortran_order {
            let record = Header {
                dtype: Dtype::from_type_string(&format!("|V{}", field.size()))?,
                ..self.header().clone()
            };
            return DynArray::new(header, DynArrayView::new(record, &data)?.to_c_order()?);
        }
        DynArray::new(header, data)
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, ShapeBuilder, array, s};

    use super::*;

    #[test]
    fn round_trips_both_memory_orders() {
        let rows = array![[1_u16, 2, 3], [4, 5, 6]];
        let columns = Array2::from_shape_vec((2, 3).f(), vec![1_u16, 4, 2, 5, 3, 6]).unwrap();
        for (array, fortran_order) in [(&rows, false), (&columns, true)] {
            let npy = DynArray::from_ndarray(array).to_npy().unwrap();
            let read = DynArray::read(npy.as_slice(), &Limits::default()).unwrap();
            assert_eq!(read.header().fortran_order, fortran_order);
            assert_eq!(read.to_ndarray::<u16>().unwrap(), array.clone().into_dyn());
            assert_eq!(
                read.view().to_c_order().unwrap(),
                bytemuck::cast_slice::<u16, u8>(&[1, 2, 3, 4, 5, 6])
            );
        }
        let sparse = DynArray::from_ndarray(&rows.slice(s![.., ..;2]));
        assert_eq!(sparse.to_ndarray::<u16>().unwrap(), array![[1, 3], [4, 6]].into_dyn());
    }

    #[test]
    fn swaps_the_other_byte_order() {
        let other = if cfg!(target_endian = "little") { ">u4" } else { "<u4" };
        let header = Header::new(Dtype::from_type_string(other).unwrap(), vec![2]);
        let bytes = [1_u32, 512].map(|item| item.swap_bytes().to_ne_bytes()).concat();
        let array = DynArray::new(header, bytes).unwrap();
        assert_eq!(array.to_ndarray::<u32>().unwrap(), array![1, 512].into_dyn());
        assert!(matches!(array.view().as_ndarray::<u32>().unwrap_err().kind(), ErrorKind::NoView { .. }));
        assert_eq!(array.into_native().view().to_ndarray::<u32>().unwrap(), array![1, 512].into_dyn());
    }

    #[test]
    fn reads_every_byte_except_zero_as_true() {
        let array = DynArray::new(Header::new(Dtype::of::<bool>(), vec![4]), vec![0, 1, 2, 255]).unwrap();
        assert_eq!(array.to_ndarray::<bool>().unwrap(), array![false, true, true, true].into_dyn());
        let error = array.view().as_ndarray::<bool>().unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::NoView { .. }), "{error}");
    }

    #[test]
    fn rejects_shapes_that_overflow() {
        let sides = [vec![1 << 40; 3], vec![0, 1 << 63], vec![1 << 62, 0, 4], vec![0; 65]];
        for shape in sides {
            let header = Header::new(Dtype::of::<bool>(), shape.clone());
            assert!(header.is_empty() || header.data_len() == usize::MAX);
            assert!(DynArray::new(header.clone(), Vec::new()).is_err(), "{shape:?}");
            assert!(DynArrayView::new(header, &[]).is_err(), "{shape:?}");
        }
        let header = Header::new(Dtype::of::<bool>(), vec![1 << 62, 0]);
        assert!(DynArray::new(header, Vec::new()).unwrap().to_ndarray::<bool>().unwrap().is_empty());
    }

    #[test]
    fn rejects_arrays_cut_short_or_over_the_limit() {
        let mut npy = Header::new(Dtype::of::<f64>(), vec![1 << 27]).to_bytes().unwrap();
        npy.extend_from_slice(&[0; 80]);
        let error = DynArray::read(npy.as_slice(), &Limits::default()).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Length { expected: 1_073_741_824, found: 80 }), "{error}");
        let error = DynArray::read(npy.as_slice(), &Limits::default().with_array_bytes(1000)).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::TooLarge { .. }), "{error}");
        assert!(DynArrayView::parse(&npy, &Limits::default()).is_err());
    }

    #[test]
    fn bytes_after_the_array_are_an_error_in_a_view_only() {
        let npy = DynArray::from_ndarray(&array![1_u8, 2]).to_npy().unwrap();
        let twice = [npy.clone(), npy].concat();
        assert!(DynArrayView::parse(&twice, &Limits::default()).is_err());
        let mut stream = twice.as_slice();
        for _ in 0..2 {
            DynArray::read(&mut stream, &Limits::default()).unwrap();
        }
        assert!(stream.is_empty());
    }
}
