//! Writing a stack of images whose number is not known yet.

use std::fmt;
use std::io::Write;

use bitnpz_bitmap::Pixel;
use bitnpz_npy::{Dtype, DynArray, DynArrayView, Element, Header};
use bitnpz_npz::AtomicFile;
use ndarray::ArrayRef2;

use super::ledger::Ledger;
use super::sets::{SMALL_STACK, SetsWriter};
use super::writer::{Writer, count_images, packed_header, unfit_error};
use crate::encoding::Encoding;
use crate::error::{Error, ErrorKind, Result};
use crate::packed::{PackedKind, Palette};
use crate::set::SetWriter;

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
    sink: Sink<'a>,
    ledger: &'a mut Ledger,
    encoding: Encoding,
    key: String,
    dtype: Dtype,
    /// Of the whole stack; the first length is the number of items so far.
    shape: Vec<usize>,
    palette: Palette,
    rows: Vec<u8>,
}

/// Where the images go.
enum Sink<'a> {
    /// A member with this number.
    Member(usize, bitnpz_npz::Stream<'a, AtomicFile>),
    Set {
        zip: OpenArchive<'a>,
        sets: &'a mut SetsWriter,
        set: SetWriter,
    },
}

/// An archive that is given up unless what is being added to it is finished.
struct OpenArchive<'a> {
    zip: &'a mut bitnpz_npz::Writer<AtomicFile>,
    is_finished: bool,
}

impl Drop for OpenArchive<'_> {
    fn drop(&mut self) {
        if !self.is_finished {
            self.zip.abandon();
        }
    }
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
        let encoding = writer.encoding();
        let shape = [&[0], item_shape].concat();
        let Some(palette) = Palette::new(dtype) else {
            return Err(Error::from(ErrorKind::NotImages { dtype: dtype.clone(), shape }).with_key(key));
        };
        writer.claim(key)?;
        let (ledger, sets) = (&mut writer.ledger, &mut writer.sets);
        let sink = match encoding {
            Encoding::Contour => {
                let set = sets.start(key);
                let zip = OpenArchive { zip: &mut writer.zip, is_finished: false };
                Sink::Set { zip, sets, set }
            }
            _ => {
                let head = header(encoding, dtype, &shape).to_bytes()?;
                Sink::Member(writer.zip.len(), writer.zip.stream(&format!("{key}.npy"), head)?)
            }
        };
        let (key, dtype) = (key.to_owned(), dtype.clone());
        Ok(Self { sink, ledger, encoding, key, dtype, shape, palette, rows: Vec::new() })
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
        match &mut self.sink {
            Sink::Member(_, stream) => {
                let bytes = if self.encoding == Encoding::Packed { self.rows.as_slice() } else { items };
                stream
                    .write_all(bytes)
                    .map_err(|error| Error::from(bitnpz_npz::Error::from(error)).with_key(&self.key))?;
            }
            Sink::Set { zip, set, .. } => {
                let size = [self.shape[self.shape.len() - 2], width];
                let images = count * count_images(&self.shape[1..]);
                let bytes = size[0] * width.div_ceil(8);
                for image in 0..images {
                    set.push(zip.zip, &self.rows[image * bytes..][..bytes], size, None)?;
                }
            }
        }
        self.shape[0] += count;
        Ok(())
    }

    /// Ends the stack.
    ///
    /// # Errors
    ///
    /// If writing fails.
    pub fn finish(self) -> Result<()> {
        let width = self.shape[self.shape.len() - 1];
        let kind = PackedKind { dtype: self.dtype.clone(), bits: self.palette.bits(), width };
        let (key, shape, images) = (&self.key, &self.shape, count_images(&self.shape));
        match self.sink {
            Sink::Member(member, stream) => {
                let head = header(self.encoding, &self.dtype, shape).to_bytes()?;
                stream.finish(&head).map_err(|error| Error::from(error).with_key(key))?;
                match self.encoding {
                    Encoding::Packed => self.ledger.note_packed(member, kind, images),
                    _ => self.ledger.note_plain(member, images),
                }
            }
            Sink::Set { mut zip, sets, set } => {
                if set.is_unwritten()
                    && set.images().map(|(_, _, rows)| rows.len()).sum::<usize>() < SMALL_STACK
                {
                    sets.give_up(&set);
                    let rows: Vec<u8> = set.images().flat_map(|(_, _, rows)| rows.iter().copied()).collect();
                    let rows = DynArrayView::new(packed_header(shape, width), &rows)?;
                    zip.zip.add_array(key, &rows).map_err(|error| Error::from(error).with_key(key))?;
                    self.ledger.note_packed(zip.zip.len() - 1, kind, images);
                } else {
                    sets.finish_stack(zip.zip, self.ledger, set, kind, key, shape)?;
                }
                zip.is_finished = true;
            }
        }
        Ok(())
    }
}

fn header(encoding: Encoding, dtype: &Dtype, shape: &[usize]) -> Header {
    match encoding {
        Encoding::Packed => packed_header(shape, shape[shape.len() - 1]),
        _ => Header::new(dtype.clone(), shape.to_vec()),
    }
}
