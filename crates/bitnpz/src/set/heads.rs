//! The heads of blocks, kept for further reads of a file.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

/// The most bytes of heads that are kept of a set: those of about 25 million images.
const MAX_KEPT: usize = 16 << 20;

/// The memory that a head takes besides its bytes.
const OVERHEAD: usize = 16;

/// What is before the payloads in the blocks of a segment, of those that were read: an image is found without reading it again.
/// Without it, each image that is read at a position costs the reading of its whole block.
#[derive(Debug, Default)]
pub(super) struct Heads {
    /// For each block.
    heads: Vec<OnceLock<Box<[u8]>>>,
    /// The bytes that are kept of all segments of the set.
    kept: Arc<AtomicUsize>,
}

impl Heads {
    /// Returns room for the heads of so many blocks of a set of which so many bytes are kept.
    pub(super) fn new(blocks: usize, kept: &Arc<AtomicUsize>) -> Self {
        let has_room = kept.load(Ordering::Relaxed) + blocks * size_of::<OnceLock<Box<[u8]>>>() <= MAX_KEPT;
        let mut heads = Self { heads: Vec::new(), kept: Arc::clone(kept) };
        if has_room {
            kept.fetch_add(blocks * size_of::<OnceLock<Box<[u8]>>>(), Ordering::Relaxed);
            heads.heads.resize_with(blocks, OnceLock::new);
        }
        heads
    }

    /// Returns the head of a block, if it is kept.
    pub(super) fn get(&self, block: usize) -> Option<&[u8]> {
        Some(self.heads.get(block)?.get()?)
    }

    /// Returns whether there is room for the head of a block.
    pub(super) fn has_room(&self, block: usize) -> bool {
        block < self.heads.len() && self.kept.load(Ordering::Relaxed) < MAX_KEPT
    }

    /// Keeps the head of a block for which there is room.
    pub(super) fn keep(&self, block: usize, head: &[u8]) {
        if self.heads[block].set(head.into()).is_ok() {
            self.kept.fetch_add(head.len() + OVERHEAD, Ordering::Relaxed);
        }
    }
}
