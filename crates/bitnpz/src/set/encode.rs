//! From the images of a segment to its members.

use std::collections::HashMap;
use std::num::NonZero;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread;

use bitnpz_bitmap::BitmapView;
use bitnpz_bitmap::codec::{Codec, Encoder, Model, Sample};
use bitnpz_npy::{Dtype, with_room};

use super::checksum::{self, Checksum, GROUP};
use super::description::{KeysDescription, SegmentDescription};
use super::index;
use super::keys::{KeyList, KeysError};
use super::numbers::push_varint;
use super::sample;
use crate::error::{Error, Result};
use crate::names::SegmentPart;
use crate::progress::Meter;

/// A model is trained on at most this many images or bands, of at most so many bytes of packed rows.
const SAMPLE_IMAGES: usize = 4000;
const SAMPLE_BYTES: u64 = 8 << 20;

/// Of a large image, bands of rows of about so many bytes are a sample too.
const BAND_BYTES: usize = 128 << 10;

/// What encoding takes beside packed rows: for each image, and to train a model.
const BYTES_OF_AN_IMAGE: usize = 64;
const TRAINING_BYTES: usize = 96 << 20;
const MIN_TRAINING_BYTES: usize = 4 << 20;

/// How sets are written.
#[derive(Clone, Debug)]
pub(crate) struct SetOptions {
    pub(crate) codec: Option<Codec>,
    pub(crate) threads: NonZero<usize>,
    /// The bytes of a pixel in the arrays that are counted.
    pub(crate) item_bytes: usize,
    /// Counts the images that are encoded.
    pub(crate) meter: Meter,
}

impl SetOptions {
    /// The same for images of this dtype.
    pub(crate) fn with_items(&self, dtype: &Dtype) -> Self {
        Self { item_bytes: dtype.item_size(), ..self.clone() }
    }

    /// Counts an image that is done.
    fn count(&self, image: BitmapView<'_>) {
        self.meter.code(1, image.height() * image.width() * self.item_bytes);
    }
}

/// Images as they are collected: packed rows, sizes and keys.
#[derive(Debug, Default)]
pub(super) struct Images {
    pub(super) rows: Vec<u8>,
    pub(super) sizes: Vec<[usize; 2]>,
    pub(super) keys: KeyList,
}

/// A segment, ready to be written: its members by what they are.
#[derive(Debug)]
pub(super) struct Encoded {
    pub(super) model: Arc<Model>,
    pub(super) description: SegmentDescription,
    pub(super) members: Vec<(SegmentPart, Vec<u8>)>,
}

impl Images {
    /// Their keys, if they have any, sizes and packed rows.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Option<String>, [usize; 2], &[u8])> {
        let mut rest = self.rows.as_slice();
        self.sizes.iter().enumerate().map(move |(image, &[height, width])| {
            let rows = rest.split_off(..height * width.div_ceil(8)).expect("as many as were added");
            (self.keys.key(image), [height, width], rows)
        })
    }

    /// Encodes them with this model or, if there is none yet, one that is trained for so many images like them.
    pub(super) fn encode(
        &self,
        model: Option<Arc<Model>>,
        total: usize,
        options: &SetOptions,
    ) -> Result<Encoded> {
        self.check_memory(model.is_none())?;
        let mut rest = self.rows.as_slice();
        let views = self.sizes.iter().map(|&[height, width]| {
            let rows = rest.split_off(..height * width.div_ceil(8)).expect("as many as were added");
            BitmapView::new(height, width, rows).expect("rows that were packed")
        });
        let images: Vec<BitmapView<'_>> = views.collect();
        let model = model.unwrap_or_else(|| Arc::new(self.train(&images, total, options.codec)));
        let size = self.sizes.first().copied().filter(|first| self.sizes.iter().all(|size| size == first));
        let payloads = Payloads::new(&model, &images, size.is_none(), options);
        let index = index::write(&payloads.starts, payloads.repeats.as_deref(), &payloads.checksums(&images));
        let mut description = SegmentDescription {
            images: images.len(),
            size,
            repeats: payloads.repeats.is_some(),
            keys: None,
        };
        let mut members = vec![(SegmentPart::Payload, payloads.bytes), (SegmentPart::Index, index)];
        description.keys = match self.keys.pattern() {
            _ if self.keys.is_empty() => None,
            Some(pattern) => Some(KeysDescription::Pattern(pattern.clone())),
            None => {
                let keys = self.keys.write().map_err(|error| match error {
                    KeysError::OutOfMemory(error) => Error::from(error),
                    KeysError::Damaged(message) => unreachable!("the keys are ours: {message}"),
                })?;
                members.push((SegmentPart::Keys, keys));
                Some(KeysDescription::Table)
            }
        };
        Ok(Encoded { model, description, members })
    }

    /// That there is memory for what encoding takes: asked for here, where an error can be given.
    fn check_memory(&self, trains: bool) -> Result<()> {
        let each = self.sizes.len() * BYTES_OF_AN_IMAGE;
        let training = if trains { TRAINING_BYTES.min(MIN_TRAINING_BYTES + 64 * self.rows.len()) } else { 0 };
        Ok(with_room::<u8>(2 * self.rows.len() + each + training).map(drop)?)
    }

    /// Trains a model on a random sample of these images, the same each time; of large images on bands of their rows, so that
    /// what training costs depends on pixels.
    fn train(&self, images: &[BitmapView<'_>], total: usize, codec: Option<Codec>) -> Model {
        let bands: Vec<BitmapView<'_>> = images.iter().flat_map(bands).collect();
        let most = SAMPLE_BYTES * bands.len() as u64 / self.rows.len().max(1) as u64;
        let most = usize::try_from(most).unwrap_or(SAMPLE_IMAGES).clamp(1, SAMPLE_IMAGES);
        let drawn = sample::draw(bands.len(), most, crc32fast::hash(&self.rows).into());
        // Of rows without pixels there is nothing to learn, and can be any number.
        let drawn = drawn.into_iter().map(|number| bands[number]);
        let drawn: Vec<_> = drawn.filter(|band| !band.as_bytes().is_empty()).collect();
        let total = total.saturating_mul(bands.len()).checked_div(images.len()).unwrap_or(total);
        let sample = Sample { images: &drawn, total };
        match codec {
            Some(codec) => Model::train(codec, sample),
            None => Model::choose(sample),
        }
    }
}

/// The bands of an image: all of it, unless it is large.
fn bands<'a>(image: &BitmapView<'a>) -> impl Iterator<Item = BitmapView<'a>> + use<'a> {
    let (width, stride, rows) = (image.width(), image.stride(), image.as_bytes());
    let height = BAND_BYTES.checked_div(stride).filter(|_| rows.len() > BAND_BYTES);
    let (all, height) = (image.height(), height.map_or(image.height(), |height| height.max(1)));
    (0..all.max(1)).step_by(height.max(1)).map(move |first| {
        let height = height.min(all - first);
        BitmapView::new(height, width, &rows[first * stride..(first + height) * stride])
            .expect("rows that were packed")
    })
}

/// The payloads of images, one after the other.
struct Payloads {
    bytes: Vec<u8>,
    /// Where each starts, and where the last ends.
    starts: Vec<usize>,
    /// Which of them are the number of an image before them, which they are the same as.
    repeats: Option<Vec<bool>>,
    /// The first image that each is the same as.
    firsts: Vec<usize>,
}

impl Payloads {
    fn new(model: &Model, images: &[BitmapView<'_>], with_sizes: bool, options: &SetOptions) -> Self {
        let mut numbers =
            HashMap::with_capacity_and_hasher(images.len(), foldhash::fast::RandomState::default());
        let firsts: Vec<usize> = images
            .iter()
            .enumerate()
            .map(|(number, image)| *numbers.entry(image).or_insert(number))
            .collect();
        drop(numbers);
        let distinct: Vec<usize> = (0..images.len()).filter(|&number| firsts[number] == number).collect();
        let repeats = firsts.iter().enumerate().filter(|&(number, &first)| first != number);
        repeats.for_each(|(number, _)| options.count(images[number]));
        let share = distinct.len().div_ceil(options.threads.get()).max(1);
        let encode = &|numbers: &[usize]| {
            let images = numbers.iter().map(|&number| images[number]);
            encode(model, images.inspect(|&image| options.count(image)), with_sizes)
        };
        let parts: Vec<(Vec<u8>, Vec<usize>)> = thread::scope(|scope| {
            let mut shares = distinct.chunks(share);
            let own = shares.next();
            let start =
                |numbers| (numbers, thread::Builder::new().spawn_scoped(scope, move || encode(numbers)));
            let others: Vec<_> = shares.map(start).collect();
            let own = own.map(encode);
            let others = others.into_iter().map(|(numbers, helper)| match helper {
                Ok(helper) => helper.join().unwrap_or_else(|panic| resume_unwind(panic)),
                // The system had no thread to give.
                Err(_) => encode(numbers),
            });
            own.into_iter().chain(others).collect()
        });
        Self::join(firsts, &distinct, &parts)
    }

    fn join(firsts: Vec<usize>, distinct: &[usize], parts: &[(Vec<u8>, Vec<usize>)]) -> Self {
        let mut payloads: Vec<&[u8]> = vec![&[]; firsts.len()];
        let encoded = parts.iter().flat_map(|(bytes, ends)| {
            let mut rest = bytes.as_slice();
            let mut start = 0;
            ends.iter().map(move |&end| {
                let payload = rest.split_off(..end - start).expect("ends are within");
                start = end;
                payload
            })
        });
        distinct.iter().zip(encoded).for_each(|(&number, payload)| payloads[number] = payload);
        let repeated = || firsts.iter().enumerate().filter(|&(number, &first)| first != number);
        let saved: usize = repeated()
            .map(|(_, &first)| payloads[first].len().saturating_sub(number_bytes(first).len()))
            .sum();
        let has_repeats = saved > firsts.len() / 8;
        let mut joined = Self { bytes: Vec::new(), starts: vec![0], repeats: None, firsts: Vec::new() };
        let mut repeats = vec![false; firsts.len()];
        for (number, &first) in firsts.iter().enumerate() {
            let number_of_first = number_bytes(first);
            let pays = number_of_first.len() < payloads[first].len();
            if has_repeats && first != number && pays {
                repeats[number] = true;
                joined.bytes.extend_from_slice(&number_of_first);
            } else {
                joined.bytes.extend_from_slice(payloads[first]);
            }
            joined.starts.push(joined.bytes.len());
        }
        joined.repeats = has_repeats.then_some(repeats);
        joined.firsts = firsts;
        joined
    }

    /// The checksums of all groups.
    fn checksums(&self, images: &[BitmapView<'_>]) -> Vec<[u8; checksum::BYTES]> {
        let is_repeat = |image: usize| self.repeats.as_ref().is_some_and(|repeats| repeats[image]);
        let groups = images.chunks(GROUP).zip((0..).step_by(GROUP)).map(|(images, start)| {
            let mut checksum = Checksum::default();
            for (number, &image) in (start..).zip(images) {
                if is_repeat(number) {
                    checksum.add_repeat(self.firsts[number]);
                } else {
                    checksum.add(image);
                }
            }
            checksum.to_bytes()
        });
        groups.collect()
    }
}

/// A number in as few bytes as it needs, the lowest first.
fn number_bytes(number: usize) -> Vec<u8> {
    let bytes = number.to_le_bytes();
    bytes[..bytes.len() - number.leading_zeros() as usize / 8].to_vec()
}

/// The payloads of images, and where each ends.
fn encode<'a>(
    model: &Model,
    images: impl Iterator<Item = BitmapView<'a>>,
    with_sizes: bool,
) -> (Vec<u8>, Vec<usize>) {
    let mut encoder = Encoder::new();
    let mut bytes = Vec::new();
    let ends = images.map(|image| {
        if with_sizes {
            push_varint(image.height(), &mut bytes);
            push_varint(image.width(), &mut bytes);
        }
        let start = bytes.len();
        encoder.encode(model, image, &mut bytes);
        if !super::stored::accounts_for(bytes.len() - start, [image.height(), image.width()]) {
            // No reader believes it without a limit raised.
            bytes.truncate(start);
            bytes.extend_from_slice(image.as_bytes());
        }
        bytes.len()
    });
    let ends = ends.collect();
    (bytes, ends)
}
