//! From the images of a segment to its members.

use std::hint::black_box;
use std::sync::Arc;

use bitnpz_bitmap::codec::Model;
use bitnpz_npy::with_room;

use super::collected::CollectedImages;
use super::description::{KeysDescription, SegmentDescription};
use super::keys::KeysError;
use super::options::SetOptions;
use super::payload_index;
use super::payloads::{Payloads, Sizes};
use super::train::train;
use crate::error::{Error, Result};
use crate::names::SegmentPart;

/// The memory that encoding needs for each image beside its packed rows: its view, its number and its payload's start, in bytes.
const BYTES_PER_IMAGE: usize = 64;

/// The memory that training needs at most, and for a small sample, in bytes: as measured.
const MAX_TRAINING_BYTES: usize = 128 << 20;
const MIN_TRAINING_BYTES: usize = 4 << 20;

/// A segment that is encoded and can be written.
#[derive(Debug)]
pub(super) struct EncodedSegment {
    pub(super) model: Arc<Model>,
    pub(super) description: SegmentDescription,
    pub(super) members: Vec<(SegmentPart, Vec<u8>)>,
}

/// Encodes a segment with this model or, if there is none yet, with one that is trained on its images for `total` images.
pub(super) fn encode_segment(
    collected: &CollectedImages,
    model: Option<Arc<Model>>,
    total: usize,
    options: &SetOptions,
) -> Result<EncodedSegment> {
    let training = match model {
        Some(_) => 0,
        None => MAX_TRAINING_BYTES.min(MIN_TRAINING_BYTES + 64 * collected.rows().len()),
    };
    check_memory(collected, training)?;
    let images = collected.bitmaps();
    let model = model.unwrap_or_else(|| Arc::new(train(collected, &images, total, options)));
    let size = collected.common_size();
    let sizes = if size.is_some() { Sizes::Common } else { Sizes::Own };
    let payloads = Payloads::new(&model, &images, sizes, options);
    let checksums = payloads.checksums(&images);
    let index = payload_index::write(&payloads.starts, payloads.repeats.as_deref(), &checksums);
    let mut description =
        SegmentDescription { images: images.len(), size, repeats: payloads.repeats.is_some(), keys: None };
    let mut members = vec![(SegmentPart::Payload, payloads.bytes), (SegmentPart::Index, index)];
    let keys = collected.keys();
    description.keys = match keys.pattern() {
        _ if keys.is_empty() => None,
        Some(pattern) => Some(KeysDescription::Pattern(pattern.clone())),
        None => {
            let table = keys.write().map_err(|error| match error {
                KeysError::OutOfMemory(error) => Error::from(error),
                KeysError::Damaged(message) => unreachable!("the keys are ours: {message}"),
            })?;
            members.push((SegmentPart::Keys, table));
            Some(KeysDescription::Table)
        }
    };
    Ok(EncodedSegment { model, description, members })
}

/// Checks that there is memory for encoding, by allocating as much: here an error can be returned.
fn check_memory(collected: &CollectedImages, training: usize) -> Result<()> {
    let each = collected.len() * BYTES_PER_IMAGE;
    // Without `black_box` the compiler may remove the allocation as unused.
    drop(black_box(with_room::<u8>(2 * collected.rows().len() + each + training)?));
    Ok(())
}
