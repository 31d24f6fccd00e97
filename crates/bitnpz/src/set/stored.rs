//! An image set in an archive.

use std::ops::Range;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, OnceLock};

use bitnpz_bitmap::BitmapView;
use bitnpz_bitmap::codec::{Codec, Model, OnesCounter};
use bitnpz_npy::check_shape;
use bitnpz_npz::Archive;

use super::blob::Blob;
use super::block_checks::{BlockChecks, ImagePlace};
use super::checksum::{ImageCrc, ImageSink};
use super::coded_image::{CodedImage, Scratch, blame, with_scratch};
use super::description::{Description, Ones, Shape};
use super::directory::BLOCK;
use super::limits::check_image;
use super::location::Location;
use super::model_bytes::ModelBytes;
use super::model_description::ModelDescription;
use super::numbers::take_varint;
use super::payload_members::PayloadMembers;
use super::segment::Segment;
use super::stacks::Stacks;
use super::window::{Requested, Window};
use crate::error::{Error, ErrorKind, Result};
use crate::names::{self, SegmentPart};
use crate::packed::PackedKind;

/// Payloads are read at once if at least one in so many of the images from the first to the last is wanted.
const MAX_SPREAD: usize = 4;

/// An image set of an archive.
#[derive(Debug)]
pub(crate) struct StoredSet {
    name: String,
    description: Description,
    /// The stacks; `None` if each image has a key of its own.
    stacks: Option<Stacks>,
    segments: Vec<Segment>,
    /// The number of images up to the end of each segment.
    ends: Vec<usize>,
    models: Vec<StoredModel>,
    decoding_nanoseconds: u64,
    /// Set once the checksums of its members were found to fit.
    pub(super) checked: OnceLock<()>,
    /// The first image of the block whose checksum was last found to fit; no image if none was.
    pub(super) checked_block: AtomicUsize,
}

/// A model of a set, which is read when it is first needed.
#[derive(Debug)]
struct StoredModel {
    description: ModelDescription,
    /// The member of the set's description.
    member: String,
    model: OnceLock<Arc<Model>>,
}

impl StoredModel {
    fn get(&self, zip: &Archive) -> Result<&Model> {
        if let Some(model) = self.model.get() {
            return Ok(model);
        }
        let ModelDescription { base, location, .. } = &self.description;
        if let (Some(shipped), None) = (base.as_deref().and_then(Model::shipped), location) {
            return Ok(shipped);
        }
        let damaged = |error: bitnpz_bitmap::Error| {
            let member = location.as_ref().and_then(Location::member).unwrap_or(&self.member).to_owned();
            ErrorKind::Damaged { member, message: error.to_string() }
        };
        let model = self.bytes(zip)?.to_shared().map_err(damaged)?;
        Ok(self.model.get_or_init(|| model))
    }

    /// Reads the model as it is stored.
    fn bytes(&self, zip: &Archive) -> Result<ModelBytes> {
        let ModelDescription { codec, base, location } = &self.description;
        let bytes = match location {
            None => Vec::new(),
            Some(Location::Description(bytes)) => bytes.clone(),
            Some(Location::Member(name)) => Blob::open(zip, name)?.bytes(zip)?.into_owned(),
        };
        Ok(ModelBytes { codec: *codec, base: base.clone(), bytes })
    }
}

impl StoredSet {
    /// Opens the set of this name.
    pub(crate) fn open(zip: &Archive, name: &str) -> Result<Self> {
        let member = names::of_description(name);
        let damaged = |message: String| ErrorKind::Damaged { member: member.clone(), message };
        let found =
            zip.find(&member).ok_or_else(|| damaged("expected this member, found none".to_owned()))?;
        let description = Description::from_json(&found.read()?, name).map_err(damaged)?;
        request_keys(zip, name, &description)?;
        let kept = Arc::default();
        let segments = description.segments.iter().cloned().enumerate();
        let segments: Vec<_> = segments
            .map(|(number, segment)| Segment::open(zip, name, number, segment, description.has_blocks, &kept))
            .collect::<Result<_>>()?;
        let mut end = 0;
        let ends = segments.iter().map(|segment| {
            end += segment.len();
            end
        });
        let ends = ends.collect();
        let models = description.models.iter();
        let models = models.map(|model| StoredModel {
            description: model.clone(),
            member: member.clone(),
            model: OnceLock::new(),
        });
        let models = models.collect();
        let stacks = match &description.shape {
            Shape::Stacks(stacks) => Some(Stacks::new(stacks)),
            Shape::Each { .. } => None,
        };
        let payload_bytes = segments.first().map_or(0, |segment| segment.payload_bytes(zip));
        let mut set = Self {
            name: name.to_owned(),
            description,
            stacks,
            segments,
            ends,
            models,
            decoding_nanoseconds: 0,
            checked: OnceLock::new(),
            checked_block: AtomicUsize::new(usize::MAX),
        };
        set.decoding_nanoseconds = payload_bytes.saturating_mul(nanoseconds_per_byte(set.codec()));
        Ok(set)
    }

    /// Returns about how long it takes to decode an image, on one of today's cores: for deciding how many threads do it.
    pub(crate) fn decoding_nanoseconds(&self) -> u64 {
        self.decoding_nanoseconds
    }

    /// Returns the names of its members.
    pub(crate) fn members(&self) -> impl Iterator<Item = String> {
        std::iter::once(names::of_description(&self.name)).chain(self.description.members(&self.name))
    }

    /// Returns the number of images.
    pub(crate) fn len(&self) -> usize {
        self.ends.last().copied().unwrap_or(0)
    }

    /// Returns the numbers of all images, as one range.
    pub(crate) fn ranges(&self) -> Vec<Range<usize>> {
        std::iter::once(0..self.len()).collect()
    }

    /// Returns the number of keys: one for each stack, else one for each image.
    pub(crate) fn key_count(&self) -> usize {
        self.stacks.as_ref().map_or(self.len(), Stacks::len)
    }

    /// Returns the images under the key with this number: those of a stack, else one.
    pub(crate) fn images_of_key(&self, number: usize) -> Range<usize> {
        self.stacks.as_ref().map_or(number..number + 1, |stacks| stacks.images(number))
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Returns the codec of the first images.
    pub(crate) fn codec(&self) -> Codec {
        let number = self.segments.first().map_or(0, Segment::model);
        self.models.get(number).map_or(Codec::Raw, |model| model.description.codec)
    }

    /// Returns the kind of the arrays that images of this width come back as.
    pub(crate) fn kind(&self, width: usize) -> PackedKind {
        PackedKind { width, ..self.description.kind.clone() }
    }

    /// Returns the stacks that the images are; `None` if each image has a key of its own.
    pub(crate) fn stacks(&self) -> Option<&Stacks> {
        self.stacks.as_ref()
    }

    /// Returns whether each image has a key of its own.
    pub(crate) fn is_keyed(&self) -> bool {
        self.stacks.is_none()
    }

    /// Returns the axes of length 1 around each image that has a key of its own.
    pub(crate) fn ones(&self) -> Ones {
        match self.description.shape {
            Shape::Stacks(_) => Ones::default(),
            Shape::Each { ones } => ones,
        }
    }

    /// Returns the length of payloads, directories, keys and models in bytes.
    pub(crate) fn stored_bytes(&self, zip: &Archive) -> u64 {
        let members = self.description.members(&self.name);
        let members: u64 = members.filter_map(|name| Some(zip.find(&name)?.compressed_size())).sum();
        members + self.description.inline_bytes() as u64
    }

    /// Iterates over the segments, each with the number of its first image.
    pub(super) fn segments(&self) -> impl Iterator<Item = (usize, &Segment)> {
        self.segments.iter().zip(&self.ends).map(|(segment, end)| (end - segment.len(), segment))
    }

    /// Returns the first of those images at the end of some that are the last segments and have no more than so many bytes of packed
    /// rows together; the end of them if there are none, or if they cannot be read.
    pub(crate) fn small_end(&self, zip: &Archive, images: &Range<usize>, most_bytes: usize) -> usize {
        let (mut first, mut bytes) = (images.end, 0_usize);
        let starts = self.segments.iter().zip(&self.ends).rev().map(|(segment, end)| end - segment.len());
        for start in
            starts.skip_while(|&start| start >= images.end).take_while(|&start| start >= images.start)
        {
            for image in start..first {
                let Ok([height, width]) = self.size(zip, image) else { return first };
                bytes = bytes.saturating_add(height.saturating_mul(width.div_ceil(8)).max(1));
                if bytes > most_bytes {
                    return first;
                }
            }
            first = start;
        }
        first
    }

    /// Returns the segment of an image, and the image's number in it.
    pub(super) fn locate(&self, image: usize) -> Result<(&Segment, usize)> {
        let number = self.ends.partition_point(|&end| end <= image);
        let segment =
            self.segments.get(number).ok_or(ErrorKind::NoSuchImage { index: image, len: self.len() })?;
        Ok((segment, image - (self.ends[number] - segment.len())))
    }

    /// Returns the number of the image with this key.
    pub(crate) fn find(&self, zip: &Archive, key: &str) -> Option<usize> {
        self.segments().find_map(|(first, segment)| {
            let image = segment.with_keys(zip, |keys| keys.find(key))?;
            Some(first + image)
        })
    }

    /// Returns the key of an image, or a description of the image if it has none or the key is damaged.
    pub(crate) fn key(&self, zip: &Archive, image: usize) -> String {
        if let Some(stacks) = self.stacks.as_ref().filter(|stacks| stacks.len() > 1) {
            let number = stacks.number_of(image);
            return format!("image {} of {}", image - stacks.images(number).start, stacks.of(image).key);
        }
        if let Some(stack) = self.stacks.as_ref().and_then(Stacks::only) {
            return format!("image {image} of {}", stack.key);
        }
        let key = self
            .locate(image)
            .ok()
            .and_then(|(segment, image)| segment.with_keys(zip, |keys| keys.key(image)));
        key.unwrap_or_else(|| format!("image {image} of {}", self.name))
    }

    /// Returns the length of an image's payload in bytes.
    pub(crate) fn payload_bytes(&self, zip: &Archive, image: usize) -> Result<u64> {
        let (segment, image) = self.locate(image)?;
        Ok(segment.payloads(zip)?.payload(zip, image)?.len() as u64)
    }

    /// Returns the height and width of all images; `None` if they differ, or there are none.
    pub(crate) fn common_size(&self) -> Option<[usize; 2]> {
        let mut segments = self.segments.iter().filter(|segment| segment.len() > 0);
        let size = segments.next()?.size()?;
        segments.all(|segment| segment.size() == Some(size)).then_some(size)
    }

    /// Returns the height and width of an image.
    pub(crate) fn size(&self, zip: &Archive, image: usize) -> Result<[usize; 2]> {
        let (segment, number) = self.locate(image)?;
        match segment.size() {
            Some(size) => Ok(size),
            None => {
                let payload = segment.payloads(zip)?.payload(zip, number)?;
                Ok(self.split_size(segment, image, &payload)?.0)
            }
        }
    }

    /// Calls `with` with an image.
    pub(crate) fn with_image<R>(
        &self,
        zip: &Archive,
        image: usize,
        with: impl FnOnce(BitmapView<'_>) -> R,
    ) -> Result<R> {
        self.with_payload(zip, image, |segment, payload, size| {
            self.check_size(zip, image, payload.len(), size)?;
            let model = self.model(zip, segment)?;
            with_scratch(|Scratch { decoder, rows }| {
                let decoded = decoder.decode_into(model, payload, size, rows);
                Ok(with(decoded.map_err(|error| blame(segment, image, error))?))
            })
        })
    }

    /// Calls `with` with the number of each of these images in `images` and the image; all must have this size. Several are decoded
    /// at once, and counted by `checks`. The window has what was [requested](Self::request).
    pub(crate) fn with_images(
        &self,
        zip: &Archive,
        window: &Window,
        images: &[usize],
        size: [usize; 2],
        checks: Option<&BlockChecks>,
        with: impl FnMut(usize, BitmapView<'_>),
    ) -> Result<()> {
        let near = self.window(zip, images);
        let window = near.as_ref().unwrap_or(window);
        let coded = images.iter().map(|&image| self.find_coded(zip, window, image, size));
        CodedImage::decode_all(&coded.collect::<Result<Vec<_>>>()?, size, checks, with)
    }

    /// Finds an image, which must have this size, in this window if it is there.
    pub(crate) fn find_coded<'s>(
        &'s self,
        zip: &'s Archive,
        window: &'s Window,
        image: usize,
        size: [usize; 2],
    ) -> Result<CodedImage<'s>> {
        let (segment, number) = self.locate(image)?;
        let (payload, original) = segment.payloads(zip)?.payload_in(Some(window), zip, number)?;
        let start = match segment.size() {
            Some(_) => 0,
            None => {
                let (own, rest) = self.split_size(segment, image, &payload)?;
                if own != size {
                    return Err(ErrorKind::SizesDiffer.into());
                }
                payload.len() - rest.len()
            }
        };
        self.check_size(zip, image, payload.len() - start, size)?;
        let place = ImagePlace { zip, segment, number, image };
        Ok(CodedImage { payload, start, original, model: self.model(zip, segment)?, place })
    }

    /// Reads the payloads of images at once if they lie close together in one segment.
    fn window(&self, zip: &Archive, images: &[usize]) -> Option<Window> {
        let (&first, &last) = (images.iter().min()?, images.iter().max()?);
        // What is read by range has been requested.
        if zip.is_read_by_range() || images.len() < 2 || last - first >= MAX_SPREAD * images.len() {
            return None;
        }
        let ((segment, first), (last_segment, last)) = (self.locate(first).ok()?, self.locate(last).ok()?);
        std::ptr::eq(segment, last_segment).then(|| segment.payloads(zip).ok()?.window(zip, first, last))?
    }

    /// Checks that an image is within the limit, or not larger than its payload accounts for.
    pub(crate) fn check_image(&self, zip: &Archive, image: usize) -> Result<()> {
        self.with_payload(zip, image, |_, payload, size| self.check_size(zip, image, payload.len(), size))
    }

    /// Checks the same of an image of this size, with a payload of so many bytes.
    pub(crate) fn check_size(
        &self,
        zip: &Archive,
        image: usize,
        payload_bytes: usize,
        size: [usize; 2],
    ) -> Result<()> {
        check_image(zip.limits(), payload_bytes, size).map_err(|error| error.with_key(&self.key(zip, image)))
    }

    /// Decodes the rows of an image into a sink; only some codecs need memory for all of them.
    pub(super) fn read_rows(&self, zip: &Archive, image: usize, rows: &mut impl ImageSink) -> Result<()> {
        self.with_payload(zip, image, |segment, payload, size| {
            self.check_size(zip, image, payload.len(), size)?;
            let model = self.model(zip, segment)?;
            rows.start(size);
            let decoded = with_scratch(|scratch| scratch.decoder.decode_rows(model, payload, size, rows));
            decoded.map_err(|error| blame(segment, image, error))
        })
    }

    /// Returns the CRC-32 of an image that checksums are made of.
    pub(super) fn crc32(&self, zip: &Archive, image: usize) -> Result<u32> {
        let mut crc = ImageCrc::default();
        self.read_rows(zip, image, &mut crc)?;
        Ok(crc.finish())
    }

    /// Returns the images up to which one can cut the set at little cost, near this number: where a segment or block starts.
    pub(crate) fn cut_near(&self, image: usize) -> usize {
        let number = self.ends.partition_point(|&end| end <= image);
        let first = number.checked_sub(1).map_or(0, |before| self.ends[before]);
        first + (image - first) / BLOCK * BLOCK
    }

    /// Returns the number of pixels of an image whose bit is 1.
    pub(crate) fn count_ones(&self, zip: &Archive, image: usize) -> Result<u64> {
        let mut ones = OnesCounter::default();
        self.read_rows(zip, image, &mut ones)?;
        Ok(ones.ones())
    }

    /// Calls `with` with the segment, the payload and the size of an image.
    fn with_payload<R>(
        &self,
        zip: &Archive,
        image: usize,
        with: impl FnOnce(&Segment, &[u8], [usize; 2]) -> Result<R>,
    ) -> Result<R> {
        let Requested { window, .. } = self.request(zip, &[image])?;
        let (segment, number) = self.locate(image)?;
        let (payload, _) = segment.payloads(zip)?.payload_in(Some(&window), zip, number)?;
        match segment.size() {
            Some(size) => with(segment, &payload, size),
            None => {
                let (size, payload) = self.split_size(segment, image, &payload)?;
                with(segment, payload, size)
            }
        }
    }

    /// Splits a payload of a segment whose images differ in size: the size that it starts with, and the rest.
    fn split_size<'p>(
        &self,
        segment: &Segment,
        image: usize,
        payload: &'p [u8],
    ) -> Result<([usize; 2], &'p [u8])> {
        let damaged = |expected: &str, found: &str| {
            let message = format!("image {image} of the set: expected {expected}, found {found}");
            Error::from(segment.damaged(message))
        };
        let mut rest = payload;
        let (Some(height), Some(width)) = (take_varint(&mut rest), take_varint(&mut rest)) else {
            return Err(damaged("its size", "the end of its payload"));
        };
        let size = [height, width];
        check_shape(&size, self.description.kind.dtype.item_size())
            .map_err(|message| damaged("a size that can be counted", message))?;
        match &self.stacks {
            Some(stacks) if stacks.of(image).size() != size => Err(damaged(
                &format!("the size {:?} of its stack", stacks.of(image).size()),
                &format!("{size:?}"),
            )),
            _ => Ok((size, rest)),
        }
    }

    /// Returns the model of a segment as it is stored, with its checksum checked.
    pub(super) fn model_bytes(&self, zip: &Archive, segment: &Segment) -> Result<ModelBytes> {
        let model = &self.models[segment.model()];
        if let Some(Location::Member(name)) = &model.description.location {
            zip.find(name).map(|member| member.read()).transpose()?;
        }
        model.bytes(zip)
    }

    /// Returns the model of a segment, which is read when it is first needed.
    pub(super) fn model(&self, zip: &Archive, segment: &Segment) -> Result<&Model> {
        self.models[segment.model()].get(zip)
    }
}

/// Returns about how long it takes to decode a byte of a payload.
fn nanoseconds_per_byte(codec: Codec) -> u64 {
    match codec {
        Codec::Contour => 50,
        Codec::Pixel => 150,
        Codec::Zstd => 12,
        // That of `raw` is copied.
        _ => 0,
    }
}

/// Requests what opening a set needs at once, if the file is read by range: the tables of keys, and what opening the payloads of
/// these segments needs, as images are looked up by key.
fn request_keys(zip: &Archive, set: &str, description: &Description) -> Result<()> {
    if !zip.is_read_by_range() {
        return Ok(());
    }
    let segments = description.segments.iter().enumerate().filter(|(_, segment)| segment.has_key_member());
    let requests = segments.flat_map(|(number, segment)| {
        let keys = zip.find(&names::of_segment(set, SegmentPart::Keys, number));
        let members = PayloadMembers::of(set, number, segment, description.has_blocks);
        let keys = keys.map(|keys| Blob::request(zip, &keys));
        [keys, members.directory_request(zip), members.header_request(zip)].into_iter().flatten()
    });
    zip.prefetch(&mut requests.collect::<Vec<_>>())?;
    Ok(())
}

impl ImageSink for OnesCounter {
    fn start(&mut self, [_, width]: [usize; 2]) {
        *self = Self::new(width);
    }
}
