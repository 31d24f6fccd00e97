//! Writing the images of a set again of which some are gone.

use bitnpz_npy::with_room;

use super::stack_writer::StackWriter;
use super::writer::Writer;
use crate::error::Result;
use crate::packed::unpack;
use crate::read::{Archive, StoredImages};

impl Writer {
    /// Adds the images of an archive's set with this number, but those that are gone; in a stack these are blank, so that
    /// all others keep their places. Gives back the numbers of images whose keys are taken already, which are left out.
    pub(crate) fn add_set_without(
        &mut self,
        archive: &Archive,
        number: usize,
        is_gone: impl Fn(usize) -> bool,
    ) -> Result<Vec<usize>> {
        let set = &archive.sets()[number];
        let Some((key, shape)) = set.stack().filter(|(_, shape)| shape.len() > 2) else {
            let mut taken = Vec::new();
            for image in (0..set.len()).filter(|&image| !is_gone(image)) {
                let entry = archive.entry_of_set(number, image..image + 1)?;
                if self.contains(entry.key()) {
                    taken.push(image);
                } else {
                    self.add_dyn_images(entry.key(), &entry.to_array()?.view())?;
                }
            }
            return Ok(taken);
        };
        let &[.., height, width] = shape else { return Ok(Vec::new()) };
        let kind = set.kind(width);
        let mut rows = with_room(height.saturating_mul(width.div_ceil(8)))?;
        rows.resize(rows.capacity(), 0);
        let blank = unpack(&rows, width, &kind.dtype, kind.bits)?;
        let images = StoredImages::new(archive, number, 0..set.len());
        let item_images: usize = shape[1..shape.len() - 2].iter().product();
        let mut stack = StackWriter::start(self, key, &kind.dtype, &shape[1..])?;
        let mut item = Vec::new();
        for image in 0..set.len() {
            if is_gone(image) {
                item.extend_from_slice(&blank);
            } else {
                images.unpack(image..image + 1, &mut item)?;
            }
            if (image + 1) % item_images == 0 {
                stack.push_counted(&item, 1)?;
                item.clear();
            }
        }
        stack.finish()?;
        Ok(Vec::new())
    }
}
