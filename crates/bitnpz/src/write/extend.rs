//! Adding to stacks batch by batch.

use std::borrow::Cow;

use bitnpz_bitmap::Pixel;
use bitnpz_npy::{DynArrayView, Element};
use ndarray::{ArrayRef, Dimension};

use super::add::with_view;
use super::source::is_not_images;
use super::stack::Stack;
use super::waiting::WaitingStack;
use super::writer::Writer;
use crate::axes::{ArrayForm, ImageAxes, StackForm};
use crate::encoding::Encoding;
use crate::error::{Error, ErrorKind, Result};
use crate::names;
use crate::packed::{c_order, count_images, stack_of};

impl Writer {
    /// Adds images, shape `(n, ..., height, width)`, to the stack under this key, or starts it: for stacks that come in batches,
    /// several in turn if need be, in bounded memory. A writer that [appends](Self::append) extends the stacks of the archive.
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

    /// Adds images whose type is known at run time only, as [`extend`](Self::extend) does.
    ///
    /// # Errors
    ///
    /// As [`extend`](Self::extend).
    pub fn extend_dyn(&mut self, key: &str, images: &DynArrayView<'_>) -> Result<()> {
        self.extend_dyn_of(key, images, ImageAxes::Inferred)
    }

    /// Adds images that have rows and columns along these axes, or flat ones, as [`extend_dyn`](Self::extend_dyn) does. The first
    /// axis counts images.
    ///
    /// # Errors
    ///
    /// As [`extend`](Self::extend), and if the array does not have these axes.
    pub fn extend_dyn_of(&mut self, key: &str, images: &DynArrayView<'_>, axes: ImageAxes) -> Result<()> {
        self.extend_stack(key, images, axes)?;
        let stack = axes.form(images.header())?;
        self.note_added(stack.map_or(0, |(stack, _)| count_images(&stack)))
    }

    /// Adds images to a stack, and leaves it to the caller to count them.
    pub(super) fn extend_stack(
        &mut self,
        key: &str,
        images: &DynArrayView<'_>,
        axes: ImageAxes,
    ) -> Result<()> {
        self.start_change()?;
        let blame = |error: Error| error.with_key(key);
        let identity = bitnpz_npz::identity(key);
        let (dtype, shape) = (images.dtype(), images.shape());
        let Some(item_shape) = shape.get(1..) else { return Err(blame(not_a_stack(images))) };
        let items: Cow<'_, [u8]> = c_order(images)?;
        let mut header = images.header().clone();
        header.fortran_order = false;
        let images = DynArrayView::new(header, &items)?;
        if self.encoding() == Encoding::Sets {
            self.sets.take_out(identity, &mut self.output)?;
            let rows = items.len().div_ceil(8 * dtype.item_size().max(1));
            if let Some(set) = self.sets.stacks.get_to_extend(identity, shape[0], &mut self.output)? {
                set.stack.check_batch(dtype, shape)?;
                set.push(&mut self.output, &items, shape[0])?;
                return self.sets.stacks.bound_memory(&mut self.output, rows);
            }
            let formed = growing_stack(&images, axes).map_err(blame)?;
            self.check_extends_nothing(key)?;
            let set = self.add_stack(key, &images, formed).map_err(blame)?;
            self.sets.stacks.push(set);
            return self.sets.stacks.bound_memory(&mut self.output, rows);
        }
        if let Some(waiting) = self.waiting.iter_mut().find(|waiting| waiting.stack.key == identity) {
            waiting.stack.check_batch(dtype, shape)?;
            let pushed = waiting.push(&items, shape[0]);
            return match pushed {
                // Nothing was added of images that do not fit.
                Err(error) if is_not_images(&error) => Err(error),
                // The stack has counted all of its items.
                pushed => self.output.abandon_on_error(pushed),
            };
        }
        let (stack_shape, form) = growing_stack(&images, axes).map_err(blame)?;
        self.check_extends_nothing(key)?;
        let form = form.map(|form| ArrayForm { shape: [&[0], item_shape].concat(), ..form });
        let stack = Stack::new(identity, dtype, &stack_shape[1..], form)?;
        let place = self.output.ledger.order.new_place();
        let mut waiting = WaitingStack::start(stack, &self.folder, place)?;
        waiting.push(&items, shape[0])?;
        self.output.ledger.order.note(place);
        self.waiting.push(waiting);
        Ok(())
    }

    /// Checks that a stack can be started under this key.
    fn check_extends_nothing(&self, key: &str) -> Result<()> {
        names::check_key(key)?;
        if self.contains(key) {
            return Err(Error::from(ErrorKind::NotExtendable).with_key(key));
        }
        Ok(())
    }
}

/// Returns the stack of images that an array is, if its first axis counts images so that more can be added.
fn growing_stack(images: &DynArrayView<'_>, axes: ImageAxes) -> Result<StackForm> {
    if axes == ImageAxes::Inferred && images.shape().len() < 3 {
        return Err(not_a_stack(images));
    }
    let (stack, form) = stack_of(images.header(), axes)?;
    if form.as_ref().is_none_or(|form| form.can_grow(&stack)) && stack.len() > 2 {
        return Ok((stack, form));
    }
    Err(if stack.len() > 2 { ErrorKind::FixedStack.into() } else { not_a_stack(images) })
}

fn not_a_stack(array: &DynArrayView<'_>) -> Error {
    ErrorKind::NotAStack { shape: array.shape().to_vec() }.into()
}
