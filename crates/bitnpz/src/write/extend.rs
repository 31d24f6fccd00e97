//! Adding to stacks batch by batch.

use std::borrow::Cow;
use std::path::Path;

use bitnpz_bitmap::Pixel;
use bitnpz_npy::{Dtype, DynArrayView, Element};
use bitnpz_npz::Limits;
use ndarray::{ArrayRef, Dimension};

use super::add::with_view;
use super::copy::WHOLE_BYTES;
use super::source::{ArraySource, NpyFile};
use super::stack::Stack;
use super::threshold::Threshold;
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

    /// Adds the images of a `.npy` file to a stack, as [`extend_dyn_of`](Self::extend_dyn_of) does, in bounded memory.
    ///
    /// ```
    /// use bitnpz::{DynArray, ImageAxes, Limits};
    ///
    /// let folder = tempfile::tempdir()?;
    /// let part = folder.path().join("part.npy");
    /// let images = DynArray::from_ndarray(&ndarray::Array3::from_elem((50, 9, 9), true));
    /// std::fs::write(&part, images.to_npy()?)?;
    /// let mut writer = bitnpz::Writer::create(folder.path().join("training.npz"))?;
    /// for _ in 0..3 {
    ///     writer.extend_npy_file_of("glyphs", &part, &Limits::default(), ImageAxes::Inferred)?;
    /// }
    /// assert_eq!(writer.finish()?.images, 150);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`extend_dyn_of`](Self::extend_dyn_of), and if the file cannot be read. If a part of the images was added then, the
    /// archive fails.
    pub fn extend_npy_file_of(
        &mut self,
        key: &str,
        path: impl AsRef<Path>,
        limits: &Limits,
        axes: ImageAxes,
    ) -> Result<()> {
        self.extend_by_pieces(key, &NpyFile::open(path.as_ref(), limits)?, axes, None)
    }

    /// Adds the images of a `.npy` file to a stack as bools, by comparing their pixels with a threshold if it
    /// [applies](Threshold::applies).
    ///
    /// # Errors
    ///
    /// As [`extend_npy_file_of`](Self::extend_npy_file_of).
    pub fn extend_npy_file_at(
        &mut self,
        key: &str,
        path: impl AsRef<Path>,
        limits: &Limits,
        threshold: Threshold,
    ) -> Result<()> {
        let file = NpyFile::open(path.as_ref(), limits)?;
        let threshold = Some(threshold).filter(|threshold| threshold.applies(file.header()));
        self.extend_by_pieces(key, &file, ImageAxes::Inferred, threshold)
    }

    /// Adds the images of an array to a stack, of a large one in pieces.
    fn extend_by_pieces(
        &mut self,
        key: &str,
        source: &impl ArraySource,
        axes: ImageAxes,
        threshold: Option<Threshold>,
    ) -> Result<()> {
        let mut header = source.header().clone();
        let dtype = header.dtype.clone();
        if threshold.is_some() {
            header.dtype = Dtype::of::<bool>();
        }
        let pixels = |items: &[u8]| threshold.map(|threshold| threshold.compare(&dtype, items)).transpose();
        if source.header().data_len() <= WHOLE_BYTES || header.fortran_order {
            let array = source.read()?;
            let pixels = pixels(array.data())?;
            let array = DynArrayView::new(header, pixels.as_deref().unwrap_or(array.data()))?;
            return self.extend_dyn_of(key, &array, axes);
        }
        axes.growing_form(&header).map_err(|error| error.with_key(key))?;
        let item_bytes = source.header().data_len() / header.shape[0];
        let mut images = 0;
        let added = source.for_pieces(0, |items| {
            header.shape[0] = items.len() / item_bytes;
            let pixels = pixels(items)?;
            let batch = DynArrayView::new(header.clone(), pixels.as_deref().unwrap_or(items))?;
            images += self.extend_stack(key, &batch, axes)?;
            Ok(())
        });
        // A part of the array must not pass for all of it.
        if added.is_err() && images > 0 {
            self.output.zip.abandon();
        }
        added?;
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
            let extended = self.sets.stacks.extend(identity, count, &mut self.output, |set, output| {
                set.stack.check_batch(images.header(), axes)?;
                set.push(output, &items, count)?;
                Ok(count * set.stack.item_images())
            })?;
            if let Some(added) = extended {
                return Ok(added);
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
        let empty_form =
            form.clone().map(|form| ArrayForm { shape: [&[0], &form.shape[1..]].concat(), ..form });
        let stack = Stack::new(identity, images.dtype(), &shape[1..], empty_form)?;
        let encoding = self.sets.encoding_of_stack(self.encoding(), &stack, &items);
        if encoding == Encoding::Sets {
            let set = self.add_stack(key, &images, (shape, form)).map_err(blame)?;
            return self.sets.stacks.push(set, &mut self.output).map(|()| added);
        }
        self.waiting.start(stack, encoding, &items, count, &mut self.output)?;
        self.output.claim(key)?;
        Ok(added)
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
