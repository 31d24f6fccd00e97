//! Blocks, and the heads of blocks, kept for further reads of a file.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

/// Whole blocks are kept until so many bytes of a set are: those of 2.4 million glyphs of 28x28, or 800,000 of 128x128.
const MOST_OF_BLOCKS: usize = 32 << 20;

/// Of further blocks the heads are kept, until so many bytes are: those of about 25 million images.
const MOST: usize = MOST_OF_BLOCKS + (16 << 20);

/// The memory that a block takes besides its bytes.
const OVERHEAD: usize = 16;

/// The blocks of a segment that were read: whole, so that their images are read no more, or what is before their payloads, so that
/// an image is found without reading its whole block again.
#[derive(Debug, Default)]
pub(super) struct KeptBlocks {
    /// For each block its first bytes, or all.
    blocks: Vec<OnceLock<Box<[u8]>>>,
    /// The bytes that are kept of all segments of the set.
    kept: Arc<AtomicUsize>,
}

impl Drop for KeptBlocks {
    fn drop(&mut self) {
        let kept = self.blocks.iter().filter_map(|block| Some(block.get()?.len() + OVERHEAD));
        let bytes = kept.sum::<usize>() + self.blocks.len() * size_of::<OnceLock<Box<[u8]>>>();
        self.kept.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl KeptBlocks {
    /// Returns room for so many blocks of a set of which so many bytes are kept.
    pub(super) fn new(blocks: usize, kept: &Arc<AtomicUsize>) -> Self {
        let has_room = kept.load(Ordering::Relaxed) + blocks * size_of::<OnceLock<Box<[u8]>>>() <= MOST;
        let mut all = Self { blocks: Vec::new(), kept: Arc::clone(kept) };
        if has_room {
            kept.fetch_add(blocks * size_of::<OnceLock<Box<[u8]>>>(), Ordering::Relaxed);
            all.blocks.resize_with(blocks, OnceLock::new);
        }
        all
    }

    /// Returns what is kept of a block.
    pub(super) fn get(&self, block: usize) -> Option<&[u8]> {
        Some(self.blocks.get(block)?.get()?)
    }

    /// Returns whether there is room for a block, or its head.
    pub(super) fn has_room(&self, block: usize) -> bool {
        block < self.blocks.len() && self.kept.load(Ordering::Relaxed) < MOST
    }

    /// Returns whether there is room for a whole block.
    pub(super) fn has_room_for_all(&self, block: usize) -> bool {
        block < self.blocks.len() && self.kept.load(Ordering::Relaxed) < MOST_OF_BLOCKS
    }

    /// Keeps these bytes of a block for which there is room.
    pub(super) fn keep(&self, block: usize, bytes: &[u8]) {
        if self.blocks[block].set(bytes.into()).is_ok() {
            self.kept.fetch_add(bytes.len() + OVERHEAD, Ordering::Relaxed);
        }
    }
}
