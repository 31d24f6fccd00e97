//! An image set where it lies.

use std::cell::Cell;
use std::ops::Range;
use std::sync::OnceLock;

use bitnpz_bitmap::BitmapView;
use bitnpz_bitmap::codec::{Codec, Decoder, Model, OnesCounter, RowSink};
use bitnpz_npy::check_shape;
use bitnpz_npz::{Archive, Limits};

use super::blob::Blob;
use super::checksum::{Checksum, Damage, GROUP, ImageCrc};
use super::description::{Description, Ones, Shape};
use super::encode::SetOptions;
use super::numbers::take_varint;
use super::segment::Segment;
use super::writer::SetWriter;
use crate::axes::ArrayForm;
use crate::error::{Error, ErrorKind, Result};
use crate::interrupt;
use crate::names::{self, is_key};
use crate::packed::PackedKind;

/// An image may be as many times larger than its payload as deflate makes anything (RFC 1951), whatever the limit.
const DEFLATE_RATIO: u64 = 1032;

/// A buffer up to this size is kept for the next image.
const KEPT: usize = 1 << 20;

/// What decodes, and the last image's rows.
#[derive(Default)]
struct Scratch {
    decoder: Decoder,
    rows: Vec<u8>,
}

thread_local! {
    /// Of this thread; taken while it is used, so that what is called then may decode images too.
    static SCRATCH: Cell<Option<Box<Scratch>>> = const { Cell::new(None) };
}

fn with_scratch<R>(with: impl FnOnce(&mut Scratch) -> R) -> R {
    let mut scratch = SCRATCH.take().unwrap_or_default();
    let result = with(&mut scratch);
    if scratch.rows.capacity() > KEPT {
        scratch.rows = Vec::new();
    }
    SCRATCH.set(Some(scratch));
    result
}

/// An image that is damaged, or may be.
#[derive(Clone, Debug)]
pub(crate) struct Flaw {
    pub(crate) image: usize,
    /// Whether it is known to be this image: of several in a group it is only known that they are in it.
    pub(crate) is_certain: bool,
    /// What was expected and what was found.
    pub(crate) message: String,
}

/// An image set of an archive.
#[derive(Debug)]
pub(crate) struct StoredSet {
    name: String,
    description: Description,
    segments: Vec<Segment>,
    /// The number of images up to each segment's end.
    ends: Vec<usize>,
    /// The model of its own, and that model once it is read.
    model_blob: Option<Blob>,
    model: OnceLock<Model>,
}

impl StoredSet {
    /// The set of this name.
    pub(crate) fn open(zip: &Archive, name: &str) -> Result<Self> {
        let member = names::of_description(name);
        let damaged = |message: String| ErrorKind::Damaged { member: member.clone(), message };
        let found =
            zip.find(&member).ok_or_else(|| damaged("expected this member, found none".to_owned()))?;
        let description = Description::from_json(&found.read()?).map_err(damaged)?;
        let segments = description.segments.iter().cloned().enumerate();
        let segments: Vec<_> = segments
            .map(|(number, segment)| Segment::open(zip, name, number, segment))
            .collect::<Result<_>>()?;
        let mut end = 0;
        let ends = segments.iter().map(|segment| {
            end += segment.len();
            end
        });
        let ends = ends.collect();
        let model_blob = match &description.model {
            Some(_) => None,
            None => Some(Blob::open(zip, names::of_model(name))?),
        };
        Ok(Self { name: name.to_owned(), description, segments, ends, model_blob, model: OnceLock::new() })
    }

    /// Returns the names of its members.
    pub(crate) fn members(&self) -> impl Iterator<Item = String> {
        let model = self.model_blob.as_ref().map(|_| names::of_model(&self.name));
        let segments = self.segments.iter().enumerate();
        let parts = segments.flat_map(move |(number, segment)| {
            segment.parts().map(move |part| names::of_segment(&self.name, part, number))
        });
        std::iter::once(names::of_description(&self.name)).chain(model).chain(parts)
    }

    /// Returns the names of the members that are written when the set is finished.
    pub(crate) fn written_last(&self) -> [String; 2] {
        [names::of_description(&self.name), names::of_model(&self.name)]
    }

    /// What goes on with this set in another archive, to which its segments are copied.
    pub(crate) fn to_writer(&self, zip: &Archive, options: SetOptions) -> Result<SetWriter> {
        let model = self.model(zip)?.clone();
        Ok(SetWriter::resume(self.name.clone(), options, model, self.description.segments.clone()))
    }

    /// The number of images.
    pub(crate) fn len(&self) -> usize {
        self.ends.last().copied().unwrap_or(0)
    }

    /// Returns the number of keys: one for a stack, else one for each image.
    pub(crate) fn key_count(&self) -> usize {
        if self.stack().is_some() { 1 } else { self.len() }
    }

    /// The set's name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn codec(&self) -> Codec {
        self.description.codec
    }

    /// What the arrays are that images come back as; the width is that of images of width `width`.
    pub(crate) fn kind(&self, width: usize) -> PackedKind {
        PackedKind { width, ..self.description.kind.clone() }
    }

    /// The key and the shape of the one array that the images are.
    pub(crate) fn stack(&self) -> Option<(&str, &[usize])> {
        match &self.description.shape {
            Shape::Stack { key, shape, .. } => Some((key, shape)),
            Shape::Each { .. } => None,
        }
    }

    /// The form in which the stack comes back, if it is another array.
    pub(crate) fn form(&self) -> Option<&ArrayForm> {
        match &self.description.shape {
            Shape::Stack { form, .. } => form.as_ref(),
            Shape::Each { .. } => None,
        }
    }

    /// The axes of length 1 around each image that has a key of its own.
    pub(crate) fn ones(&self) -> Ones {
        match self.description.shape {
            Shape::Stack { .. } => Ones::default(),
            Shape::Each { ones } => ones,
        }
    }

    /// The bytes of its members.
    pub(crate) fn stored_bytes(&self) -> u64 {
        self.model_blob.as_ref().map_or(0, Blob::len)
            + self.segments.iter().map(Segment::stored_bytes).sum::<u64>()
    }

    /// The segment of an image, and the image's number in it.
    fn locate(&self, image: usize) -> Result<(&Segment, usize)> {
        let number = self.ends.partition_point(|&end| end <= image);
        let segment =
            self.segments.get(number).ok_or(ErrorKind::NoSuchImage { index: image, len: self.len() })?;
        Ok((segment, image - (self.ends[number] - segment.len())))
    }

    /// Whether an array of it has this key.
    pub(crate) fn has_key(&self, zip: &Archive, key: &str) -> bool {
        match self.stack() {
            Some((own, _)) => own == key,
            None => self.find(zip, key).is_some(),
        }
    }

    /// The number of the image with this key.
    pub(crate) fn find(&self, zip: &Archive, key: &str) -> Option<usize> {
        let mut segments = self.segments.iter().zip(&self.ends);
        segments.find_map(|(segment, end)| {
            let image = segment.with_keys(zip, |keys| keys.find(key))?;
            Some(end - segment.len() + image)
        })
    }

    /// The key of an image; of one whose key is damaged, what stands for it.
    pub(crate) fn key(&self, zip: &Archive, image: usize) -> String {
        let key = self
            .locate(image)
            .ok()
            .and_then(|(segment, image)| segment.with_keys(zip, |keys| keys.key(image)));
        key.unwrap_or_else(|| format!("image {image} of {}", self.name))
    }

    /// The bytes that an image's payload takes.
    pub(crate) fn payload_bytes(&self, zip: &Archive, image: usize) -> Result<u64> {
        let (segment, image) = self.locate(image)?;
        Ok(segment.payload(zip, image)?.len() as u64)
    }

    /// The height and width of all images; `None` if they differ, or there are none.
    pub(crate) fn common_size(&self) -> Option<[usize; 2]> {
        let mut segments = self.segments.iter().filter(|segment| segment.len() > 0);
        let size = segments.next()?.size()?;
        segments.all(|segment| segment.size() == Some(size)).then_some(size)
    }

    /// The height and width of an image.
    pub(crate) fn size(&self, zip: &Archive, image: usize) -> Result<[usize; 2]> {
        let (segment, number) = self.locate(image)?;
        match segment.size() {
            Some(size) => Ok(size),
            None => Ok(self.split_size(segment, number, &segment.payload(zip, number)?)?.0),
        }
    }

    /// Calls `with` with an image.
    pub(crate) fn with_image<R>(
        &self,
        zip: &Archive,
        image: usize,
        with: impl FnOnce(BitmapView<'_>) -> R,
    ) -> Result<R> {
        let model = self.model(zip)?;
        self.with_payload(zip, image, |segment, payload, size| {
            self.check_size(zip, image, payload.len(), size)?;
            with_scratch(|Scratch { decoder, rows }| {
                let decoded = decoder.decode_into(model, payload, size, rows);
                Ok(with(decoded.map_err(|error| blame(segment, image, error))?))
            })
        })
    }

    /// That an image is not larger than the limit, nor than its payload accounts for.
    pub(crate) fn check_image(&self, zip: &Archive, image: usize) -> Result<()> {
        self.with_payload(zip, image, |_, payload, size| self.check_size(zip, image, payload.len(), size))
    }

    /// The same of an image of this size and of a payload of so many bytes.
    pub(crate) fn check_size(
        &self,
        zip: &Archive,
        image: usize,
        payload_bytes: usize,
        size: [usize; 2],
    ) -> Result<()> {
        check_limit(zip.limits(), payload_bytes, size).map_err(|error| error.with_key(&self.key(zip, image)))
    }

    /// Gives the rows of an image to what takes them, which needs no memory for all of them.
    fn read_rows(&self, zip: &Archive, image: usize, rows: &mut impl RowsOfSize) -> Result<()> {
        let model = self.model(zip)?;
        self.with_payload(zip, image, |segment, payload, size| {
            self.check_size(zip, image, payload.len(), size)?;
            rows.start(size);
            let decoded = with_scratch(|scratch| scratch.decoder.decode_rows(model, payload, size, rows));
            decoded.map_err(|error| blame(segment, image, error))
        })
    }

    /// The number of pixels of an image whose bit is 1.
    pub(crate) fn count_ones(&self, zip: &Archive, image: usize) -> Result<u64> {
        let mut ones = OnesCounter::default();
        self.read_rows(zip, image, &mut ones)?;
        Ok(ones.ones())
    }

    /// Calls `with` with an image's segment, payload and size.
    fn with_payload<R>(
        &self,
        zip: &Archive,
        image: usize,
        with: impl FnOnce(&Segment, &[u8], [usize; 2]) -> Result<R>,
    ) -> Result<R> {
        let (segment, number) = self.locate(image)?;
        let payload = segment.payload(zip, number)?;
        match segment.size() {
            Some(size) => with(segment, &payload, size),
            None => {
                let (size, payload) = self.split_size(segment, number, &payload)?;
                with(segment, payload, size)
            }
        }
    }

    /// The size that a payload of a segment of images of several sizes starts with, and what follows.
    fn split_size<'p>(
        &self,
        segment: &Segment,
        image: usize,
        payload: &'p [u8],
    ) -> Result<([usize; 2], &'p [u8])> {
        let damaged = |expected: &str, found: &str| {
            let message = format!("image {image} of the segment: expected {expected}, found {found}");
            Error::from(segment.damaged(message))
        };
        let mut rest = payload;
        let (Some(height), Some(width)) = (take_varint(&mut rest), take_varint(&mut rest)) else {
            return Err(damaged("its size", "the end of its payload"));
        };
        let size = [height, width];
        check_shape(&size, self.description.kind.dtype.item_size())
            .map_err(|message| damaged("a size that can be counted", message))?;
        Ok((size, rest))
    }

    /// The model, made ready when it is first asked for.
    fn model(&self, zip: &Archive) -> Result<&Model> {
        if let Some(model) = self.model.get() {
            return Ok(model);
        }
        let Some(blob) = &self.model_blob else {
            let shipped = self.description.model.as_deref().and_then(Model::shipped);
            return Ok(shipped.expect("the description was checked"));
        };
        let read = Model::from_bytes(self.description.codec, &blob.bytes(zip)?);
        let damaged = |error: bitnpz_bitmap::Error| ErrorKind::Damaged {
            member: blob.member().to_owned(),
            message: error.to_string(),
        };
        let model = read.map_err(damaged)?;
        Ok(self.model.get_or_init(|| model))
    }

    /// The images whose payloads have no place.
    pub(crate) fn misplaced(&self, zip: &Archive) -> impl Iterator<Item = usize> {
        let segments = self.segments.iter().zip(&self.ends);
        segments.flat_map(move |(segment, end)| {
            segment.misplaced(zip).into_iter().map(move |image| end - segment.len() + image)
        })
    }

    /// The members of indices that are not as a writer makes them.
    pub(crate) fn damaged_indices(&self, zip: &Archive) -> impl Iterator<Item = &str> {
        self.segments.iter().filter_map(|segment| segment.damaged_index(zip))
    }

    /// Reads all images and calls `damaged` with each that is damaged, and why; `progress` with the number of images done.
    pub(crate) fn verify(
        &self,
        zip: &Archive,
        mut damaged: impl FnMut(Flaw),
        mut progress: impl FnMut(usize),
    ) -> Result<()> {
        self.model(zip)?;
        for (segment, &end) in self.segments.iter().zip(&self.ends) {
            let first = end - segment.len();
            let mut flaws: Vec<Option<Flaw>> = vec![None; segment.len()];
            for (group, start) in (0..segment.len()).step_by(GROUP).enumerate() {
                interrupt::check()?;
                let images = start..segment.len().min(start + GROUP);
                self.verify_group(zip, segment, (group, first, images.clone()), &mut flaws)?;
                progress(first + images.end);
            }
            for image in 0..segment.len() {
                if image % GROUP == 0 {
                    interrupt::check()?;
                }
                let flaw = |is_certain, message| Some(Flaw { image: first + image, is_certain, message });
                if self.stack().is_none() && !has_key(zip, segment, image) {
                    flaws[image] = flaw(true, "expected a key of its own, found none".to_owned());
                }
                let Ok(Some(same)) = segment.first(zip, image) else { continue };
                let of_same = flaws[same].as_ref().map(|flaw| flaw.is_certain);
                if let Some(is_certain) = of_same
                    && flaws[image].as_ref().is_none_or(|flaw| is_certain && !flaw.is_certain)
                {
                    let message = format!("it is the same as image {}, which is damaged", first + same);
                    flaws[image] = flaw(is_certain, message);
                }
            }
            flaws.into_iter().flatten().for_each(&mut damaged);
        }
        Ok(())
    }

    /// Reads the images of a group: its number, the number of the segment's first image, and the numbers in the segment.
    fn verify_group(
        &self,
        zip: &Archive,
        segment: &Segment,
        (group, first, images): (usize, usize, Range<usize>),
        flaws: &mut [Option<Flaw>],
    ) -> Result<()> {
        let (mut checksum, mut crc) = (Checksum::default(), ImageCrc::default());
        let flaw = |image: usize, is_certain, message| Flaw { image: first + image, is_certain, message };
        for image in images.clone() {
            if let Ok(Some(same)) = segment.first(zip, image) {
                checksum.add_repeat(same);
                continue;
            }
            match self.read_rows(zip, first + image, &mut crc) {
                Ok(()) => checksum.add_crc(crc.finish()),
                Err(error) => {
                    checksum.skip();
                    flaws[image] = Some(flaw(image, true, error.to_string()));
                }
            }
        }
        match segment.damage(zip, group, &checksum)? {
            Damage::None => {}
            Damage::One(place) => {
                let (image, message) = (images.start + place, "expected other pixels: the checksum differs");
                flaws[image] = Some(flaw(image, true, message.to_owned()));
            }
            Damage::Some => {
                let (start, last) = (first + images.start, first + images.end - 1);
                let message = format!(
                    "expected other pixels in some of the images {start} to {last}: their checksum differs"
                );
                for image in images {
                    flaws[image].get_or_insert_with(|| flaw(image, false, message.clone()));
                }
            }
        }
        Ok(())
    }
}

/// Whether an image of a segment has a key by which it is found.
fn has_key(zip: &Archive, segment: &Segment, image: usize) -> bool {
    let key = segment.with_keys(zip, |keys| keys.key(image));
    key.is_some_and(|key| is_key(&key) && segment.with_keys(zip, |keys| keys.find(&key)) == Some(image))
}

/// That an image is not larger than the limit, nor than its payload accounts for.
fn check_limit(limits: &Limits, payload_bytes: usize, [height, width]: [usize; 2]) -> Result<()> {
    // A row without pixels counts as a byte.
    let found = height.max(1) as u128 * width.div_ceil(8).max(1) as u128;
    let limit = limits.image_bytes.max((payload_bytes as u64).saturating_mul(DEFLATE_RATIO));
    if found > limit.into() {
        let found = u64::try_from(found).unwrap_or(u64::MAX);
        return Err(ErrorKind::TooLarge { found, limit, name: "image_bytes" }.into());
    }
    Ok(())
}

/// Whether readers believe that a payload of so many bytes is an image of this size.
pub(super) fn accounts_for(payload_bytes: usize, size: [usize; 2]) -> bool {
    check_limit(&Limits::default(), payload_bytes, size).is_ok()
}

/// The error of an image whose payload cannot be decoded.
fn blame(segment: &Segment, image: usize, error: bitnpz_bitmap::Error) -> Error {
    match error.kind() {
        bitnpz_bitmap::ErrorKind::OutOfMemory { .. } => error.into(),
        _ => segment.damaged(format!("image {image} of the set: {error}")).into(),
    }
}

/// What takes rows, and must be told of what size images are.
trait RowsOfSize: RowSink {
    /// An image of this height and width comes next.
    fn start(&mut self, size: [usize; 2]);
}

impl RowsOfSize for OnesCounter {
    fn start(&mut self, [_, width]: [usize; 2]) {
        *self = Self::new(width);
    }
}

impl RowsOfSize for ImageCrc {
    fn start(&mut self, size: [usize; 2]) {
        self.start(size);
    }
}
