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

    /// Returns the stack with this key, to add so many items to it.
    pub(super) fn get_to_extend(
        &mut self,
        key: &str,
        items: usize,
        output: &mut Output,
    ) -> Result<Option<&mut SetStack>> {
        let Some(stack) = self.numbers.get(key).map(|&number| &mut self.stacks[number]) else {
            return Ok(None);
        };
        if stack.needs_restoring(items) {
            output.whole(|output| stack.restore(&mut self.spill, output))?;
        }
        Ok(Some(stack))
    }

    /// Adds a stack whose key none of them has.
    pub(super) fn push(&mut self, stack: SetStack) {
        self.numbers.insert(stack.stack.key.clone(), self.stacks.len());
        self.stacks.push(stack);
    }

    /// Moves images to a temporary file if they take much memory, after so many bytes of packed rows were added.
    pub(super) fn bound_memory(&mut self, output: &mut Output, added: usize) -> Result<()> {
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

    use crate::{Archive, WriteOptions, Writer};

    /// Returns images of a class, which all differ.
    fn class(class: usize, count: usize) -> Array3<bool> {
        Array3::from_shape_fn((count, 16, 20), |(number, row, column)| {
            if row == 0 { number >> column & 1 == 1 } else { (row * 5 + column * 3 + class) % 7 < 2 }
        })
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
