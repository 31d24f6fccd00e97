//! The members of a segment's payloads.

use std::ops::Range;

use bitnpz_npz::{Archive, Member};

use super::blob::Blob;
use crate::error::{ErrorKind, Result};
use crate::names::{self, SegmentPart};

/// The members of a segment's payloads.
#[derive(Clone, Debug)]
pub(super) struct PayloadMembers {
    /// That of the directory of the blocks, or of the index.
    pub(super) directory: String,
    pub(super) payload: String,
    /// Whether payloads are in blocks; in sets of versions 1 to 3 they are not.
    pub(super) has_blocks: bool,
}

impl PayloadMembers {
    /// Returns those of a segment.
    pub(super) fn of(set: &str, number: usize, has_blocks: bool) -> Self {
        let directory = if has_blocks { SegmentPart::Blocks } else { SegmentPart::Index };
        let [directory, payload] =
            [directory, SegmentPart::Payload].map(|part| names::of_segment(set, part, number));
        Self { directory, payload, has_blocks }
    }

    /// Checks that they are there, and that they have room for so many images, as far as the central directory tells. Returns
    /// whether it does: how large a member is that another program has compressed is known once it is read.
    pub(super) fn check(&self, zip: &Archive, images: usize) -> Result<bool> {
        let found = |member: &str| -> Result<Member<'_>> {
            let message = "expected this member, found none".to_owned();
            let missing = || ErrorKind::Damaged { member: member.to_owned(), message };
            zip.find(member).ok_or_else(|| missing().into())
        };
        let (payload, directory) = (found(&self.payload)?, found(&self.directory)?);
        // Half a byte for each image of a block, or a bit for each in an index.
        let (member, bytes, most) = match self.has_blocks {
            true => (&self.payload, payload.size(), payload.size().saturating_mul(2)),
            false => (&self.directory, directory.size(), directory.size().saturating_mul(8)),
        };
        if images as u64 > most {
            let message = format!("expected fewer than {images} images in {bytes} bytes");
            return Err(ErrorKind::Damaged { member: member.clone(), message }.into());
        }
        Ok([&payload, &directory].iter().all(|member| member.size() == member.compressed_size()))
    }

    /// Returns the range of the file that opening the directory needs.
    pub(super) fn directory_request(&self, zip: &Archive) -> Option<Range<u64>> {
        zip.find(&self.directory).map(|member| Blob::request(zip, &member))
    }

    /// Returns the range of the file that opening the payloads needs besides.
    pub(super) fn header_request(&self, zip: &Archive) -> Option<Range<u64>> {
        zip.find(&self.payload).map(|member| Blob::header_request(zip, &member))
    }
}
