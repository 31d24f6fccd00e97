//! The members of a segment's payloads.

use std::ops::Range;

use bitnpz_npz::{Archive, Member};

use super::blob::Blob;
use super::description::SegmentDescription;
use super::location::Location;
use crate::error::{ErrorKind, Result};
use crate::names::{self, SegmentPart};

/// The members of a segment's payloads.
#[derive(Clone, Debug)]
pub(super) struct PayloadMembers {
    /// Where the directory of the blocks, or the index, is.
    pub(super) directory: Location,
    pub(super) payload: String,
    /// The member of the set's description.
    pub(super) description: String,
    /// Whether payloads are in blocks; in sets of versions 1 to 3 they are not.
    pub(super) has_blocks: bool,
}

impl PayloadMembers {
    /// Returns those of the segment with this number.
    pub(super) fn of(set: &str, number: usize, segment: &SegmentDescription, has_blocks: bool) -> Self {
        Self {
            directory: segment.directory(set, number, has_blocks),
            payload: names::of_segment(set, SegmentPart::Payload, number),
            description: names::of_description(set),
            has_blocks,
        }
    }

    /// Checks that they are there, and that they have room for so many images, as far as the central directory tells. Returns
    /// whether it does: how large a member is that another program has compressed is known once it is read.
    pub(super) fn check(&self, zip: &Archive, images: usize) -> Result<bool> {
        let found = |member: &str| -> Result<Member<'_>> {
            let message = "expected this member, found none".to_owned();
            let missing = || ErrorKind::Damaged { member: member.to_owned(), message };
            zip.find(member).ok_or_else(|| missing().into())
        };
        let payload = found(&self.payload)?;
        let directory = self.directory.member().map(found).transpose()?;
        // Half a byte for each image of a block, or a bit for each in an index.
        let (member, most) = match &directory {
            Some(index) if !self.has_blocks => (index, index.size().saturating_mul(8)),
            _ => (&payload, payload.size().saturating_mul(2)),
        };
        if images as u64 > most {
            let message = format!("expected fewer than {images} images in {} bytes", member.size());
            return Err(ErrorKind::Damaged { member: member.name().to_owned(), message }.into());
        }
        Ok([Some(payload), directory]
            .iter()
            .flatten()
            .all(|member| member.size() == member.compressed_size()))
    }

    /// Returns the member that the directory is in, or is a part of.
    pub(super) fn directory_member(&self) -> &str {
        self.directory.member().unwrap_or(&self.description)
    }

    /// Returns the range of the file that opening the directory needs.
    pub(super) fn directory_request(&self, zip: &Archive) -> Option<Range<u64>> {
        zip.find(self.directory.member()?).map(|member| Blob::request(zip, &member))
    }

    /// Returns the range of the file that opening the payloads needs besides.
    pub(super) fn header_request(&self, zip: &Archive) -> Option<Range<u64>> {
        zip.find(&self.payload).map(|member| Blob::header_request(zip, &member))
    }
}
