//! Stacks that can still be extended.

use std::collections::HashMap;
use std::path::PathBuf;

use super::output::Output;
use super::set_stack::SetStack;
use super::spill::Spill;
use crate::error::Result;

/// So many bytes of packed rows are kept in memory, before they are moved to a temporary file. Encoding them then would give each
/// of many stacks a model of its own.
const MOST_COLLECTED: usize = if cfg!(test) { 64 << 10 } else { 256 << 20 };

/// After so many more bytes those in memory are counted again.
const COUNTED_AFTER: usize = MOST_COLLECTED / 8;

/// The stacks of image sets that can still be extended, in the order of saving.
#[derive(Debug)]
pub(super) struct OpenStacks {
    spill: Spill,
    stacks: Vec<SetStack>,
    /// The number of each stack, by its key.
    numbers: HashMap<String, usize>,
    /// The bytes that were added since those in memory were counted.
    added: usize,
}

impl OpenStacks {
    /// Starts without stacks, with temporary files in this folder.
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { spill: Spill::new(folder), stacks: Vec::new(), numbers: HashMap::new(), added: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.stacks.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &SetStack> {
        self.stacks.iter()
    }

    /// Returns the stack with this key.
    pub(super) fn get(&self, key: &str) -> Option<&SetStack> {
        self.numbers.get(key).map(|&number| &self.stacks[number])
    }

    /// Calls `extend` with the stack with this key, to which it adds so many items; returns `None` if there is none.
    pub(super) fn extend<R>(
        &mut self,
        key: &str,
        items: usize,
        output: &mut Output,
        extend: impl FnOnce(&mut SetStack, &mut Output) -> Result<R>,
    ) -> Result<Option<R>> {
        let Some(stack) = self.numbers.get(key).map(|&number| &mut self.stacks[number]) else {
            return Ok(None);
        };
        let before = stack.set.collected_bytes();
        if stack.needs_restoring(items) {
            output.whole(|output| stack.restore(&mut self.spill, output))?;
        }
        let extended = extend(stack, output)?;
        let added = stack.set.collected_bytes().saturating_sub(before);
        self.bound_memory(output, added)?;
        Ok(Some(extended))
    }

    /// Adds a stack whose key none of them has.
    pub(super) fn push(&mut self, stack: SetStack, output: &mut Output) -> Result<()> {
        let added = stack.set.collected_bytes();
        self.numbers.insert(stack.stack.key.clone(), self.stacks.len());
        self.stacks.push(stack);
        self.bound_memory(output, added)
    }

    /// Moves images to a temporary file if they take much memory, after so many bytes were added to those that are collected.
    fn bound_memory(&mut self, output: &mut Output, added: usize) -> Result<()> {
        self.added = self.added.saturating_add(added);
        if self.added < COUNTED_AFTER {
            return Ok(());
        }
        self.added = 0;
        let bytes: usize = self.stacks.iter().map(|stack| stack.set.collected_bytes()).sum();
        if bytes > MOST_COLLECTED {
            output.whole(|_| self.stacks.iter_mut().try_for_each(|stack| stack.spill(&mut self.spill)))?;
        }
        Ok(())
    }

    /// Takes all stacks out. Images of some may be in the [temporary file](Self::spill).
    pub(super) fn take(&mut self) -> Vec<SetStack> {
        self.numbers.clear();
        self.added = 0;
        std::mem::take(&mut self.stacks)
    }

    /// Returns the temporary file, from which images are restored.
    pub(super) fn spill(&mut self) -> &mut Spill {
        &mut self.spill
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array3, Axis, concatenate, s};

    use super::MOST_COLLECTED;
    use crate::{Archive, WriteOptions, Writer};

    /// Returns images of a class, which all differ.
    fn class(class: usize, count: usize) -> Array3<bool> {
        Array3::from_shape_fn((count, 16, 20), |(number, row, column)| {
            if row == 0 { number >> column & 1 == 1 } else { (row * 5 + column * 3 + class) % 7 < 2 }
        })
    }

    /// Memory is bounded whether images are those of an archive that is appended to, or some of their stack are encoded.
    #[test]
    fn images_of_many_stacks_take_bounded_memory() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npz");
        let (first, more) = (150, 2000);
        let mut writer = Writer::create(&path).unwrap();
        for number in 0..40 {
            writer.add_images(&number.to_string(), &class(number, first)).unwrap();
        }
        writer.finish().unwrap();
        let mut writer = Writer::append(&path, &WriteOptions::default()).unwrap();
        for (count, stacks) in [(1, 40), (more, 10)] {
            for number in 0..stacks {
                writer.extend(&number.to_string(), &class(number, count)).unwrap();
                let collected: usize =
                    writer.sets.stacks.iter().map(|stack| stack.set.collected_bytes()).sum();
                assert!(collected < 3 * MOST_COLLECTED, "{collected} bytes");
            }
        }
        writer.finish().unwrap();
        let archive = Archive::open(&path).unwrap();
        for number in 0..40 {
            let more = if number < 10 { more } else { 0 };
            let [one, two, three] = [first, 1, more].map(|count| class(number, count));
            let expected = concatenate![Axis(0), one, two, three].into_dyn();
            assert!(archive.array::<bool>(&number.to_string()).unwrap() == expected, "{number}");
        }
    }

    /// Limits are low in tests of this crate: images go to the temporary file, come back, and are encoded, in every order.
    #[test]
    fn images_in_a_temporary_file_keep_their_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npz");
        // Of 48 bytes an image; parts become larger, some than what is encoded together.
        let counts = |number: usize| [30, 200, 900, 2000, 5000][number % 5];
        let parts = |number: usize| if number.is_multiple_of(2) { 10 } else { 3 };
        let all: Vec<_> = (0..15).map(|number| class(number, counts(number))).collect();
        let mut writer = Writer::create(&path).unwrap();
        for part in 0..10 {
            for (number, images) in all.iter().enumerate().filter(|(number, _)| part < parts(*number)) {
                let end = |part: usize| images.len_of(Axis(0)) * part * part / parts(number) / parts(number);
                let images = images.slice(s![end(part)..end(part + 1), .., ..]).to_owned();
                writer.extend(&format!("{number}"), &images).unwrap();
            }
        }
        writer.finish().unwrap();
        let archive = Archive::open(&path).unwrap();
        assert!(archive.keys().eq((0..15).map(|number| format!("{number}"))));
        for (number, images) in all.iter().enumerate() {
            assert!(
                archive.array::<bool>(&format!("{number}")).unwrap() == images.clone().into_dyn(),
                "{number}"
            );
        }

        // What is copied comes behind what is in the file.
        let merged = folder.path().join("b.npz");
        Writer::merge(&merged, &[&path, &path, &path], &WriteOptions::default()).unwrap().finish().unwrap();
        let archive = Archive::open(&merged).unwrap();
        for (number, images) in all.iter().enumerate() {
            let expected = concatenate![Axis(0), *images, *images, *images];
            assert!(archive.array::<bool>(&format!("{number}")).unwrap() == expected.into_dyn(), "{number}");
        }
    }
}
