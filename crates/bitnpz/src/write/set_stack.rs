//! A stack that goes into an image set.

use std::ops::Range;

use super::output::Output;
use super::source::items_at_once;
use super::spill::Spill;
use super::stack::Stack;
use super::taken_images::TakenImages;
use crate::error::Result;
use crate::interrupt;
use crate::read::{Archive, SetArray};
use crate::set::{SetWriter, are_collected};

/// A stack that becomes an image set of its own, or a part of one.
#[derive(Debug)]
pub(super) struct SetStack {
    pub(super) stack: Stack,
    pub(super) set: SetWriter,
    /// Its place in the order of saving.
    pub(super) place: usize,
    /// The first images that are not encoded yet, whose packed rows are in a temporary file: where each part is, and how many it has.
    spilled: Vec<(Range<u64>, usize)>,
    /// Images of another archive that come before those that are added.
    taken: Option<TakenImages>,
}

impl SetStack {
    pub(super) fn new(stack: Stack, set: SetWriter, place: usize) -> Self {
        Self { stack, set, place, spilled: Vec::new(), taken: None }
    }

    /// Begins with these images, which the stack has counted.
    pub(super) fn with_taken(self, taken: TakenImages) -> Self {
        Self { taken: Some(taken), ..self }
    }

    /// Copies the images that were taken over, if it has any still.
    pub(super) fn copy_taken(&mut self, output: &mut Output) -> Result<()> {
        self.taken.take().map_or(Ok(()), |taken| taken.copy(output, &mut self.set))
    }

    /// Returns whether no image has been encoded.
    pub(super) fn is_unwritten(&self) -> bool {
        self.taken.is_none() && self.set.is_unwritten()
    }

    /// Adds `count` items, given as bytes.
    pub(super) fn push(&mut self, output: &mut Output, items: &[u8], count: usize) -> Result<()> {
        self.stack.push(items, count)?;
        self.push_packed(output)
    }

    /// Adds the images of the items that the stack packed last.
    pub(super) fn push_packed(&mut self, output: &mut Output) -> Result<()> {
        // The stack has counted all of its items.
        output.whole(|output| self.push_images(output))
    }

    fn push_images(&mut self, output: &mut Output) -> Result<()> {
        if let Some(taken) = self.taken.take() {
            taken.join(output, &mut self.set)?;
        }
        let (size, bytes) = (self.stack.size(), self.image_bytes());
        let spilled: usize = self.spilled.iter().map(|(_, images)| images).sum();
        let images = self.stack.images() - self.set.len() - spilled;
        let rows = self.stack.take_rows();
        for image in 0..images {
            interrupt::check()?;
            self.set.push(&mut output.zip, &rows[image * bytes..][..bytes], size, None)?;
        }
        Ok(())
    }

    /// Adds some items of a stack in an image set of another archive, whose images are decoded.
    ///
    /// # Errors
    ///
    /// If the set is damaged: its images get new checksums.
    pub(super) fn push_decoded(
        &mut self,
        output: &mut Output,
        archive: &Archive,
        array: &SetArray,
        items: Range<usize>,
    ) -> Result<()> {
        let images = archive.images_of_set(array.clone());
        images.check()?;
        let (each, at_once) = (self.stack.item_images(), items_at_once(self.stack.item_bytes()));
        let mut pixels = Vec::new();
        for start in items.clone().step_by(at_once) {
            let end = items.end.min(start + at_once);
            pixels.clear();
            images.unpack(start * each..end * each, &mut pixels)?;
            self.push(output, &pixels, end - start)?;
        }
        Ok(())
    }

    /// Returns the bytes of the packed rows of an image.
    fn image_bytes(&self) -> usize {
        let [height, width] = self.stack.size();
        height * width.div_ceil(8)
    }

    /// Returns whether images are in a temporary file which must be moved back before so many items are added: images are encoded in
    /// their order.
    pub(super) fn needs_restoring(&self, items: usize) -> bool {
        let images = self.stack.images() - self.set.written();
        let images = images.saturating_add(items.saturating_mul(self.stack.item_images()));
        !self.spilled.is_empty() && !are_collected(images, images.saturating_mul(self.image_bytes()))
    }

    /// Moves the rows of its images that are not encoded yet from memory to a temporary file.
    pub(super) fn spill(&mut self, spill: &mut Spill) -> Result<()> {
        if self.set.collected_bytes() == 0 {
            return Ok(());
        }
        let rows = self.set.take_rows();
        self.spilled.push((spill.append(&rows)?, rows.len() / self.image_bytes()));
        Ok(())
    }

    /// Moves them back.
    pub(super) fn restore(&mut self, spill: &mut Spill, output: &mut Output) -> Result<()> {
        if self.spilled.is_empty() {
            return Ok(());
        }
        let (size, bytes, last) = (self.stack.size(), self.image_bytes(), self.set.take_rows());
        for (range, _) in std::mem::take(&mut self.spilled) {
            let at_once = items_at_once(bytes) * bytes;
            spill.read(range, at_once, |rows| self.set.add_rows(&mut output.zip, rows, size))?;
        }
        self.set.add_rows(&mut output.zip, &last, size)
    }

    /// Returns the packed rows of its images, if none has been encoded.
    pub(super) fn rows(&self) -> Option<impl Iterator<Item = &[u8]>> {
        self.is_unwritten().then(|| self.set.collected().map(|image| image.rows))
    }
}
