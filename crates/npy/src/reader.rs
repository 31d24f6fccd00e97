//! Reads an array item by item.

use std::io::Read;

use crate::error::{ErrorKind, Result};
use crate::header::Header;
use crate::limits::Limits;

/// Reads the items of an array's first dimension in order, in bounded memory.
///
/// ```
/// use bitnpz_npy::{DynArray, Limits, Reader};
/// use ndarray::array;
///
/// let npy = DynArray::from_ndarray(&array![[1_u8, 2], [3, 4], [5, 6]]).to_npy()?;
/// let mut reader = Reader::new(npy.as_slice(), &Limits::default())?;
/// let mut items = Vec::new();
/// assert_eq!(reader.read_items(2, &mut items)?, 2);
/// assert_eq!(items, [1, 2, 3, 4]);
/// # Ok::<(), bitnpz_npy::Error>(())
/// ```
#[derive(Debug)]
pub struct Reader<R> {
    reader: R,
    header: Header,
    items_left: usize,
}

impl<R: Read> Reader<R> {
    /// Reads the header at the start of a stream.
    ///
    /// # Errors
    ///
    /// If it is not a header, or if the array's items do not lie one after the other: it has no dimensions, or
    /// is in Fortran order.
    pub fn new(mut reader: R, limits: &Limits) -> Result<Self> {
        let header = Header::read(&mut reader, limits)?;
        match header.shape.as_slice() {
            [] => Err(ErrorKind::NoView { message: "it has no dimensions" }.into()),
            [_, _, ..] if header.fortran_order => {
                Err(ErrorKind::NoView { message: "in Fortran order its items lie interleaved" }.into())
            }
            &[items_left, ..] => Ok(Self { reader, header, items_left }),
        }
    }

    /// Returns the dtype and shape of the array.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Returns the stream, behind the items that were read.
    #[must_use]
    pub fn into_inner(self) -> R {
        self.reader
    }

    /// Appends the bytes of the next items, at most `count` of them, to `items`. Returns the number of items
    /// read, 0 at the end. Items of zero bytes are all read at once: there can be any number of them.
    ///
    /// # Errors
    ///
    /// If the file ends before its array, or reading fails.
    pub fn read_items(&mut self, count: usize, items: &mut Vec<u8>) -> Result<usize> {
        let item_bytes = self.header.shape[1..].iter().product::<usize>() * self.header.dtype.item_size();
        let count = if item_bytes == 0 { self.items_left } else { count.min(self.items_left) };
        let expected = (count * item_bytes) as u64;
        let found = self.reader.by_ref().take(expected).read_to_end(items)? as u64;
        if found < expected {
            return Err(ErrorKind::Length { expected, found }.into());
        }
        self.items_left -= count;
        Ok(count)
    }
}
