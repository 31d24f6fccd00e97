//! Adding whole arrays from files and other archives, in bounded memory.

use std::io;
use std::path::Path;

use bitnpz_npy::{DynArrayView, Header, Kind};
use bitnpz_npz::Limits;

use super::array_stream::NewArray;
use super::order_log::MEMBERS;
use super::source::{ArraySource, NpyFile, WithAxes, is_not_images, is_two_valued};
use super::stack::Stack;
use super::writer::Writer;
use crate::axes::ImageAxes;
use crate::encoding::Encoding;
use crate::error::Result;
use crate::packed::count_images;
use crate::read::{Archive, Entry, Item, OtherMember};

/// How an array was added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    /// As images: it has two or more dimensions and two values.
    Images,
    /// As an ordinary array: it has fewer dimensions or more values.
    Array,
}

/// Larger arrays are read and added in pieces, to bound memory. In bytes.
pub(super) const WHOLE_BYTES: usize = 64 << 20;

impl Writer {
    /// Adds everything that another archive has, under the same keys and in the same order. Arrays of two or more dimensions
    /// and two values are added as images, other arrays as they are; members that are no arrays are copied.
    ///
    /// # Errors
    ///
    /// If reading or writing fails, or a key is taken.
    pub fn copy_from(&mut self, archive: &Archive) -> Result<()> {
        archive.items().try_for_each(|item| match item? {
            Item::Array(entry) => self.add_entry(&entry).map(drop),
            Item::Other(other) => self.add_other(&other),
        })
    }

    /// Copies a member of another archive that is no array, or cannot be read as one.
    ///
    /// # Errors
    ///
    /// If reading or writing fails, if its bytes are damaged, or its name is taken.
    pub fn add_other(&mut self, other: &OtherMember<'_>) -> Result<()> {
        let mut reader = other.member().reader()?;
        io::copy(&mut reader, &mut io::sink()).map_err(bitnpz_npz::Error::from)?;
        self.claim(other.member().name())?;
        self.copy_member(other.member(), None)
    }

    /// Adds an array of another archive under its key: as images if it has two or more dimensions and two values, else as
    /// it is.
    ///
    /// # Errors
    ///
    /// If reading or writing fails, or the key is taken.
    pub fn add_entry(&mut self, entry: &Entry<'_>) -> Result<Added> {
        self.add_from(entry.key(), entry).map_err(|error| error.with_key(entry.key()))
    }

    /// Adds an array: as images if it has two or more dimensions and two values, else as it is.
    ///
    /// # Errors
    ///
    /// If the key is taken or not allowed, or if writing fails.
    pub fn add_dyn(&mut self, key: &str, array: &DynArrayView<'_>) -> Result<Added> {
        self.add_dyn_of(key, array, ImageAxes::Inferred)
    }

    fn add_dyn_of(&mut self, key: &str, array: &DynArrayView<'_>, axes: ImageAxes) -> Result<Added> {
        match self.add_dyn_images_of(key, array, axes) {
            Err(error) if is_not_images(&error) => {}
            result => return result.map(|()| Added::Images),
        }
        self.add_dyn_array(key, array).map(|()| Added::Array)
    }

    /// Adds the array of a `.npy` file: as images if it has two or more dimensions and two values, else as it is.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, if the key is taken or not allowed, or if writing fails.
    pub fn add_npy_file(&mut self, key: &str, path: impl AsRef<Path>, limits: &Limits) -> Result<Added> {
        let file = NpyFile::open(path.as_ref(), limits)?;
        self.add_from(key, &file).map_err(|error| error.with_key(key))
    }

    /// Adds the array of a `.npy` file as [`add_npy_file`](Self::add_npy_file) does, its images along these axes.
    ///
    /// # Errors
    ///
    /// As [`add_npy_file`](Self::add_npy_file), and if an array of two values does not have these axes.
    pub fn add_npy_file_of(
        &mut self,
        key: &str,
        path: impl AsRef<Path>,
        limits: &Limits,
        axes: ImageAxes,
    ) -> Result<Added> {
        let file = NpyFile::open(path.as_ref(), limits)?;
        self.add_from(key, &WithAxes { source: &file, axes }).map_err(|error| error.with_key(key))
    }

    /// Adds an array of another archive as [`add_entry`](Self::add_entry) does, its images along these axes unless the archive
    /// says otherwise.
    ///
    /// # Errors
    ///
    /// As [`add_entry`](Self::add_entry), and if an array of two values does not have these axes.
    pub fn add_entry_of(&mut self, entry: &Entry<'_>, axes: ImageAxes) -> Result<Added> {
        let axes = match entry.image_axes() {
            ImageAxes::Inferred => axes,
            axes => axes,
        };
        self.add_from(entry.key(), &WithAxes { source: entry, axes })
            .map_err(|error| error.with_key(entry.key()))
    }

    pub(super) fn add_from(&mut self, key: &str, source: &impl ArraySource) -> Result<Added> {
        let (header, axes) = (source.header(), source.image_axes());
        let packs = self.encoding() != Encoding::Plain;
        // Bools have two values, whatever their bytes.
        let is_bool = header.dtype.kind() == Some(Kind::Bool);
        let is_bilevel =
            || -> Result<bool> { Ok(source.is_packed() || is_bool || (packs && is_two_valued(source)?)) };
        if let Some(every) = self.kept_after_items(key, header, axes)?
            && (self.items(key) > 0 || is_bilevel()?)
        {
            self.extend_from(key, source, every)?;
            return Ok(Added::Images);
        }
        let is_large = header.data_len() > WHOLE_BYTES && !header.fortran_order;
        if !is_large || (header.shape.len() < 2 && is_bool) {
            return self.add_dyn_of(key, &source.read()?.view(), axes);
        }
        if header.shape.len() < 2 || !is_bilevel()? {
            self.copy_array(key, source)?;
            return Ok(Added::Array);
        }
        let Some(stack) = Stack::like(key, header, axes)? else {
            return self.add_dyn_of(key, &source.read()?.view(), axes);
        };
        let mut stack = self.start_stack(key, stack)?;
        source.for_pieces(0, |items| stack.push_items(items))?;
        stack.finish()?;
        self.note_added(images_of(header, axes))?;
        Ok(Added::Images)
    }

    /// Copies a large ordinary array piece by piece.
    fn copy_array(&mut self, key: &str, source: &impl ArraySource) -> Result<()> {
        let (compression, meter) = (self.output.zip.options().compression, self.output.meter.clone());
        let mut reader = source.reader()?;
        let header = reader.header().clone();
        self.claim(key)?;
        let in_parts = self.output.has_parts(&header);
        let array = NewArray { key, place: MEMBERS, kind: None, in_parts };
        let mut stream = self.output.start_array(array, &header, compression)?;
        reader.copy_to(|items| {
            stream.write(items)?;
            meter.count_images(0, items.len());
            Ok(())
        })?;
        stream.finish(&header, 0)?;
        self.note_added(0)
    }

    /// Returns the number of items after which an array of this header is kept, if it can be kept in part.
    fn kept_after_items(&self, key: &str, header: &Header, axes: ImageAxes) -> Result<Option<usize>> {
        if self.encoding() != Encoding::Sets || header.data_len() == 0 || header.fortran_order {
            return Ok(None);
        }
        let Some(stack) = Stack::like(key, header, axes)? else { return Ok(None) };
        Ok(self.kept_after(stack.size()).map(|images| (images / stack.item_images().max(1)).max(1)))
    }

    /// Returns the number of items of a stack that can be extended.
    fn items(&self, key: &str) -> usize {
        self.sets.items(bitnpz_npz::identity(key)).unwrap_or(0)
    }

    /// Adds the items of an array that its stack does not have yet, and keeps the archive after `every` items.
    fn extend_from(&mut self, key: &str, source: &impl ArraySource, every: usize) -> Result<()> {
        let (header, axes) = (source.header(), source.image_axes());
        let item_bytes = header.data_len() / header.shape[0];
        let item_images = images_of(header, axes) / header.shape[0];
        let (start, mut unkept) = (self.items(key), 0);
        let mut done = start;
        let added = source.for_pieces(start, |mut items| {
            while !items.is_empty() {
                let count = (items.len() / item_bytes).min(every - done % every);
                let (now, later) = items.split_at(count * item_bytes);
                let shape = [&[count], &header.shape[1..]].concat();
                let now = DynArrayView::new(Header::new(header.dtype.clone(), shape), now)?;
                self.extend_stack(key, &now, axes)?;
                (done, unkept, items) = (done + count, unkept + count * item_images, later);
                // While only one value is known, the other could not be added to a set that was kept.
                let has_both = self.sets.stacks.iter().all(|set| set.stack.has_both_values());
                if done % every == 0 && done < header.shape[0] && has_both {
                    self.keep()?;
                    unkept = 0;
                }
            }
            Ok(())
        });
        // A part of the array must not pass for all of it.
        if added.is_err() && done > start {
            self.output.zip.abandon();
        }
        added?;
        self.note_added(unkept)
    }
}

/// Returns the number of images in an array of this header.
pub(super) fn images_of(header: &Header, axes: ImageAxes) -> usize {
    axes.form(header).ok().flatten().map_or(0, |(stack, _)| count_images(&stack))
}
