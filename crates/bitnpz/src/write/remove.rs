//! Writing an archive again without some of its arrays or images.

use std::path::Path;

use bitnpz_npy::{make_room, zeros};

use super::stack::Stack;
use super::writer::Writer;
use crate::error::{Error, ErrorKind, Result};
use crate::options::WriteOptions;
use crate::packed::{PackedKind, unpack};
use crate::read::{Archive, SetArray};
use crate::set::{StackShape, Stacks};

/// The outcome of adding what remains of an array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Remaining {
    /// It was added, if anything remains.
    Added,
    /// It was left out: its key is already taken.
    KeyTaken,
}

impl Writer {
    /// Starts an archive that has everything the archive at this path has, except the arrays whose keys `is_removed` accepts, and
    /// replaces it when it is finished. Everything else is copied without decoding it, except images of a set that loses one:
    /// these are encoded again.
    ///
    /// ```
    /// let folder = tempfile::tempdir()?;
    /// let path = folder.path().join("training.npz");
    /// let mut writer = bitnpz::Writer::create(&path)?;
    /// writer.add_array("labels", &ndarray::array![3_i64, 5])?;
    /// writer.add_array("notes", &ndarray::array![0_i64])?;
    /// writer.finish()?;
    ///
    /// let options = bitnpz::WriteOptions::default();
    /// bitnpz::Writer::without(&path, &options, |key| key == "notes")?.finish()?;
    /// assert_eq!(bitnpz::Archive::open(&path)?.keys().collect::<Vec<_>>(), ["labels"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`append`](Self::append), and if an image that must be encoded again is damaged.
    pub fn without(
        path: impl AsRef<Path>,
        options: &WriteOptions,
        is_removed: impl Fn(&str) -> bool,
    ) -> Result<Self> {
        let (mut writer, archive) = Self::replacing(path.as_ref(), options)?;
        let removed: Vec<Vec<bool>> = archive
            .sets()
            .iter()
            .map(|set| match set.stacks() {
                Some(stacks) => stacks.iter().map(|stack| is_removed(&stack.key)).collect(),
                None => (0..set.len()).map(|image| is_removed(&set.key(archive.zip(), image))).collect(),
            })
            .collect();
        let shared = |set: usize| archive.sets()[set].stacks().filter(|stacks| stacks.only().is_none());
        let of_shared = (0..archive.sets().len()).filter_map(shared).flat_map(Stacks::iter);
        let left_out = of_shared.map(|stack| &stack.key).filter(|key| is_removed(key));
        writer.sets.left_out = left_out.cloned().collect();
        for (set, removed) in archive.sets().iter().zip(&removed) {
            if set.is_keyed() && removed.contains(&true) && removed.contains(&false) {
                set.check(archive.zip())?;
            }
        }
        writer.take_over(
            &archive,
            |set| {
                let is_taken = shared(set).is_some() || !removed[set].contains(&true);
                is_taken.then(|| archive.sets()[set].ranges())
            },
            |_, key| Ok(!is_removed(key)),
            |writer, array| {
                // Nothing is left of a stack.
                if archive.sets()[array.set].is_keyed() {
                    let removed = &removed[array.set];
                    let key = archive.sets()[array.set].key(archive.zip(), array.images.start);
                    if writer.add_remaining(&archive, array, |image| removed[image])? == Remaining::KeyTaken {
                        return Err(Error::from(ErrorKind::DuplicateKey).with_key(&key));
                    }
                }
                Ok(())
            },
        )?;
        writer.sets.left_out.clear();
        Ok(writer)
    }

    /// Adds an array of an image set without the images that `is_gone` accepts: blank in a stack, so that the others keep their
    /// places; not at all if they have keys of their own.
    pub(crate) fn add_remaining(
        &mut self,
        archive: &Archive,
        array: SetArray,
        is_gone: impl Fn(usize) -> bool,
    ) -> Result<Remaining> {
        let set = &archive.sets()[array.set];
        let stack = set.stacks().map(|stacks| stacks.of(array.images.start));
        let Some(StackShape { key, shape, form }) = stack.filter(|stack| stack.shape.len() > 2) else {
            if array.images.clone().any(is_gone) {
                return Ok(Remaining::Added);
            }
            let entry = archive.entry_of_set(array)?;
            if self.contains(entry.key()) {
                return Ok(Remaining::KeyTaken);
            }
            self.add_dyn_images_of(entry.key(), &entry.to_array()?.view(), entry.image_axes())?;
            return Ok(Remaining::Added);
        };
        let kind = set.kind(shape[shape.len() - 1]);
        if self.contains(key) {
            return Ok(Remaining::KeyTaken);
        }
        let blank = blank_image(shape, &kind)?;
        let images = archive.images_of_set(array.clone());
        let stack = Stack::new(key, &kind.dtype, &shape[1..], form.clone())?.to_empty();
        let item_images = stack.item_images();
        let mut writer = self.start_stack(key, stack)?;
        let mut item = Vec::new();
        for image in 0..array.images.len() {
            if is_gone(array.images.start + image) {
                make_room(&mut item, blank.len())?;
                item.extend_from_slice(&blank);
            } else {
                images.unpack(image..image + 1, &mut item)?;
            }
            if (image + 1) % item_images == 0 {
                writer.push_counted(&item, 1)?;
                item.clear();
            }
        }
        writer.finish()?;
        Ok(Remaining::Added)
    }
}

/// Returns the pixels of a blank image of a stack of this shape, as they lie in memory.
fn blank_image(stack: &[usize], kind: &PackedKind) -> Result<Vec<u8>> {
    let height = stack[stack.len() - 2];
    let rows = zeros(height.saturating_mul(kind.width.div_ceil(8)))?;
    unpack(&rows, kind.width, &kind.dtype, kind.bits)
}
