//! Writing an image set.

use std::io::{Seek, Write};
use std::sync::Arc;

use bitnpz_bitmap::codec::Model;
use bitnpz_npy::{Dtype, DynArrayView, Header, make_room};
use bitnpz_npz::{Compression, Owner, Writer};

use super::description::{Description, SegmentDescription, Shape};
use super::encode::{Encoded, Images, SetOptions};
use crate::error::{ErrorKind, Result};
use crate::names::{self, SegmentPart};
use crate::packed::PackedKind;
use crate::threads::Background;

/// A segment is written once it has this many bytes of packed rows and keys, or this many images.
const SEGMENT_BYTES: usize = 32 << 20;
const SEGMENT_IMAGES: usize = 1 << 19;

/// How many images of this size make a segment, of images without keys.
pub(crate) fn segment_images([height, width]: [usize; 2]) -> usize {
    let bytes = height.saturating_mul(width.div_ceil(8));
    SEGMENT_BYTES.div_ceil(bytes.max(1)).min(SEGMENT_IMAGES)
}

/// An image of more bytes of packed rows has no place in a segment, whose payloads are below 4 GiB.
const MOST_ROWS: usize = u32::MAX as usize - 2 * SEGMENT_BYTES;

/// Of the table of keys deflate makes less, and every reader of archives knows it.
const KEYS_COMPRESSION: Compression = Compression::Deflate { level: 12 };

/// Writes an image set, segment by segment, in bounded memory: one is encoded while the next is collected.
#[derive(Debug)]
pub(crate) struct SetWriter {
    name: String,
    options: SetOptions,
    collected: Images,
    encoding: Option<Background<Result<Encoded>>>,
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
            collected: Images::default(),
            encoding: None,
            owner: Owner::current(),
            model: None,
            segments: Vec::new(),
            images: 0,
        }
    }

    /// Goes on with a set that has these segments and this model.
    pub(super) fn resume(
        name: String,
        options: SetOptions,
        model: Model,
        segments: Vec<SegmentDescription>,
    ) -> Self {
        let images = segments.iter().map(|segment| segment.images).sum();
        Self { model: Some(Arc::new(model)), segments, images, ..Self::new(name, options) }
    }

    /// The number of images so far.
    pub(crate) fn len(&self) -> usize {
        self.images + self.collected.sizes.len()
    }

    /// Whether all images are still as they were added.
    pub(crate) fn is_unwritten(&self) -> bool {
        self.images == 0
    }

    /// The images that are in no segment yet: their keys, if they have any, sizes and packed rows.
    pub(crate) fn images(&self) -> impl Iterator<Item = (Option<String>, [usize; 2], &[u8])> {
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
        if rows.len() > MOST_ROWS {
            return Err(ErrorKind::HugeImage { size }.into());
        }
        let Images { rows: all, sizes, keys } = &mut self.collected;
        make_room(all, rows.len())?;
        all.extend_from_slice(rows);
        sizes.push(size);
        if let Some(key) = key {
            keys.push(key);
        }
        self.options.meter.collect(1);
        if all.len() + keys.bytes() >= SEGMENT_BYTES || sizes.len() >= SEGMENT_IMAGES {
            // There will be more, and nobody knows how many.
            let total = 4 * sizes.len();
            self.start_segment(zip, total)?;
        }
        Ok(())
    }

    /// Writes what is left: images of this kind, which together are an array under one key, or each have their own.
    pub(crate) fn finish(
        mut self,
        zip: &mut Writer<impl Write + Seek>,
        kind: PackedKind,
        shape: Shape,
    ) -> Result<()> {
        if !self.collected.sizes.is_empty() || self.images == 0 {
            let total = self.len();
            self.start_segment(zip, total)?;
        }
        self.finish_segment(zip)?;
        let model = self.model.expect("a segment was written");
        let shipped = model.name().map(str::to_owned);
        let name = &self.name;
        if shipped.is_none() {
            add(zip, &names::of_model(name), model.as_bytes(), Compression::Stored)?;
        }
        let description =
            Description { codec: model.codec(), model: shipped, kind, shape, segments: self.segments };
        Ok(zip.add(&names::of_description(name), description.to_json())?)
    }

    /// Starts to encode the images that are collected, once what came before them is written.
    fn start_segment(&mut self, zip: &mut Writer<impl Write + Seek>, total: usize) -> Result<()> {
        self.finish_segment(zip)?;
        let images = std::mem::take(&mut self.collected);
        self.images += images.sizes.len();
        let (model, options) = (self.model.clone(), self.options.clone());
        match Background::start(move || images.encode(model, total, &options)) {
            Ok(encoding) => {
                self.encoding = Some(encoding);
                Ok(())
            }
            Err(encode) => self.write_segment(zip, encode()?),
        }
    }

    /// Waits for the segment that is being encoded, and writes it.
    fn finish_segment(&mut self, zip: &mut Writer<impl Write + Seek>) -> Result<()> {
        self.owner.check().map_err(bitnpz_npz::Error::from)?;
        match self.encoding.take() {
            Some(encoding) => self.write_segment(zip, encoding.wait(|| self.options.meter.tell())??),
            None => Ok(()),
        }
    }

    fn write_segment(&mut self, zip: &mut Writer<impl Write + Seek>, encoded: Encoded) -> Result<()> {
        let Encoded { model, description, members } = encoded;
        for (part, bytes) in members {
            let compression = if part == SegmentPart::Keys { KEYS_COMPRESSION } else { Compression::Stored };
            add(zip, &names::of_segment(&self.name, part, self.segments.len()), &bytes, compression)?;
        }
        self.segments.push(description);
        self.model = Some(model);
        Ok(())
    }
}

/// Adds an array of bytes.
fn add(
    zip: &mut Writer<impl Write + Seek>,
    name: &str,
    bytes: &[u8],
    compression: Compression,
) -> Result<()> {
    let header = Header::new(Dtype::of::<u8>(), vec![bytes.len()]);
    let npy = DynArrayView::new(header, bytes)?.to_npy()?;
    Ok(zip.add_with(name, npy, compression)?)
}
