//! Stacks that can still be extended.

use std::collections::HashMap;
use std::fs::File;
use std::path::PathBuf;

use super::output::Output;
use super::set_stack::SetStack;
use crate::error::Result;

/// So many bytes of packed rows are kept in memory, before they are moved to a temporary file. Encoding them then would give each
/// of many stacks a model of its own.
const MOST_COLLECTED: usize = 256 << 20;

/// After so many more bytes those in memory are counted again.
const COUNTED_AFTER: usize = 32 << 20;

/// The stacks of image sets that can still be extended, in the order of saving.
#[derive(Debug)]
pub(super) struct OpenStacks {
    /// The folder for the temporary file.
    folder: PathBuf,
    /// The file, once there is one.
    spilled: Option<File>,
    stacks: Vec<SetStack>,
    /// The number of each stack, by its key.
    numbers: HashMap<String, usize>,
    /// The bytes that were added since those in memory were counted.
    added: usize,
}

impl OpenStacks {
    /// Starts without stacks, with temporary files in this folder.
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder, spilled: None, stacks: Vec::new(), numbers: HashMap::new(), added: 0 }
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

    /// Returns the stack with this key, to add to it.
    pub(super) fn get_mut(&mut self, key: &str) -> Option<&mut SetStack> {
        self.numbers.get(key).map(|&number| &mut self.stacks[number])
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
            let spilled = self.spill();
            output.abandon_on_error(spilled)?;
        }
        Ok(())
    }

    fn spill(&mut self) -> Result<()> {
        let mut file = match self.spilled.take() {
            Some(file) => file,
            None => tempfile::tempfile_in(&self.folder).map_err(bitnpz_npz::Error::from)?,
        };
        self.stacks.iter_mut().try_for_each(|stack| stack.spill(&mut file))?;
        self.spilled = Some(file);
        Ok(())
    }

    /// Takes all stacks out, with the file that has images of some.
    pub(super) fn take(&mut self) -> (Vec<SetStack>, Option<File>) {
        let stacks = std::mem::replace(self, Self::new(self.folder.clone()));
        (stacks.stacks, stacks.spilled)
    }
}
