//! Checksums of blocks all of whose images are read, by several threads.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use bitnpz_bitmap::BitmapView;
use crc32fast::Hasher;

use super::checksum::{Checksum, Damage, ImageCrc};
use super::coded_image::CodedImage;
use super::directory::BLOCK;
use crate::error::{ErrorKind, Result};

/// The checksums of blocks as far as their images were read, by the numbers of segments and of blocks. Those that are read whole
/// are compared with what is stored.
#[derive(Debug, Default)]
pub(crate) struct BlockChecks(Mutex<HashMap<(u64, usize), Checksum>>);

/// Some images of one size, read one after the other.
pub(super) struct CheckedImages<'c> {
    checks: &'c BlockChecks,
    /// The hash of the size.
    size: Hasher,
    /// The last image, and the checksum of those of its block.
    last: Option<(&'c CodedImage<'c>, Checksum)>,
}

impl BlockChecks {
    pub(super) fn images(&self, size: [usize; 2]) -> CheckedImages<'_> {
        CheckedImages { checks: self, size: ImageCrc::of_size(size), last: None }
    }
}

impl<'c> CheckedImages<'c> {
    /// Adds the next image.
    pub(super) fn add(&mut self, coded: &'c CodedImage<'c>, image: BitmapView<'_>) -> Result<()> {
        // Checksums are behind the images: where reads are requests, one for them alone would cost much.
        if coded.zip.is_read_by_range() {
            return Ok(());
        }
        let block_of = |coded: &CodedImage<'_>| (coded.segment.id(), coded.number / BLOCK);
        if self.last.as_ref().is_some_and(|(last, _)| block_of(last) != block_of(coded)) {
            self.finish()?;
        }
        let crc = coded.original.map_or_else(
            || {
                let mut crc = self.size.clone();
                crc.update(image.as_bytes());
                crc.finalize()
            },
            Checksum::repeat_crc,
        );
        let (last, checksum) = self.last.get_or_insert_with(|| (coded, Checksum::default()));
        *last = coded;
        checksum.add_crc_at(coded.number % BLOCK, crc);
        Ok(())
    }

    /// Compares the block of the last images, if all of it was read.
    pub(super) fn finish(&mut self) -> Result<()> {
        let Some((coded, checksum)) = self.last.take() else { return Ok(()) };
        let (segment, block) = (coded.segment, coded.number / BLOCK);
        let images = BLOCK.min(segment.len() - block * BLOCK);
        let mut all = self.checks.0.lock().unwrap_or_else(PoisonError::into_inner);
        let read = all.entry((segment.id(), block)).or_default();
        read.add_all(&checksum);
        if read.images() < images {
            return Ok(());
        }
        let whole = all.remove(&(segment.id(), block)).unwrap_or_default();
        drop(all);
        if segment.payloads(coded.zip)?.damage(coded.zip, block, &whole)? == Damage::None {
            return Ok(());
        }
        let first = coded.image - coded.number % BLOCK;
        let message = format!(
            "expected other pixels in images {first} to {} of the set: their checksum differs; `verify` says which are \
             damaged, and `salvage` saves the others",
            first + images - 1
        );
        Err(ErrorKind::Damaged { member: segment.payload_member().to_owned(), message }.into())
    }
}
