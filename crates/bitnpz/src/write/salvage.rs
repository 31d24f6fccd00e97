//! Writing the images of a set again of which some are gone.

use bitnpz_npy::with_room;

use super::order_log::MEMBERS;
use super::stack::Stack;
use super::stack_writer::StackWriter;
use super::writer::Writer;
use crate::error::Result;
use crate::packed::unpack;
use crate::read::{Archive, SetArray};

impl Writer {
    /// Adds an array of an archive's set with this number, of these images, without those that are gone: in a stack these are
    /// blank, so that all others keep their places. Gives back whether the key of an image is taken already, so that it is left
    /// out.
    pub(crate) fn add_without(
        &mut self,
        archive: &Archive,
        array: SetArray,
        is_gone: impl Fn(usize) -> bool,
    ) -> Result<bool> {
        let set = &archive.sets()[array.set];
        let Some((key, shape)) = set.stack().filter(|(_, shape)| shape.len() > 2) else {
            if array.images.clone().any(is_gone) {
                return Ok(false);
            }
            let entry = archive.entry_of_set(array)?;
            if self.contains(entry.key()) {
                return Ok(true);
            }
            self.add_dyn_images(entry.key(), &entry.to_array()?.view())?;
            return Ok(false);
        };
        let &[.., height, width] = shape else { return Ok(false) };
        let kind = set.kind(width);
        let mut rows = with_room(height.saturating_mul(width.div_ceil(8)))?;
        rows.resize(rows.capacity(), 0);
        let blank = unpack(&rows, width, &kind.dtype, kind.bits)?;
        let images = archive.images_of_set(array.clone());
        let item_images: usize = shape[1..shape.len() - 2].iter().product();
        let stack = Stack::new(key, &kind.dtype, &shape[1..], set.form().cloned())?.to_empty();
        let mut stack = StackWriter::start_stack(self, key, stack, MEMBERS)?;
        let mut item = Vec::new();
        for image in array.images {
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
        Ok(false)
    }
}
