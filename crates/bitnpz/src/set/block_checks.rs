//! Checksums of blocks all of whose images are read, by several threads.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use bitnpz_bitmap::BitmapView;
use bitnpz_npz::Archive;
use crc32fast::Hasher;

use super::checksum::{Checksum, Damage, ImageCrc};
use super::directory::BLOCK;
use super::segment::Segment;
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
    last: Option<(ImagePlace<'c>, Checksum)>,
}

/// Where an image is.
#[derive(Clone, Copy)]
pub(super) struct ImagePlace<'s> {
    pub(super) zip: &'s Archive,
    pub(super) segment: &'s Segment,
    /// Its number in the segment, and in the set.
    pub(super) number: usize,
    pub(super) image: usize,
}

impl ImagePlace<'_> {
    /// Returns the numbers of its segment, among all, and of its block in it.
    fn block(&self) -> (u64, usize) {
        (self.segment.id(), self.number / BLOCK)
    }
}

impl BlockChecks {
    pub(super) fn images(&self, size: [usize; 2]) -> CheckedImages<'_> {
        CheckedImages { checks: self, size: ImageCrc::of_size(size), last: None }
    }
}

impl<'c> CheckedImages<'c> {
    /// Adds the next image, and the number of the one that it repeats.
    pub(super) fn add(
        &mut self,
        place: ImagePlace<'c>,
        original: Option<usize>,
        image: BitmapView<'_>,
    ) -> Result<()> {
        // Checksums are behind the images: where reads are requests, one for them alone would cost much.
        if place.zip.is_read_by_range() {
            return Ok(());
        }
        if self.last.as_ref().is_some_and(|(last, _)| last.block() != place.block()) {
            self.finish()?;
        }
        let crc = original.map_or_else(
            || {
                let mut crc = self.size.clone();
                crc.update(image.as_bytes());
                crc.finalize()
            },
            Checksum::repeat_crc,
        );
        let (_, checksum) = self.last.get_or_insert_with(|| (place, Checksum::default()));
        checksum.add_crc_at(place.number % BLOCK, crc);
        Ok(())
    }

    /// Compares the block of the last images, if all of it was read.
    pub(super) fn finish(&mut self) -> Result<()> {
        let Some((place, checksum)) = self.last.take() else { return Ok(()) };
        let ImagePlace { zip, segment, number, image } = place;
        let (id, block) = place.block();
        let images = BLOCK.min(segment.len() - block * BLOCK);
        let mut all = self.checks.0.lock().unwrap_or_else(PoisonError::into_inner);
        let read = all.entry((id, block)).or_default();
        read.add_all(&checksum);
        if read.images() < images {
            return Ok(());
        }
        let whole = all.remove(&(id, block)).unwrap_or_default();
        drop(all);
        if segment.payloads(zip)?.damage(zip, block, &whole)? == Damage::None {
            return Ok(());
        }
        let first = image - number % BLOCK;
        let message = format!(
            "expected other pixels in images {first} to {} of the set: their checksum differs; `verify` says which are \
             damaged, and `salvage` saves the others",
            first + images - 1
        );
        Err(ErrorKind::Damaged { member: segment.members().payload.clone(), message }.into())
    }
}
