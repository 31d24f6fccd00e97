//! A stack that goes into an image set.

use std::ops::Range;

use super::output::Output;
use super::source::items_at_once;
use super::stack::Stack;
use crate::error::Result;
use crate::interrupt;
use crate::read::{Archive, SetArray};
use crate::set::SetWriter;

/// A stack that becomes an image set of its own, or a part of one.
#[derive(Debug)]
pub(super) struct SetStack {
    pub(super) stack: Stack,
    pub(super) set: SetWriter,
    /// Its place in the order of saving.
    pub(super) place: usize,
}

impl SetStack {
    /// Adds `count` items, given as bytes.
    pub(super) fn push(&mut self, output: &mut Output, items: &[u8], count: usize) -> Result<()> {
        self.stack.push(items, count)?;
        self.push_packed(output)
    }

    /// Adds the images of the items that the stack packed last.
    pub(super) fn push_packed(&mut self, output: &mut Output) -> Result<()> {
        let pushed = self.push_images(output);
        // The stack has counted all of its items.
        output.abandon_on_error(pushed)
    }

    fn push_images(&mut self, output: &mut Output) -> Result<()> {
        let size = self.stack.size();
        let bytes = size[0] * size[1].div_ceil(8);
        let images = self.stack.images() - self.set.len();
        for image in 0..images {
            interrupt::check()?;
            self.set.push(&mut output.zip, &self.stack.last_rows()[image * bytes..][..bytes], size, None)?;
        }
        Ok(())
    }

    /// Adds some items of a stack in an image set of another archive, whose images are decoded.
    pub(super) fn push_decoded(
        &mut self,
        output: &mut Output,
        archive: &Archive,
        array: &SetArray,
        items: Range<usize>,
    ) -> Result<()> {
        let images = archive.images_of_set(array.clone());
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

    /// Returns the packed rows of its images, if none has been encoded.
    pub(super) fn rows(&self) -> Option<impl Iterator<Item = &[u8]>> {
        self.set.is_unwritten().then(|| self.set.collected().map(|image| image.rows))
    }
}
