//! What a writer needs to keep its archive at its path and to continue with it.

use std::num::NonZero;
use std::path::PathBuf;

use super::ledger::Summary;
use crate::error::Result;
use crate::options::WriteOptions;
use crate::read::{Archive, Item};

/// An archive is kept after so many images unless told otherwise: to keep it costs a copy of all that is there.
const IMAGES: usize = 1 << 20;

/// What a writer needs to keep its archive at its path and to continue with it.
#[derive(Debug)]
pub(super) struct Checkpoint {
    pub(super) path: PathBuf,
    pub(super) options: WriteOptions,
    pub(super) every: Option<NonZero<usize>>,
    /// The number of images and arrays added since the archive was kept last.
    pub(super) added: usize,
    /// Whether everything that was added is at the path.
    pub(super) is_kept: bool,
}

impl Checkpoint {
    /// Opens the archive at the path.
    pub(super) fn archive(&self) -> Result<Archive> {
        Archive::open_with(&self.path, &self.options.reading())
    }

    /// Counts images that were added. Returns whether the archive is to be kept now.
    pub(super) fn add(&mut self, images: usize) -> bool {
        self.added = self.added.saturating_add(images.max(1));
        self.is_due()
    }

    /// Returns whether the archive is to be kept now.
    pub(super) fn is_due(&self) -> bool {
        self.added >= self.every.map_or(IMAGES, NonZero::get)
    }

    /// Returns what the archive at the path holds, if everything that was added is there. It must not be written again then: its
    /// bytes would depend on where an earlier writer was killed.
    pub(super) fn kept_summary(&self) -> Result<Option<Summary>> {
        if !self.is_kept {
            return Ok(None);
        }
        let archive = self.archive()?;
        let mut summary = Summary::default();
        for item in archive.items() {
            match item? {
                Item::Array(entry) => {
                    summary.keys += 1;
                    summary.images += entry.image_count().unwrap_or(0);
                }
                Item::Other(_) => summary.others += 1,
            }
        }
        Ok(Some(summary))
    }
}
