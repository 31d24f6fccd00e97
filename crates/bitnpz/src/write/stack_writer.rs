//! `StackWriter`: adding a stack image by image.

use std::fmt;

use bitnpz_bitmap::Pixel;
use bitnpz_npy::{Dtype, DynArray, Element};
use ndarray::ArrayRef2;

use super::array_stream::{ArrayStream, NewArray};
use super::output::Output;
use super::set_stack::SetStack;
use super::sets::SetsWriter;
use super::stack::Stack;
use crate::encoding::Encoding;
use crate::error::{Error, Result};
use crate::interrupt;
use crate::packed::normalize_bools;
use crate::progress::Meter;

/// Writes a stack image by image, in bounded memory: the images become one array of shape `(count, height, width)`.
///
/// If it is dropped without [`finish`](Self::finish), the whole archive fails. [`Writer::extend`](crate::Writer::extend) adds to
/// several stacks in turn.
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
    /// `None` if it could not be started.
    destination: Option<Destination<'a>>,
}

/// Where the images go.
enum Destination<'a> {
    /// In an archive of image sets that is decided with the first of them.
    Unknown(UnstartedStack<'a>),
    Member(Box<StackMember<'a>>),
    Set {
        stack: Box<SetStack>,
        output: &'a mut Output,
        sets: &'a mut SetsWriter,
    },
}

/// A stack that becomes a member.
struct StackMember<'a> {
    stack: Stack,
    encoding: Encoding,
    stream: ArrayStream<'a>,
    meter: Meter,
}

/// A stack to which nothing was added.
struct UnstartedStack<'a> {
    stack: Stack,
    archive_encoding: Encoding,
    place: usize,
    output: &'a mut Output,
    sets: &'a mut SetsWriter,
}

impl Drop for StackWriter<'_> {
    /// Fails the archive, whose stack is not finished.
    fn drop(&mut self) {
        // A stream that is dropped does so itself.
        if let Some(Destination::Unknown(UnstartedStack { output, .. }) | Destination::Set { output, .. }) =
            &mut self.destination
        {
            output.zip.abandon();
        }
    }
}

impl fmt::Debug for StackWriter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stack = self.destination.as_ref().map(Destination::stack);
        f.debug_struct("StackWriter").field("stack", &stack).finish_non_exhaustive()
    }
}

impl<'a> StackWriter<'a> {
    /// Starts a stack without items, whose key is claimed. Unless it becomes an image set, it is saved in this place of the order.
    pub(super) fn start(
        output: &'a mut Output,
        sets: &'a mut SetsWriter,
        archive_encoding: Encoding,
        stack: Stack,
        place: usize,
    ) -> Result<Self> {
        let unstarted = UnstartedStack { stack, archive_encoding, place, output, sets };
        let destination = match archive_encoding {
            Encoding::Sets => Destination::Unknown(unstarted),
            _ => unstarted.start(&[])?,
        };
        Ok(Self { destination: Some(destination) })
    }

    fn stack(&self) -> Result<&Stack> {
        self.destination.as_ref().map(Destination::stack).ok_or_else(failed)
    }

    /// Returns where the images go, which these items decide if they are the first.
    fn destination(&mut self, items: &[u8]) -> Result<&mut Destination<'a>> {
        let destination = match self.destination.take().ok_or_else(failed)? {
            Destination::Unknown(unstarted) => unstarted.start(items)?,
            started => started,
        };
        Ok(self.destination.insert(destination))
    }

    /// Adds an image.
    ///
    /// # Errors
    ///
    /// If it is of another type or shape, has a third value or NaN, or if writing fails.
    pub fn push<T: Pixel + Element>(&mut self, image: &ArrayRef2<T>) -> Result<()> {
        self.stack()?.check(&Dtype::of::<T>(), image.shape())?;
        match image.as_slice() {
            Some(pixels) => self.push_counted(bytemuck::cast_slice(pixels), 1),
            None => self.push_counted(&DynArray::from_ndarray(image).view().to_c_order()?, 1),
        }
    }

    /// Adds the bytes of whole items, in C order and in the byte order of the stack's dtype.
    pub(super) fn push_items(&mut self, items: &[u8]) -> Result<()> {
        let count = items.len().checked_div(self.stack()?.item_bytes()).unwrap_or(0);
        self.push_counted(items, count)
    }

    /// Adds `count` items, given as bytes; they may have no pixels.
    pub(super) fn push_counted(&mut self, items: &[u8], count: usize) -> Result<()> {
        interrupt::check()?;
        let items = &*normalize_bools(self.stack()?.dtype(), items)?;
        match self.destination(items)? {
            Destination::Set { stack, output, .. } => stack.push(output, items, count),
            Destination::Member(member) => member.push(items, count),
            Destination::Unknown(_) => Err(failed()),
        }
    }

    /// Ends the stack.
    ///
    /// # Errors
    ///
    /// If writing fails.
    pub fn finish(mut self) -> Result<()> {
        self.destination(&[])?;
        match self.destination.take() {
            Some(Destination::Member(member)) => member.finish(),
            Some(Destination::Set { stack, output, sets }) => sets.finish_stack(output, *stack),
            Some(Destination::Unknown(_)) | None => Err(failed()),
        }
    }
}

impl<'a> UnstartedStack<'a> {
    /// Starts the stack, which begins with these items.
    fn start(self, items: &[u8]) -> Result<Destination<'a>> {
        let Self { stack, archive_encoding, place, output, sets } = self;
        let encoding = sets.encoding_of_stack(archive_encoding, &stack, items);
        if encoding == Encoding::Sets {
            let stack = Box::new(sets.start_stack(&mut output.ledger, stack));
            return Ok(Destination::Set { stack, output, sets });
        }
        let (meter, compression) = (output.meter.clone(), output.zip.options().compression);
        let array = NewArray { key: &stack.key, place, kind: stack.kind_in(encoding), in_parts: false };
        let stream = output.start_array(array, &stack.header(encoding), compression)?;
        let member = StackMember { stack, encoding, stream, meter };
        Ok(Destination::Member(Box::new(member)))
    }
}

impl Destination<'_> {
    fn stack(&self) -> &Stack {
        match self {
            Self::Unknown(unstarted) => &unstarted.stack,
            Self::Member(member) => &member.stack,
            Self::Set { stack, .. } => &stack.stack,
        }
    }
}

/// Returns the error of a stack that could not be started.
fn failed() -> Error {
    bitnpz_npz::Error::from(bitnpz_npz::ErrorKind::Poisoned).into()
}

impl StackMember<'_> {
    fn push(&mut self, items: &[u8], count: usize) -> Result<()> {
        let images = count * self.stack.item_images();
        let rows = self.stack.push(items, count)?;
        let bytes = if self.encoding == Encoding::Packed { rows } else { items };
        self.stream.write(bytes)?;
        self.meter.count_images(images, items.len());
        Ok(())
    }

    fn finish(self) -> Result<()> {
        let Self { stack, encoding, stream, .. } = self;
        stream.finish(&stack.header(encoding), stack.images())
    }
}
