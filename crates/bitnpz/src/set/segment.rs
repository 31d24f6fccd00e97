//! A segment of an image set in an archive.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use bitnpz_npz::Archive;

use super::description::SegmentDescription;
use super::keys::{KeyList, KeysView};
use super::payload_members::PayloadMembers;
use super::segment_keys::SegmentKeys;
use super::stored_payloads::StoredPayloads;
use crate::error::{ErrorKind, Result};
use crate::names::{self, SegmentPart};

/// A segment of an image set.
#[derive(Debug)]
pub(super) struct Segment {
    /// That of no other segment that is open, or was.
    id: u64,
    description: SegmentDescription,
    keys: SegmentKeys,
    members: PayloadMembers,
    /// Opened when an image is first read: opening an archive takes no longer for having many segments.
    payloads: OnceLock<StoredPayloads>,
    /// The bytes of blocks that are kept of all segments of the set.
    kept: Arc<AtomicUsize>,
}

impl Segment {
    /// Opens a segment: its keys, and its payloads as far as the central directory tells.
    pub(super) fn open(
        zip: &Archive,
        set: &str,
        number: usize,
        description: SegmentDescription,
        has_blocks: bool,
        kept: &Arc<AtomicUsize>,
    ) -> Result<Self> {
        let members = PayloadMembers::of(set, number, &description, has_blocks);
        let is_known = members.check(zip, description.images)?;
        let keys_member = names::of_segment(set, SegmentPart::Keys, number);
        let keys = SegmentKeys::open(zip, &keys_member, description.keys.as_ref(), description.images)?;
        static OPENED: AtomicU64 = AtomicU64::new(0);
        let id = OPENED.fetch_add(1, Ordering::Relaxed);
        let segment =
            Self { id, description, keys, members, payloads: OnceLock::new(), kept: Arc::clone(kept) };
        if !is_known {
            segment.payloads(zip)?;
        }
        Ok(segment)
    }

    /// Returns the payloads, which are opened when they are first needed.
    pub(super) fn payloads(&self, zip: &Archive) -> Result<&StoredPayloads> {
        match self.payloads.get() {
            Some(payloads) => Ok(payloads),
            None => {
                let payloads = StoredPayloads::open(zip, &self.members, &self.description, &self.kept)?;
                Ok(self.payloads.get_or_init(|| payloads))
            }
        }
    }

    /// Returns whether the payloads are open.
    pub(super) fn is_open(&self) -> bool {
        self.payloads.get().is_some()
    }

    /// Returns the range of the file that opening the directory of the payloads needs.
    pub(super) fn directory_request(&self, zip: &Archive) -> Option<Range<u64>> {
        self.members.directory_request(zip)
    }

    /// Returns the range of the file that opening the payloads needs besides, and the payloads as they most likely are, unless they
    /// are open.
    pub(super) fn likely(&self, zip: &Archive) -> Option<(Range<u64>, Option<StoredPayloads>)> {
        if self.is_open() {
            return None;
        }
        let likely = StoredPayloads::likely(zip, &self.members, &self.description);
        Some((self.members.header_request(zip)?, likely))
    }

    /// Returns a number that no other segment has or had.
    pub(super) fn id(&self) -> u64 {
        self.id
    }

    /// Returns the number of images.
    pub(super) fn len(&self) -> usize {
        self.description.images
    }

    /// Returns the members of its payloads.
    pub(super) fn members(&self) -> &PayloadMembers {
        &self.members
    }

    /// Returns the bytes that an image takes on average.
    pub(super) fn payload_bytes(&self, zip: &Archive) -> u64 {
        let payloads = zip.find(&self.members.payload).map_or(0, |member| member.compressed_size());
        payloads / self.len().max(1) as u64
    }

    pub(super) fn description(&self) -> &SegmentDescription {
        &self.description
    }

    /// Returns the number of its model.
    pub(super) fn model(&self) -> usize {
        self.description.model
    }

    /// Returns the height and width of all images; `None` if they differ.
    pub(super) fn size(&self) -> Option<[usize; 2]> {
        self.description.size
    }

    /// Returns the keys of some images.
    pub(super) fn key_list(&self, zip: &Archive, images: Range<usize>) -> Result<KeyList> {
        let mut list = KeyList::default();
        for image in images {
            let key = self
                .with_keys(zip, |keys| keys.key(image))
                .ok_or_else(|| self.damaged(format!("expected a key of image {image}, found none")))?;
            list.push(&key);
        }
        Ok(list)
    }

    /// Calls `with` with the keys, if the images have any.
    pub(super) fn with_keys<R>(
        &self,
        zip: &Archive,
        with: impl FnOnce(KeysView<'_>) -> Option<R>,
    ) -> Option<R> {
        self.keys.with(zip, self.len(), with)
    }

    /// Returns the error of a damaged payload.
    pub(super) fn damaged(&self, message: String) -> ErrorKind {
        ErrorKind::Damaged { member: self.members.payload.clone(), message }
    }
}
