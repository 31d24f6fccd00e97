//! From the images of a segment to its members.

use std::hint::black_box;
use std::sync::Arc;

use bitnpz_bitmap::codec::Model;
use bitnpz_npy::with_room;

use super::block::{Blocks, Entry};
use super::checksum::ImageCrc;
use super::collected::CollectedImages;
use super::description::{KeysDescription, SegmentDescription};
use super::distinct::Distinct;
use super::keys::{KeyList, KeysError};
use super::options::SetOptions;
use super::payloads::{Payloads, Sizes, checksums};
use super::train::{Taught, suit, train};
use crate::error::Result;

/// The memory that encoding needs for each image beside its packed rows: its views, its number and its payload's start, in bytes.
const BYTES_PER_IMAGE: usize = 96;

/// The memory that training needs at most, and for a small sample, in bytes: as measured.
const MAX_TRAINING_BYTES: usize = 128 << 20;
const MIN_TRAINING_BYTES: usize = 4 << 20;

/// Images that are encoded join the segment before them until it has so many bytes of payloads, or so many images. A segment is
/// opened as a whole, and takes members: the fewer there are, the better.
const SEGMENT_BYTES: usize = 8 << 20;
const SEGMENT_IMAGES: usize = 1 << 20;

/// Images that are encoded with one model: a segment, or a part of one.
#[derive(Debug)]
pub(super) struct EncodedImages {
    pub(super) model: Arc<Model>,
    size: Option<[usize; 2]>,
    payloads: Payloads,
    /// The CRC-32 of each image.
    crcs: Vec<u32>,
    keys: KeyList,
}

/// A segment that can be written.
#[derive(Debug)]
pub(super) struct EncodedSegment {
    /// Its description, but for the number of its model.
    pub(super) description: SegmentDescription,
    pub(super) blocks: Blocks,
    /// The keys, unless they follow a pattern.
    pub(super) key_table: Option<Vec<u8>>,
}

/// The model of images before those that are encoded.
#[derive(Debug)]
pub(super) struct ChosenModel {
    pub(super) model: Arc<Model>,
    /// Whether it is known to fit.
    pub(super) is_known: bool,
}

/// Encodes images with this model if it fits, or with one that is trained on them; if there is no model yet, for `total` images.
pub(super) fn encode(
    collected: CollectedImages,
    model: Option<ChosenModel>,
    total: usize,
    options: &SetOptions,
) -> Result<EncodedImages> {
    let training = match options.model {
        Some(_) => 0,
        None => MAX_TRAINING_BYTES.min(MIN_TRAINING_BYTES + 64 * collected.rows().len()),
    };
    check_memory(&collected, training)?;
    let images = collected.bitmaps();
    let distinct = Distinct::of(&images);
    let taught = Taught::new(&collected, &images, &distinct);
    let model = match model {
        Some(ChosenModel { model, is_known: true }) => model,
        Some(ChosenModel { model, .. }) => suit(model, &taught, options),
        None => Arc::new(train(&taught, total, options)),
    };
    drop(taught);
    let size = collected.common_size();
    let sizes = if size.is_some() { Sizes::Common } else { Sizes::Own };
    let payloads = Payloads::new(&model, &images, distinct, sizes, options);
    let crcs = images.iter().map(|&image| ImageCrc::of(image)).collect();
    Ok(EncodedImages { model, size, payloads, crcs, keys: collected.into_keys() })
}

impl EncodedImages {
    /// Returns whether other images could be in the same segment.
    pub(super) fn has_room(&self) -> bool {
        self.payloads.bytes() < SEGMENT_BYTES && (self.keys.is_empty() || self.keys.pattern().is_some())
    }

    /// Returns whether images that follow, encoded with the same model, can be in the same segment.
    pub(super) fn is_continued_by(&self, others: &Self) -> bool {
        self.payloads.bytes() + others.payloads.bytes() <= SEGMENT_BYTES
            && self.payloads.len() + others.payloads.len() <= SEGMENT_IMAGES
            && self.size == others.size
            && self.keys.is_continued_by(&others.keys)
    }

    /// Appends images that [can](Self::is_continued_by) be in the same segment.
    pub(super) fn append(&mut self, others: Self) {
        self.payloads.append(others.payloads);
        self.crcs.extend(others.crcs);
        self.keys.append(&others.keys);
    }

    /// Makes a segment of them.
    pub(super) fn to_segment(&self) -> Result<EncodedSegment> {
        let entries = self.payloads.entries();
        let blocks = Blocks::new(&entries, &checksums(&self.crcs, &entries));
        let repeats = entries.iter().any(|entry| matches!(entry, Entry::Repeat(_)));
        let (keys, key_table) = describe_keys(&self.keys)?;
        let description = SegmentDescription {
            images: entries.len(),
            size: self.size,
            model: 0,
            repeats,
            keys,
            directory: None,
        };
        Ok(EncodedSegment { description, blocks, key_table })
    }
}

/// Describes the keys of a segment, if there are any, and returns their table unless they follow a pattern.
pub(super) fn describe_keys(keys: &KeyList) -> Result<(Option<KeysDescription>, Option<Vec<u8>>)> {
    match keys.pattern() {
        _ if keys.is_empty() => Ok((None, None)),
        Some(pattern) => Ok((Some(KeysDescription::Pattern(pattern.clone())), None)),
        None => match keys.write() {
            Ok(table) => Ok((Some(KeysDescription::Table), Some(table))),
            Err(KeysError::OutOfMemory(error)) => Err(error.into()),
            Err(KeysError::Damaged(message)) => unreachable!("the keys are ours: {message}"),
        },
    }
}

/// Checks that there is memory for encoding, by allocating as much: here an error can be returned.
fn check_memory(collected: &CollectedImages, training: usize) -> Result<()> {
    let each = collected.len() * BYTES_PER_IMAGE;
    // Without `black_box` the compiler may remove the allocation as unused.
    drop(black_box(with_room::<u8>(2 * collected.rows().len() + each + training)?));
    Ok(())
}
