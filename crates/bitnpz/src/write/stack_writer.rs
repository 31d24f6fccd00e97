//! Writing a stack of images one by one.

use std::fmt;
use std::io::Write;

use bitnpz_bitmap::Pixel;
use bitnpz_npy::{Dtype, DynArray, Element};
use ndarray::ArrayRef2;

use super::ledger::Ledger;
use super::sets::SetsWriter;
use super::sink::Sink;
use super::stack::{SetStack, Stack};
use super::writer::{Writer, write_lone};
use crate::encoding::Encoding;
use crate::error::{Error, Result};
use crate::interrupt;
use crate::names;
use crate::packed::{count_images, normalize_bools};
use crate::progress::Meter;

/// Writes a stack of images one by one, in bounded memory: they become one array of shape
/// `(count, height, width)`.
///
/// Dropped without [`finish`](Self::finish), it makes the archive fail. [`Writer::extend`] adds to several stacks in turn.
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
    images: Images<'a>,
    ledger: &'a mut Ledger,
    encoding: Encoding,
    meter: Meter,
}

/// Where the images go.
enum Images<'a> {
    /// A member with this number.
    Member {
        stack: Stack,
        number: usize,
        place: usize,
        stream: bitnpz_npz::Stream<'a, Sink>,
    },
    Set {
        stack: SetStack,
        zip: OpenArchive<'a>,
        sets: &'a mut SetsWriter,
    },
}

/// An archive that is given up unless what is being added to it is finished.
struct OpenArchive<'a> {
    zip: &'a mut bitnpz_npz::Writer<Sink>,
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
        f.debug_struct("StackWriter").field("stack", self.stack()).finish_non_exhaustive()
    }
}

impl<'a> StackWriter<'a> {
    /// Items are what the stack has along its first dimension, of shape `(..., height, width)`. Unless it becomes a set, it
    /// is saved in this place of the order of keys.
    pub(super) fn start(
        writer: &'a mut Writer,
        key: &str,
        dtype: &Dtype,
        item_shape: &[usize],
        place: usize,
    ) -> Result<Self> {
        let stack = Stack::new(bitnpz_npz::identity(key), dtype, item_shape, None)?;
        Self::start_stack(writer, key, stack, place)
    }

    /// Starts a stack that has no images yet.
    pub(super) fn start_stack(writer: &'a mut Writer, key: &str, stack: Stack, place: usize) -> Result<Self> {
        let encoding = match writer.encoding() {
            // Packed rows would be others than those of its images.
            Encoding::Packed if stack.form().is_some() => Encoding::Plain,
            encoding => encoding,
        };
        writer.claim(key)?;
        let images = match encoding {
            Encoding::Sets => {
                let stack = writer.sets.start_stack(&mut writer.ledger, stack);
                let zip = OpenArchive { zip: &mut writer.zip, is_finished: false };
                Images::Set { stack, zip, sets: &mut writer.sets }
            }
            _ => {
                let number = writer.zip.len();
                let head = stack.header(encoding).to_bytes()?;
                let stream = writer.zip.stream(&names::of_array(key), head)?;
                Images::Member { stack, number, place, stream }
            }
        };
        Ok(Self { images, ledger: &mut writer.ledger, encoding, meter: writer.meter.clone() })
    }

    fn stack(&self) -> &Stack {
        match &self.images {
            Images::Member { stack, .. } | Images::Set { stack: SetStack { stack, .. }, .. } => stack,
        }
    }

    /// Adds an image.
    ///
    /// # Errors
    ///
    /// If it is of another type or shape, has a third value or NaN, or if writing fails.
    pub fn push<T: Pixel + Element>(&mut self, image: &ArrayRef2<T>) -> Result<()> {
        self.stack().check(&Dtype::of::<T>(), image.shape())?;
        match image.as_slice() {
            Some(pixels) => self.push_counted(bytemuck::cast_slice(pixels), 1),
            None => self.push_counted(&DynArray::from_ndarray(image).view().to_c_order()?, 1),
        }
    }

    /// Adds the bytes of whole items, in C order and in the byte order of the stack's dtype.
    pub(super) fn push_items(&mut self, items: &[u8]) -> Result<()> {
        let count = items.len().checked_div(self.stack().item_bytes()).unwrap_or(0);
        self.push_counted(items, count)
    }

    /// Adds the bytes of so many items, which may have no pixels.
    pub(super) fn push_counted(&mut self, items: &[u8], count: usize) -> Result<()> {
        interrupt::check()?;
        let items = &*normalize_bools(self.stack().dtype(), items)?;
        match &mut self.images {
            Images::Set { stack, zip, .. } => stack.push(zip.zip, items, count),
            Images::Member { stack, stream, .. } => {
                let item_images = count_images(&stack.shape[1..]);
                let rows = stack.pack(items, count)?;
                let bytes = if self.encoding == Encoding::Packed { rows } else { items };
                let written = stream.write_all(bytes);
                written.map_err(|error| Error::from(bitnpz_npz::Error::from(error)).with_key(&stack.key))?;
                self.meter.add_images(count * item_images, items.len());
                Ok(())
            }
        }
    }

    /// Ends the stack.
    ///
    /// # Errors
    ///
    /// If writing fails.
    pub fn finish(self) -> Result<()> {
        match self.images {
            Images::Member { stack, number, place, stream } => {
                let head = stack.header(self.encoding).to_bytes()?;
                stream.finish(&head).map_err(|error| Error::from(error).with_key(&stack.key))?;
                match self.encoding {
                    Encoding::Packed => {
                        self.ledger.note_packed(number, place, stack.kind(), stack.images());
                    }
                    _ => self.ledger.note_plain(number, place, stack.images()),
                }
            }
            Images::Set { stack, mut zip, sets } => {
                if let Some(lone) = sets.finish_stack(zip.zip, self.ledger, stack)? {
                    write_lone(zip.zip, self.ledger, lone)?;
                }
                zip.is_finished = true;
            }
        }
        Ok(())
    }
}
