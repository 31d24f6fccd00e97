//! Writing an image set.

use std::collections::BTreeSet;
use std::io::Write;
use std::ops::Range;
use std::sync::Arc;

use bitnpz_bitmap::codec::Model;
use bitnpz_npz::{Archive, Compression, Owner, Writer};

use super::collected::{CollectedImage, CollectedImages};
use super::description::{KeysDescription, SegmentDescription, Shape};
use super::encode::{ChosenModel, EncodedImages, EncodedSegment, describe_keys, encode};
use super::finished_set::FinishedSet;
use super::model_bytes::ModelBytes;
use super::options::SetOptions;
use super::segment_blocks::{BlocksSource, SegmentBlocks};
use super::stored::StoredSet;
use crate::error::{ErrorKind, Result};
use crate::names::{self, SegmentPart};
use crate::packed::PackedKind;
use crate::threads::Background;

/// Images are encoded when they have this many bytes of packed rows and keys: twice as many are in memory at a time.
const COLLECTED_BYTES: usize = if cfg!(test) { 64 << 10 } else { 32 << 20 };

/// Images are encoded when there are this many, which bounds the memory for their sizes and payload starts.
const COLLECTED_IMAGES: usize = 1 << 19;

/// Images with more bytes of packed rows are refused: a segment's payloads must be below 4 GiB in all.
const MAX_IMAGE_BYTES: usize = u32::MAX as usize - 2 * COLLECTED_BYTES;

/// Deflate makes a key table smaller, and every reader of archives supports it.
const KEYS_COMPRESSION: Compression = Compression::Deflate { level: 12 };

/// Returns whether so many images of so many bytes in all are collected for certain, before any of them is encoded.
pub(crate) fn are_collected(images: usize, bytes: usize) -> bool {
    bytes <= COLLECTED_BYTES / 2 && images <= COLLECTED_IMAGES / 2
}

/// Returns the number of images of this size, without keys, that are encoded together.
pub(crate) fn images_at_once([height, width]: [usize; 2]) -> usize {
    let bytes = height.saturating_mul(width.div_ceil(8));
    COLLECTED_BYTES.div_ceil(bytes.max(1)).min(COLLECTED_IMAGES)
}

/// Writes an image set segment by segment, in bounded memory: some images are encoded while the next are collected.
#[derive(Debug)]
pub(crate) struct SetWriter {
    name: String,
    options: SetOptions,
    collected: CollectedImages,
    /// Images that are being encoded.
    in_progress: Option<Background<Result<EncodedImages>>>,
    /// The next segment, with the number of its model: it grows while it is small.
    segment: Option<(usize, EncodedImages)>,
    owner: Owner,
    /// The models of the segments. The next images have the last.
    models: Vec<ModelBytes>,
    /// The last, once images have been encoded with it.
    model: Option<Arc<Model>>,
    /// The number of the collected images that were decoded to be encoded again, and the model that they had.
    again: Option<(usize, ModelBytes)>,
    segments: Vec<SegmentDescription>,
    /// The directory of each segment.
    directories: Vec<Vec<u8>>,
    /// The number of images that are no longer collected.
    images: usize,
}

impl SetWriter {
    pub(crate) fn new(name: String, options: SetOptions) -> Self {
        let model = options.model.clone();
        Self {
            name,
            options,
            collected: CollectedImages::default(),
            in_progress: None,
            segment: None,
            owner: Owner::current(),
            models: model.iter().map(|model| ModelBytes::of(model)).collect(),
            model,
            again: None,
            segments: Vec::new(),
            directories: Vec::new(),
            images: 0,
        }
    }

    /// Adds some images of a set of another archive, without decoding them.
    pub(crate) fn add_set(
        &mut self,
        to: &mut Writer<impl Write>,
        from: &Archive,
        set: &StoredSet,
        images: &Range<usize>,
    ) -> Result<()> {
        if images.is_empty() {
            return Ok(());
        }
        if self.collected.len() > 0 {
            let total = self.len();
            self.start_encoding(to, total)?;
        }
        self.finish_segment(to)?;
        for (place, (first, segment)) in set.segments().enumerate() {
            let end = images.end.min(first + segment.len());
            let part = images.start.max(first).saturating_sub(first)..end.saturating_sub(first);
            if !part.is_empty() {
                self.add_segment(to, from, set, place, part)?;
            }
        }
        Ok(())
    }

    /// Adds some images of a set of another archive, which are decoded, to be encoded again with those that follow.
    pub(crate) fn add_again(
        &mut self,
        to: &mut Writer<impl Write>,
        from: &Archive,
        set: &StoredSet,
        images: Range<usize>,
    ) -> Result<()> {
        self.note_again(from, set, &images)?;
        let mut rows = Vec::new();
        for image in images {
            let size = set.with_image(from, image, |image| {
                rows.clear();
                rows.extend_from_slice(image.as_bytes());
                [image.height(), image.width()]
            })?;
            let key = set.is_keyed().then(|| set.key(from, image));
            self.collect(to, &rows, size, key.as_deref())?;
        }
        Ok(())
    }

    /// Notes that so many of the images that are collected are those of a set of another archive.
    pub(crate) fn note_again(
        &mut self,
        from: &Archive,
        set: &StoredSet,
        images: &Range<usize>,
    ) -> Result<()> {
        if images.is_empty() {
            return Ok(());
        }
        let (segment, _) = set.locate(images.start)?;
        self.again = Some((images.len(), set.model_bytes(from, segment)?));
        Ok(())
    }

    /// Returns the number of a model, which is added unless there is an equal one.
    fn number_of(&mut self, model: ModelBytes) -> usize {
        let known = self.models.iter().position(|known| *known == model);
        known.unwrap_or_else(|| {
            self.models.push(model);
            self.model = None;
            self.models.len() - 1
        })
    }

    /// Adds some images of the segment in this place of a set.
    fn add_segment(
        &mut self,
        to: &mut Writer<impl Write>,
        from: &Archive,
        set: &StoredSet,
        place: usize,
        images: Range<usize>,
    ) -> Result<()> {
        let (first, segment) = set.segments().nth(place).expect("a segment of the set");
        let model = self.number_of(set.model_bytes(from, segment)?);
        let number = self.segments.len();
        // It gets a new checksum: damage must not get one too.
        let members = segment.members();
        let directory = members.directory.member().and_then(|name| from.find(name));
        directory.map(|member| member.read()).transpose()?;
        let crc_of = |image| set.crc32(from, first + image);
        if images.len() < segment.len() {
            // Blocks that are cut get new checksums.
            from.find(&members.payload).map(|member| member.read()).transpose()?;
        }
        let SegmentBlocks { payload, directory, repeats } =
            segment.payloads(from)?.to_blocks(from, images.clone(), crc_of)?;
        let name = names::of_segment(&self.name, SegmentPart::Payload, number);
        match payload {
            BlocksSource::Member(member) => copy(to, from, member, &name)?,
            BlocksSource::New(bytes) => to.add_with(&name, bytes, Compression::Stored)?,
        }
        let mut description = SegmentDescription {
            images: images.len(),
            model,
            repeats,
            directory: None,
            ..segment.description().clone()
        };
        let name = names::of_segment(&self.name, SegmentPart::Keys, number);
        match &description.keys {
            Some(KeysDescription::Table) if images.len() == segment.len() => {
                copy(to, from, &names::of_segment(set.name(), SegmentPart::Keys, place), &name)?;
            }
            None => {}
            Some(KeysDescription::Pattern(_)) if images.len() == segment.len() => {}
            Some(_) => {
                let (keys, table) = describe_keys(&segment.key_list(from, images.clone())?)?;
                description.keys = keys;
                table.map_or(Ok(()), |table| to.add_with(&name, table, KEYS_COMPRESSION))?;
            }
        }
        self.segments.push(description);
        self.directories.push(directory);
        self.images += images.len();
        Ok(())
    }

    /// Returns the number of images so far.
    pub(crate) fn len(&self) -> usize {
        self.images + self.collected.len()
    }

    /// Returns whether no segment has been started, so that all images are still as they were added.
    pub(crate) fn is_unwritten(&self) -> bool {
        self.images == 0
    }

    /// Returns the number of images that are no longer collected.
    pub(crate) fn written(&self) -> usize {
        self.images
    }

    /// Names the set, no part of which has been written.
    pub(crate) fn rename(&mut self, name: &str) {
        debug_assert!(self.is_unwritten());
        name.clone_into(&mut self.name);
    }

    /// Returns the images that are in no segment yet.
    pub(crate) fn collected(&self) -> impl Iterator<Item = CollectedImage<'_>> {
        self.collected.iter()
    }

    /// Adds an image of these packed rows.
    pub(crate) fn push(
        &mut self,
        zip: &mut Writer<impl Write>,
        rows: &[u8],
        size: [usize; 2],
        key: Option<&str>,
    ) -> Result<()> {
        if rows.len() > MAX_IMAGE_BYTES {
            return Err(ErrorKind::HugeImage { size }.into());
        }
        self.collect(zip, rows, size, key)?;
        self.options.meter.count_added(1);
        Ok(())
    }

    /// Adds the images that another set, which has no segment, has collected. They have no keys.
    pub(crate) fn take_collected(&mut self, zip: &mut Writer<impl Write>, other: &Self) -> Result<()> {
        if let (Some((count, model)), Some((more, same))) = (&mut self.again, &other.again)
            && *model == *same
        {
            *count += more;
        }
        other.collected().try_for_each(|image| self.collect(zip, image.rows, image.size, None))
    }

    /// Takes out the packed rows of the images that are collected.
    pub(crate) fn take_rows(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.collected).into_rows()
    }

    /// Adds images of these packed rows that were taken out.
    pub(crate) fn add_rows(
        &mut self,
        zip: &mut Writer<impl Write>,
        rows: &[u8],
        size @ [height, width]: [usize; 2],
    ) -> Result<()> {
        let mut images = rows.chunks_exact((height * width.div_ceil(8)).max(1));
        images.try_for_each(|rows| self.collect(zip, rows, size, None))
    }

    /// Returns the bytes of the packed rows and keys of the images that are collected.
    pub(crate) fn collected_bytes(&self) -> usize {
        self.collected.rows().len() + self.collected.keys().bytes()
    }

    fn collect(
        &mut self,
        zip: &mut Writer<impl Write>,
        rows: &[u8],
        size: [usize; 2],
        key: Option<&str>,
    ) -> Result<()> {
        self.collected.push(rows, size, key)?;
        if self.collected_bytes() >= COLLECTED_BYTES || self.collected.len() >= COLLECTED_IMAGES {
            // How many images will come is unknown. A model for four times as many pays as soon as as many follow.
            let total = 4 * self.collected.len();
            self.start_encoding(zip, total)?;
        }
        Ok(())
    }

    /// Writes the remaining images, which are arrays of this kind and, together with the others, of this shape. What is returned is
    /// to be written behind the payloads of all sets.
    pub(crate) fn finish(
        mut self,
        zip: &mut Writer<impl Write>,
        kind: PackedKind,
        shape: Shape,
    ) -> Result<FinishedSet> {
        if self.collected.len() > 0 {
            let total = self.len();
            self.start_encoding(zip, total)?;
        }
        self.finish_segment(zip)?;
        let Self { name, directories, models, mut segments, .. } = self;
        // Without those that no segment has.
        let used: BTreeSet<usize> = segments.iter().map(|segment| segment.model).collect();
        segments.iter_mut().for_each(|segment| segment.model = used.range(..segment.model).count());
        let models = used.iter().map(|&number| models[number].clone()).collect();
        Ok(FinishedSet { name, directories, models, kind, shape, segments })
    }

    /// Starts to encode the collected images, once those before them are encoded.
    fn start_encoding(&mut self, zip: &mut Writer<impl Write>, total: usize) -> Result<()> {
        self.finish_encoding(zip)?;
        let images = std::mem::take(&mut self.collected);
        self.images += images.len();
        let mut is_known = false;
        if let Some((before, model)) = self.again.take() {
            // A model is trained when there are twice as many images, so that training takes little of the time.
            let is_like_before = before.checked_ilog2() == images.len().checked_ilog2();
            if self.models.is_empty() && self.options.codec.is_none() && is_like_before {
                self.models.push(model.clone());
            }
            // Whether it fits is checked if an eighth or more are new.
            is_known = self.models.last() == Some(&model) && images.len() < before + before / 8;
        }
        // A codec that is asked for is that of new images in a set that has another, too.
        let is_asked_for = |model: &&ModelBytes| self.options.codec.is_none_or(|codec| codec == model.codec);
        if let (None, Some(last)) = (&self.model, self.models.last().filter(is_asked_for)) {
            self.model = Some(last.to_shared()?);
        }
        let (model, options) = (self.model.clone(), self.options.clone());
        let model = model.map(|model| ChosenModel { model, is_known });
        match Background::start(move || encode(images, model, total, &options)) {
            Ok(job) => {
                self.in_progress = Some(job);
                Ok(())
            }
            Err(encode) => self.add_encoded(zip, encode()?),
        }
    }

    /// Waits for the images that are being encoded, and adds them to their segment.
    fn finish_encoding(&mut self, zip: &mut Writer<impl Write>) -> Result<()> {
        self.owner.check().map_err(bitnpz_npz::Error::from)?;
        match self.in_progress.take() {
            Some(job) => self.add_encoded(zip, job.wait(|| self.options.meter.report())??),
            None => Ok(()),
        }
    }

    /// Adds images to the segment before them, or writes that and starts the next.
    fn add_encoded(&mut self, zip: &mut Writer<impl Write>, images: EncodedImages) -> Result<()> {
        let number = self.number_of(ModelBytes::of(&images.model));
        self.model = Some(Arc::clone(&images.model));
        match &mut self.segment {
            Some((model, segment)) if *model == number && segment.is_continued_by(&images) => {
                segment.append(images);
            }
            _ => {
                self.write_segment(zip)?;
                self.segment = Some((number, images));
            }
        }
        match &self.segment {
            Some((_, segment)) if !segment.has_room() => self.write_segment(zip),
            _ => Ok(()),
        }
    }

    /// Writes all images that are encoded, or are being encoded.
    fn finish_segment(&mut self, zip: &mut Writer<impl Write>) -> Result<()> {
        self.finish_encoding(zip)?;
        self.write_segment(zip)
    }

    fn write_segment(&mut self, zip: &mut Writer<impl Write>) -> Result<()> {
        let Some((model, images)) = self.segment.take() else { return Ok(()) };
        let EncodedSegment { mut description, blocks, key_table } = images.to_segment()?;
        drop(images);
        let name = |part| names::of_segment(&self.name, part, self.segments.len());
        zip.add_with(&name(SegmentPart::Payload), blocks.bytes, Compression::Stored)?;
        if let Some(table) = key_table {
            zip.add_with(&name(SegmentPart::Keys), table, KEYS_COMPRESSION)?;
        }
        description.model = model;
        self.segments.push(description);
        self.directories.push(blocks.directory);
        Ok(())
    }
}

/// Copies a member of another archive, under another name.
fn copy(to: &mut Writer<impl Write>, from: &Archive, member: &str, name: &str) -> Result<()> {
    let found = from.find(member).expect("a member that was opened");
    // Those of sets of versions 1 to 5 are arrays, and stay so.
    let ending = if found.name().ends_with(".npy") { ".npy" } else { "" };
    Ok(to.copy_as(&found, &format!("{name}{ending}"))?)
}
