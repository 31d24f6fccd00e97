//! Adding to stacks batch by batch.

use std::borrow::Cow;

use bitnpz_bitmap::Pixel;
use bitnpz_npy::{DynArrayView, Element};
use ndarray::{ArrayRef, Dimension};

use super::add::with_view;
use super::stack::Stack;
use super::writer::Writer;
use crate::axes::{ArrayForm, ImageAxes};
use crate::encoding::Encoding;
use crate::error::{Error, ErrorKind, Result};
use crate::names;
use crate::packed::{c_order, count_images};

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
        let images = self.extend_stack(key, images, axes)?;
        self.note_added(images)
    }

    /// Adds images to a stack, and returns their number, which the caller counts. What is refused adds nothing.
    pub(super) fn extend_stack(
        &mut self,
        key: &str,
        images: &DynArrayView<'_>,
        axes: ImageAxes,
    ) -> Result<usize> {
        self.start_change()?;
        let blame = |error: Error| error.with_key(key);
        let identity = bitnpz_npz::identity(key);
        let items: Cow<'_, [u8]> = c_order(images)?;
        let mut header = images.header().clone();
        header.fortran_order = false;
        let images = DynArrayView::new(header, &items)?;
        let count = images.shape().first().copied().unwrap_or(0);
        if self.encoding() == Encoding::Sets {
            self.sets.take_out(identity, &mut self.output)?;
            if let Some(set) = self.sets.stacks.get_to_extend(identity, count, &mut self.output)? {
                set.stack.check_batch(images.header(), axes)?;
                set.push(&mut self.output, &items, count)?;
                let added = count * set.stack.item_images();
                return self.bound_memory(&images).map(|()| added);
            }
        }
        if let Some(stack) = self.waiting.get(identity) {
            stack.check_batch(images.header(), axes)?;
            let added = count * stack.item_images();
            return self.waiting.push(identity, &items, count, &mut self.output).map(|()| added);
        }
        let (shape, form) = axes.growing_form(images.header()).map_err(blame)?;
        self.check_extends_nothing(key)?;
        let added = count_images(&shape);
        let empty_form = form.clone().map(|form| ArrayForm { shape: [&[0], &form.shape[1..]].concat(), ..form });
        let stack = Stack::new(identity, images.dtype(), &shape[1..], empty_form)?;
        let encoding = self.sets.encoding_of_stack(self.encoding(), &stack, &items);
        if encoding == Encoding::Sets {
            let set = self.add_stack(key, &images, (shape, form)).map_err(blame)?;
            self.sets.stacks.push(set);
            return self.bound_memory(&images).map(|()| added);
        }
        self.waiting.start(stack, encoding, &items, count, &mut self.output)?;
        Ok(added)
    }

    /// Moves images of sets to a temporary file if they take much memory, after these were added.
    fn bound_memory(&mut self, added: &DynArrayView<'_>) -> Result<()> {
        let rows = added.data().len().div_ceil(8 * added.dtype().item_size().max(1));
        self.sets.stacks.bound_memory(&mut self.output, rows)
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
