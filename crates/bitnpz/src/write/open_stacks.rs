//! Stacks that can still be extended.

use std::collections::HashMap;

use super::output::Output;
use super::set_stack::SetStack;
use crate::error::Result;

/// So many bytes of packed rows are kept in memory before those so far are encoded.
const MOST_COLLECTED: usize = 256 << 20;

/// Of smaller stacks images stay in memory: each would get a model of its own.
const LARGE: usize = 1 << 20;

/// After so many more bytes those in memory are counted again.
const COUNTED_AFTER: usize = 32 << 20;

/// The stacks of image sets that can still be extended, in the order of saving.
#[derive(Debug, Default)]
pub(super) struct OpenStacks {
    stacks: Vec<SetStack>,
    /// The number of each stack, by its key.
    numbers: HashMap<String, usize>,
    /// The bytes that were added since those in memory were counted.
    added: usize,
}

impl OpenStacks {
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

    /// Encodes images if they take much memory, after so many bytes of packed rows were added.
    pub(super) fn bound_memory(&mut self, output: &mut Output, added: usize) -> Result<()> {
        self.added = self.added.saturating_add(added);
        if self.added < COUNTED_AFTER {
            return Ok(());
        }
        self.added = 0;
        let bytes: usize = self.stacks.iter().map(|stack| stack.set.collected_bytes()).sum();
        if bytes > MOST_COLLECTED {
            let large = self.stacks.iter_mut().filter(|stack| stack.set.collected_bytes() >= LARGE);
            large.map(|stack| stack.set.flush(&mut output.zip)).collect::<Result<()>>()?;
        }
        Ok(())
    }

    /// Takes all stacks out.
    pub(super) fn take(&mut self) -> Vec<SetStack> {
        std::mem::take(self).stacks
    }
}
