//! Writing a stack of images whose number is not known yet.

use std::fmt;
use std::io::Write;

use bitnpz_bitmap::Pixel;
use bitnpz_npy::{Dtype, DynArray, Element, Header};
use bitnpz_npz::AtomicFile;
use ndarray::ArrayRef2;

use super::ledger::Ledger;
use super::writer::{Writer, check_key, count_images, packed_header, unfit_error};
use crate::encoding::Encoding;
use crate::error::{Error, ErrorKind, Result};
use crate::packed::{PackedKind, Palette};

/// Writes a stack of images one by one, in bounded memory: they become one array of shape
/// `(count, height, width)`.
///
/// Dropped without [`finish`](Self::finish), it makes the archive fail.
///
/// ```
/// use bitnpz::Dtype;
/// use ndarray::Array2;
///
/// let folder = tempfile::tempdir()?;
/// let mut writer = bitnpz::Writer::create(folder.path().join("training.npz"))?;
/// let mut stack = writer.stack("glyphs", &Dtype::of::<bool>(), [28, 28])?;
/// for i in 0..1000 {
///     stack.push(&Array2::from_shape_fn((28, 28), |(row, column)| row * column > i))?;
/// }
/// stack.finish()?;
/// assert_eq!(writer.finish()?.images, 1000);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct StackWriter<'a> {
    stream: bitnpz_npz::Stream<'a, AtomicFile>,
    ledger: &'a mut Ledger,
    encoding: Encoding,
    key: String,
    dtype: Dtype,
    /// Of the whole stack; the first length is the number of items so far.
    shape: Vec<usize>,
    palette: Palette,
    rows: Vec<u8>,
}

impl fmt::Debug for StackWriter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StackWriter")
            .field("key", &self.key)
            .field("shape", &self.shape)
            .finish_non_exhaustive()
    }
}

impl<'a> StackWriter<'a> {
    /// Items are what the stack has along its first dimension, of shape `(..., height, width)`.
    pub(super) fn start(
        writer: &'a mut Writer,
        key: &str,
        dtype: &Dtype,
        item_shape: &[usize],
    ) -> Result<Self> {
        check_key(key)?;
        let encoding = writer.encoding();
        let shape = [&[0], item_shape].concat();
        let Some(palette) = Palette::new(dtype) else {
            return Err(Error::from(ErrorKind::NotImages { dtype: dtype.clone(), shape }).with_key(key));
        };
        let head = header(encoding, dtype, &shape).to_bytes()?;
        let stream = writer.zip.stream(&format!("{key}.npy"), head)?;
        let ledger = &mut writer.ledger;
        Ok(Self {
            stream,
            ledger,
            encoding,
            key: key.to_owned(),
            dtype: dtype.clone(),
            shape,
            palette,
            rows: Vec::new(),
        })
    }

    /// Adds an image.
    ///
    /// # Errors
    ///
    /// If it is of another type or shape, has a third value or NaN, or if writing fails.
    pub fn push<T: Pixel + Element>(&mut self, image: &ArrayRef2<T>) -> Result<()> {
        if self.dtype != Dtype::of::<T>() {
            let (expected, found) = (self.dtype.clone(), Dtype::of::<T>());
            return Err(Error::from(ErrorKind::WrongType { expected, found }).with_key(&self.key));
        }
        if self.shape[1..] != *image.shape() {
            let (expected, found) = (self.shape[1..].to_vec(), image.shape().to_vec());
            return Err(Error::from(ErrorKind::WrongShape { expected, found }).with_key(&self.key));
        }
        match image.as_slice() {
            Some(pixels) => self.push_items(bytemuck::cast_slice(pixels)),
            None => self.push_items(&DynArray::from_ndarray(image).view().to_c_order()),
        }
    }

    /// Adds the bytes of whole items, in C order and in the byte order of the stack's dtype.
    pub(super) fn push_items(&mut self, items: &[u8]) -> Result<()> {
        let item_pixels: usize = self.shape[1..].iter().product();
        let count = (items.len() / self.dtype.item_size()).checked_div(item_pixels).unwrap_or(1);
        let width = self.shape[self.shape.len() - 1];
        self.rows.clear();
        self.palette.pack(items, width, &mut self.rows).map_err(|unfit| {
            unfit_error(&unfit, self.shape[0] * item_pixels, &self.shape).with_key(&self.key)
        })?;
        let bytes = if self.encoding == Encoding::Packed { self.rows.as_slice() } else { items };
        self.stream
            .write_all(bytes)
            .map_err(|error| Error::from(bitnpz_npz::Error::from(error)).with_key(&self.key))?;
        self.shape[0] += count;
        Ok(())
    }

    /// Ends the stack.
    ///
    /// # Errors
    ///
    /// If writing fails.
    pub fn finish(self) -> Result<()> {
        let head = header(self.encoding, &self.dtype, &self.shape).to_bytes()?;
        self.stream.finish(&head).map_err(|error| Error::from(error).with_key(&self.key))?;
        let images = count_images(&self.shape);
        match self.encoding {
            Encoding::Plain => self.ledger.note_plain(images),
            Encoding::Packed => {
                let width = self.shape[self.shape.len() - 1];
                self.ledger
                    .note_packed(PackedKind { dtype: self.dtype, bits: self.palette.bits(), width }, images);
            }
        }
        Ok(())
    }
}

fn header(encoding: Encoding, dtype: &Dtype, shape: &[usize]) -> Header {
    match encoding {
        Encoding::Plain => Header::new(dtype.clone(), shape.to_vec()),
        Encoding::Packed => packed_header(shape, shape[shape.len() - 1]),
    }
}
