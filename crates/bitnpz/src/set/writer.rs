//! Writing an image set.

use std::io::{Seek, Write};
use std::sync::Arc;

use bitnpz_bitmap::codec::Model;
use bitnpz_npy::{Dtype, DynArrayView, Header};
use bitnpz_npz::{Compression, Owner, Writer};

use super::collected::{CollectedImage, CollectedImages};
use super::description::{Description, SegmentDescription, Shape};
use super::encode::{EncodedSegment, encode_segment};
use super::options::SetOptions;
use crate::error::{ErrorKind, Result};
use crate::names::{self, SegmentPart};
use crate::packed::PackedKind;
use crate::threads::Background;

/// A segment ends when its images have this many bytes of packed rows and keys: two segments are in memory at a time.
const SEGMENT_BYTES: usize = 32 << 20;

/// A segment ends when it has this many images, which bounds the memory for their sizes and payload starts.
const SEGMENT_IMAGES: usize = 1 << 19;

/// Images with more bytes of packed rows are refused: a segment's payloads must be below 4 GiB in all.
const MAX_IMAGE_BYTES: usize = u32::MAX as usize - 2 * SEGMENT_BYTES;

/// Deflate makes a key table smaller, and every reader of archives supports it.
const KEYS_COMPRESSION: Compression = Compression::Deflate { level: 12 };

/// Returns the number of images of this size, without keys, that make a segment.
pub(crate) fn segment_images([height, width]: [usize; 2]) -> usize {
    let bytes = height.saturating_mul(width.div_ceil(8));
    SEGMENT_BYTES.div_ceil(bytes.max(1)).min(SEGMENT_IMAGES)
}

/// Writes an image set segment by segment, in bounded memory: one segment is encoded while the next is collected.
#[derive(Debug)]
pub(crate) struct SetWriter {
    name: String,
    options: SetOptions,
    collected: CollectedImages,
    /// The segment that is being encoded.
    in_progress: Option<Background<Result<EncodedSegment>>>,
    owner: Owner,
    model: Option<Arc<Model>>,
    segments: Vec<SegmentDescription>,
    /// The number of images in segments.
    images: usize,
}

impl SetWriter {
    pub(crate) fn new(name: String, options: SetOptions) -> Self {
        Self {
            name,
            options,
            collected: CollectedImages::default(),
            in_progress: None,
            owner: Owner::current(),
            model: None,
            segments: Vec::new(),
            images: 0,
        }
    }

    /// Continues a set that has these segments and this model.
    pub(super) fn resume(
        name: String,
        options: SetOptions,
        model: Model,
        segments: Vec<SegmentDescription>,
    ) -> Self {
        let images = segments.iter().map(|segment| segment.images).sum();
        Self { model: Some(Arc::new(model)), segments, images, ..Self::new(name, options) }
    }

    /// Returns the number of images so far.
    pub(crate) fn len(&self) -> usize {
        self.images + self.collected.len()
    }

    /// Returns whether no segment has been started, so that all images are still as they were added.
    pub(crate) fn is_unwritten(&self) -> bool {
        self.images == 0
    }

    /// Returns the images that are in no segment yet.
    pub(crate) fn collected(&self) -> impl Iterator<Item = CollectedImage<'_>> {
        self.collected.iter()
    }

    /// Adds an image of these packed rows.
    pub(crate) fn push(
        &mut self,
        zip: &mut Writer<impl Write + Seek>,
        rows: &[u8],
        size: [usize; 2],
        key: Option<&str>,
    ) -> Result<()> {
        if rows.len() > MAX_IMAGE_BYTES {
            return Err(ErrorKind::HugeImage { size }.into());
        }
        self.collected.push(rows, size, key)?;
        self.options.meter.count_added(1);
        let bytes = self.collected.rows().len() + self.collected.keys().bytes();
        if bytes >= SEGMENT_BYTES || self.collected.len() >= SEGMENT_IMAGES {
            // How many images will come is unknown. A model for four times as many pays as soon as another segment follows.
            let total = 4 * self.collected.len();
            self.start_segment(zip, total)?;
        }
        Ok(())
    }

    /// Writes the remaining images and the description: the images are arrays of this kind and, together, of this shape.
    pub(crate) fn finish(
        mut self,
        zip: &mut Writer<impl Write + Seek>,
        kind: PackedKind,
        shape: Shape,
    ) -> Result<()> {
        if self.collected.len() > 0 || self.images == 0 {
            let total = self.len();
            self.start_segment(zip, total)?;
        }
        self.finish_segment(zip)?;
        let model = self.model.expect("a segment was written");
        let base = model.base().map(str::to_owned);
        let has_changes = base.is_some() && !model.as_bytes().is_empty();
        if base.is_none() || has_changes {
            add_bytes(zip, &names::of_model(&self.name), model.as_bytes(), Compression::Stored)?;
        }
        let (codec, segments) = (model.codec(), self.segments);
        let description = Description { codec, model: base, has_changes, kind, shape, segments };
        Ok(zip.add(&names::of_description(&self.name), description.to_json())?)
    }

    /// Starts to encode the collected images, once the segment before them is written.
    fn start_segment(&mut self, zip: &mut Writer<impl Write + Seek>, total: usize) -> Result<()> {
        self.finish_segment(zip)?;
        let images = std::mem::take(&mut self.collected);
        self.images += images.len();
        let (model, options) = (self.model.clone(), self.options.clone());
        match Background::start(move || encode_segment(&images, model, total, &options)) {
            Ok(job) => {
                self.in_progress = Some(job);
                Ok(())
            }
            Err(encode) => self.write_segment(zip, encode()?),
        }
    }

    /// Waits for the segment that is being encoded, and writes it.
    fn finish_segment(&mut self, zip: &mut Writer<impl Write + Seek>) -> Result<()> {
        self.owner.check().map_err(bitnpz_npz::Error::from)?;
        match self.in_progress.take() {
            Some(job) => self.write_segment(zip, job.wait(|| self.options.meter.report())??),
            None => Ok(()),
        }
    }

    fn write_segment(&mut self, zip: &mut Writer<impl Write + Seek>, encoded: EncodedSegment) -> Result<()> {
        let EncodedSegment { model, description, members } = encoded;
        for (part, bytes) in members {
            let compression = if part == SegmentPart::Keys { KEYS_COMPRESSION } else { Compression::Stored };
            let name = names::of_segment(&self.name, part, self.segments.len());
            add_bytes(zip, &name, &bytes, compression)?;
        }
        self.segments.push(description);
        self.model = Some(model);
        Ok(())
    }
}

/// Adds a member that is an array of bytes.
fn add_bytes(
    zip: &mut Writer<impl Write + Seek>,
    name: &str,
    bytes: &[u8],
    compression: Compression,
) -> Result<()> {
    let header = Header::new(Dtype::of::<u8>(), vec![bytes.len()]);
    let npy = DynArrayView::new(header, bytes)?.to_npy()?;
    Ok(zip.add_with(name, npy, compression)?)
}
