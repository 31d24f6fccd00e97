//! Adding to stacks batch by batch.

use std::fs::File;
use std::io::{Read, Seek, Write};

use bitnpz_bitmap::Pixel;
use bitnpz_npy::{DynArrayView, Element};
use ndarray::{ArrayRef, Dimension};

use super::stack::Stack;
use super::stack_writer::StackWriter;
use super::writer::{Writer, with_view};
use crate::axes::{ArrayForm, ImageAxes};
use crate::encoding::Encoding;
use crate::error::{Error, ErrorKind, Result};
use crate::packed::{c_order, count_images, stack_of, unpack};

/// Bytes of packed rows that are read at a time from a file that held them back.
const PIECE: usize = 1 << 20;

/// A stack whose packed rows wait in a file of their own until all are there.
#[derive(Debug)]
pub(super) struct WaitingStack {
    stack: Stack,
    rows: File,
    /// Its place in the order of keys.
    place: usize,
}

impl WaitingStack {
    pub(super) fn is(&self, key: &str) -> bool {
        self.stack.key == key
    }
}

impl Writer {
    /// Adds images, shape `(n, ..., height, width)`, to the stack under this key, or starts it: for stacks that come in
    /// batches, several in turn if need be, in bounded memory. A writer that [appends](Self::append) goes on with the image
    /// sets that are there.
    ///
    /// ```
    /// use ndarray::array;
    ///
    /// let folder = tempfile::tempdir()?;
    /// let mut writer = bitnpz::Writer::create(folder.path().join("training.npz"))?;
    /// for batch in [array![[[0_u8, 1]], [[1, 1]]], array![[[1, 0]], [[0, 0]]]] {
    ///     writer.extend("glyphs", &batch)?;
    /// }
    /// assert_eq!(writer.finish()?.images, 4);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the images differ from those before in dtype or shape, have a third value or NaN, if the key has another array,
    /// or if writing fails.
    pub fn extend<T: Pixel + Element, D: Dimension>(
        &mut self,
        key: &str,
        images: &ArrayRef<T, D>,
    ) -> Result<()> {
        with_view(images, |images| self.extend_dyn(key, images))
    }

    /// As [`extend`](Self::extend) for images whose type is known at run time only.
    ///
    /// # Errors
    ///
    /// As [`extend`](Self::extend).
    pub fn extend_dyn(&mut self, key: &str, images: &DynArrayView<'_>) -> Result<()> {
        self.extend_dyn_of(key, images, ImageAxes::Inferred)
    }

    /// As [`extend_dyn`](Self::extend_dyn) for images that have rows and columns along these axes, or flat ones; the first axis counts
    /// images.
    ///
    /// # Errors
    ///
    /// As [`extend`](Self::extend), and if the array does not have these axes.
    pub fn extend_dyn_of(&mut self, key: &str, images: &DynArrayView<'_>, axes: ImageAxes) -> Result<()> {
        self.extend_stack(key, images, axes)?;
        let stack = axes.form(images.header())?;
        self.note_added(stack.map_or(0, |(stack, _)| count_images(&stack)))
    }

    /// Adds images to a stack, and leaves it to the caller to keep them.
    pub(super) fn extend_stack(
        &mut self,
        key: &str,
        images: &DynArrayView<'_>,
        axes: ImageAxes,
    ) -> Result<()> {
        self.check_owner()?;
        self.note_change();
        let (dtype, shape) = (images.dtype(), images.shape());
        let blame = |error: Error| error.with_key(key);
        let identity = bitnpz_npz::identity(key);
        let Some(item_shape) = shape.get(1..) else {
            let error = ErrorKind::NotImages { dtype: dtype.clone(), shape: shape.to_vec() };
            return Err(blame(error.into()));
        };
        let items = c_order(images)?;
        let mut header = images.header().clone();
        header.fortran_order = false;
        let images = DynArrayView::new(header, &items)?;
        let new_stack = || {
            let (stack, form) = stack_of(images.header(), axes)?;
            let grows = form.as_ref().is_none_or(|form| form.can_grow(&stack)) && stack.len() > 2;
            let none = match shape.len() {
                2 => ErrorKind::NotAStack { shape: shape.to_vec() },
                _ => ErrorKind::NotImages { dtype: dtype.clone(), shape: shape.to_vec() },
            };
            if grows { Ok((stack, form)) } else { Err(Error::from(none)) }
        };
        if self.encoding() == Encoding::Sets {
            if let Some(set) = self.sets.stacks.iter_mut().find(|set| set.stack.key == identity) {
                set.stack.check(dtype, item_shape)?;
                return set.push(&mut self.zip, &items, shape[0]);
            }
            self.check_free(key)?;
            let set = self.add_stack(key, &images, new_stack().map_err(blame)?).map_err(blame)?;
            self.sets.stacks.push(set);
            return Ok(());
        }
        if let Some(WaitingStack { stack, rows, .. }) =
            self.waiting.iter_mut().find(|waiting| waiting.stack.key == identity)
        {
            stack.check(dtype, item_shape)?;
            return Ok(rows.write_all(stack.pack(&items, shape[0])?).map_err(bitnpz_npz::Error::from)?);
        }
        self.check_free(key)?;
        let (stack_shape, form) = new_stack().map_err(blame)?;
        let form = form.map(|form| ArrayForm { shape: [&[0], item_shape].concat(), ..form });
        let mut stack = Stack::new(identity, dtype, &stack_shape[1..], form)?;
        let mut rows = tempfile::tempfile_in(&self.folder).map_err(bitnpz_npz::Error::from)?;
        rows.write_all(stack.pack(&items, shape[0])?).map_err(bitnpz_npz::Error::from)?;
        let place = self.ledger.order.new_place();
        self.ledger.order.note(place);
        self.waiting.push(WaitingStack { stack, rows, place });
        Ok(())
    }

    /// Writes the stacks that waited.
    pub(super) fn write_waiting(&mut self) -> Result<()> {
        for WaitingStack { stack, mut rows, place } in std::mem::take(&mut self.waiting) {
            let kind = stack.kind();
            let item_bytes =
                stack.shape[1..stack.shape.len() - 1].iter().product::<usize>() * kind.width.div_ceil(8);
            let mut piece = vec![0; (PIECE / item_bytes.max(1)).max(1) * item_bytes];
            let mut left = stack.shape[0] * item_bytes;
            rows.rewind().map_err(bitnpz_npz::Error::from)?;
            let mut writer = StackWriter::start_stack(self, &stack.key, stack.to_empty(), place)?;
            if item_bytes == 0 {
                writer.push_counted(&[], stack.shape[0])?;
            }
            while left > 0 {
                let len = left.min(piece.len());
                let piece = &mut piece[..len];
                rows.read_exact(piece).map_err(bitnpz_npz::Error::from)?;
                writer.push_items(&unpack(piece, kind.width, &kind.dtype, kind.bits)?)?;
                left -= piece.len();
            }
            writer.finish()?;
        }
        Ok(())
    }
}
