//! The payloads of a segment as blocks, for another archive: copied, or laid out anew without decoding.

use std::borrow::Cow;
use std::collections::{HashMap, hash_map};
use std::ops::Range;

use bitnpz_npz::Archive;

use super::block::{Blocks, Entry};
use super::checksum::{self, Checksum};
use super::directory::BLOCK;
use super::stored_payloads::{Layout, StoredPayload, StoredPayloads, repeated};
use crate::error::{ErrorKind, Result};

/// What is stored of an image that is written to another archive.
struct KeptImage<'a> {
    /// The payload; of a repeat, that of its original.
    payload: Cow<'a, [u8]>,
    /// Of a repeat, the number of the earlier image that it is equal to.
    original: Option<usize>,
}

/// The blocks of a segment, to be written to another archive.
#[derive(Debug)]
pub(super) struct SegmentBlocks<'a> {
    pub(super) payload: BlocksSource<'a>,
    pub(super) directory: Vec<u8>,
    /// Whether some images are repeats.
    pub(super) repeats: bool,
}

/// Where the blocks of a segment are.
#[derive(Debug)]
pub(super) enum BlocksSource<'a> {
    /// In the member of this name, which can be copied.
    Member(&'a str),
    /// Here.
    New(Vec<u8>),
}

impl StoredPayloads {
    /// Returns the payloads of some images, as blocks, and their directory: the member as it is, if they are all and in blocks
    /// already, else blocks that are laid out anew. `crc_of` returns the CRC-32 of an image; it is called only for those that
    /// stop being repeats, and for those of blocks that are cut.
    pub(super) fn to_blocks<'a>(
        &'a self,
        zip: &'a Archive,
        images: Range<usize>,
        crc_of: impl Fn(usize) -> Result<u32>,
    ) -> Result<SegmentBlocks<'a>> {
        if let Some(member) = self.damaged_directory(zip)? {
            let message = "expected the places of payloads as they were written, found others; \
                `bitnpz salvage` keeps the images";
            return Err(ErrorKind::Damaged { member: member.to_owned(), message: message.to_owned() }.into());
        }
        if let Layout::Blocks(directory, _) = &self.layout
            && images == (0..self.images)
        {
            let payload = BlocksSource::Member(self.payload.member());
            let repeats = directory.repeat_bytes.is_some();
            let directory = self.directory.bytes(zip)?.into_owned();
            return Ok(SegmentBlocks { payload, directory, repeats });
        }
        let kept = images.clone().map(|image| self.kept(zip, image)).collect::<Result<Vec<_>>>()?;
        // An image whose original is left out becomes the original of others.
        let mut originals = HashMap::new();
        let mut entries = Vec::new();
        for (number, kept) in kept.iter().enumerate() {
            entries.push(match kept.original {
                None => Entry::Payload(&kept.payload),
                Some(original) => match original.checked_sub(images.start) {
                    Some(original) => Entry::Repeat(original),
                    None => match originals.entry(original) {
                        hash_map::Entry::Occupied(first) => Entry::Repeat(*first.get()),
                        hash_map::Entry::Vacant(first) => {
                            first.insert(number);
                            Entry::Payload(&kept.payload)
                        }
                    },
                },
            });
        }
        let blocks = (0..entries.len()).step_by(BLOCK).map(|start| {
            let end = entries.len().min(start + BLOCK);
            self.checksum_of(zip, images.start + start, &kept[start..end], &entries[start..end], &crc_of)
        });
        let Blocks { bytes, directory } = Blocks::new(&entries, &blocks.collect::<Result<Vec<_>>>()?);
        let repeats = entries.iter().any(|entry| matches!(entry, Entry::Repeat(_)));
        Ok(SegmentBlocks { payload: BlocksSource::New(bytes), directory, repeats })
    }

    /// Returns what is stored of an image.
    fn kept<'a>(&'a self, zip: &'a Archive, image: usize) -> Result<KeptImage<'a>> {
        let StoredPayload { bytes, is_repeat } = self.stored(None, zip, image)?;
        if !is_repeat {
            return Ok(KeptImage { payload: bytes, original: None });
        }
        let original = repeated(&bytes, image).ok_or_else(|| self.damaged_at(image))?;
        Ok(KeptImage { payload: self.payload(zip, image)?, original: Some(original) })
    }

    /// Returns the checksum of a new block, whose first image is `first`: that of a block that is there, as far as that has the
    /// same images.
    fn checksum_of(
        &self,
        zip: &Archive,
        first: usize,
        kept: &[KeptImage<'_>],
        entries: &[Entry<'_>],
        crc_of: impl Fn(usize) -> Result<u32>,
    ) -> Result<[u8; checksum::BYTES]> {
        let crc = |place: usize| match entries[place] {
            Entry::Repeat(original) => Ok(Checksum::repeat_crc(original)),
            Entry::Payload(_) => crc_of(first + place),
        };
        if !first.is_multiple_of(BLOCK) || first + kept.len() != self.images.min(first + BLOCK) {
            let mut checksum = Checksum::default();
            (0..kept.len()).try_for_each(|place| crc(place).map(|crc| checksum.add_crc(crc)))?;
            return Ok(checksum.to_bytes());
        }
        let mut checksum = self.checksum(zip, first / BLOCK)?;
        for (place, kept) in kept.iter().enumerate() {
            if let Some(original) = kept.original {
                let before = Checksum::repeat_crc(original);
                checksum = Checksum::changed(checksum, place, before, crc(place)?);
            }
        }
        Ok(checksum)
    }
}
