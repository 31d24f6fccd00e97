//! Writes an array item by item.

use std::io::{Seek, SeekFrom, Write};

use crate::dtype::Dtype;
use crate::error::{ErrorKind, Result};
use crate::header::Header;

/// Writes an array item by item along its first dimension, whose length need not be known in advance.
///
/// The file has the same bytes as if `np.save` had written the whole array: NumPy reserves room in the
/// header for a length that grows.
///
/// ```
/// use std::io::Cursor;
/// use bitnpz_npy::{DynArray, Dtype, Writer};
/// use ndarray::array;
///
/// let mut writer = Writer::new(Cursor::new(Vec::new()), Dtype::of::<u8>(), &[2])?;
/// writer.write_items(&[1, 2])?;
/// writer.write_items(&[3, 4, 5, 6])?;
/// let npy = writer.finish()?.into_inner();
/// assert_eq!(npy, DynArray::from_ndarray(&array![[1_u8, 2], [3, 4], [5, 6]]).to_npy()?);
/// # Ok::<(), bitnpz_npy::Error>(())
/// ```
#[derive(Debug)]
pub struct Writer<W> {
    writer: W,
    header: Header,
    start: u64,
    item_bytes: usize,
}

impl<W: Write + Seek> Writer<W> {
    /// Starts an array of items of this dtype and shape at the position of `writer`.
    ///
    /// # Errors
    ///
    /// If [`Header::check`] fails, or writing does.
    pub fn new(mut writer: W, dtype: Dtype, item_shape: &[usize]) -> Result<Self> {
        let header = Header::new(dtype, [&[0], item_shape].concat());
        header.check()?;
        let item_bytes = item_shape.iter().product::<usize>() * header.dtype.item_size();
        let start = writer.stream_position()?;
        writer.write_all(&header.to_bytes()?)?;
        Ok(Self { writer, header, start, item_bytes })
    }

    /// Writes the bytes of one or more items.
    ///
    /// # Errors
    ///
    /// If the bytes are not a whole number of items, or writing fails.
    pub fn write_items(&mut self, items: &[u8]) -> Result<()> {
        let count = items.len().checked_div(self.item_bytes).unwrap_or(0);
        if count * self.item_bytes != items.len() {
            let (expected, found) = (((count + 1) * self.item_bytes) as u64, items.len() as u64);
            return Err(ErrorKind::Length { expected, found }.into());
        }
        self.writer.write_all(items)?;
        self.header.shape[0] += count;
        Ok(())
    }

    /// Writes the final shape into the header, and returns the file, positioned at its end.
    ///
    /// # Errors
    ///
    /// If writing fails.
    pub fn finish(mut self) -> Result<W> {
        let end = self.writer.stream_position()?;
        self.writer.seek(SeekFrom::Start(self.start))?;
        self.writer.write_all(&self.header.to_bytes()?)?;
        self.writer.seek(SeekFrom::Start(end))?;
        Ok(self.writer)
    }
}
