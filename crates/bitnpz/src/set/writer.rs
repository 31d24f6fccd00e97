//! Writing an image set.

use std::collections::HashMap;
use std::num::NonZero;

use bitnpz_bitmap::BitmapView;
use bitnpz_bitmap::codec::{Encoder, Model, Sample};
use bitnpz_npy::{Dtype, DynArrayView, Header};
use bitnpz_npz::{AtomicFile, Method, Writer};

use super::checksum::{self, Checksum, GROUP};
use super::description::{Description, KeysDescription, SegmentDescription, Shape};
use super::index;
use super::keys::KeyList;
use super::numbers::push_varint;
use super::segment::member;
use crate::error::Result;
use crate::packed::PackedKind;

/// A segment is written once it has this many bytes of packed rows and keys, or this many images.
const SEGMENT_BYTES: usize = 32 << 20;
const SEGMENT_IMAGES: usize = 1 << 19;

/// A model is trained on at most this many images, of at most so many bytes of packed rows.
const SAMPLE_IMAGES: usize = 4000;
const SAMPLE_BYTES: usize = 16 << 20;

/// Writes an image set, segment by segment, in bounded memory.
#[derive(Debug)]
pub(crate) struct SetWriter {
    name: String,
    options: SetOptions,
    model: Option<Model>,
    segments: Vec<SegmentDescription>,
    /// The segment that is collected: packed rows, sizes and keys.
    rows: Vec<u8>,
    sizes: Vec<[usize; 2]>,
    keys: KeyList,
}

/// How sets are written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SetOptions {
    pub(crate) codec: Option<bitnpz_bitmap::codec::Codec>,
    pub(crate) threads: NonZero<usize>,
}

impl SetWriter {
    pub(crate) fn new(name: String, options: SetOptions) -> Self {
        Self {
            name,
            options,
            model: None,
            segments: Vec::new(),
            rows: Vec::new(),
            sizes: Vec::new(),
            keys: KeyList::default(),
        }
    }

    /// The set's name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The number of images so far.
    pub(crate) fn len(&self) -> usize {
        self.sizes.len() + self.segments.iter().map(|segment| segment.images).sum::<usize>()
    }

    /// Whether all images are still in memory.
    pub(crate) fn is_unwritten(&self) -> bool {
        self.segments.is_empty()
    }

    /// The images in memory: their keys, if they have any, sizes and packed rows.
    pub(crate) fn images(&self) -> impl Iterator<Item = (Option<String>, [usize; 2], &[u8])> {
        let mut rest = self.rows.as_slice();
        self.sizes.iter().enumerate().map(move |(image, &[height, width])| {
            let rows = rest.split_off(..height * width.div_ceil(8)).expect("as many as were added");
            (self.keys.key(image), [height, width], rows)
        })
    }

    /// Adds an image of these packed rows.
    pub(crate) fn push(
        &mut self,
        zip: &mut Writer<AtomicFile>,
        rows: &[u8],
        size: [usize; 2],
        key: Option<&str>,
    ) -> Result<()> {
        self.rows.extend_from_slice(rows);
        self.sizes.push(size);
        if let Some(key) = key {
            self.keys.push(key);
        }
        let bytes = self.rows.len() + self.keys.bytes();
        if bytes >= SEGMENT_BYTES || self.sizes.len() >= SEGMENT_IMAGES {
            // There will be more, and nobody knows how many.
            self.write_segment(zip, 4 * self.sizes.len())?;
        }
        Ok(())
    }

    /// Writes what is left: images of this kind, which together are an array under one key, or each have their own.
    pub(crate) fn finish(
        mut self,
        zip: &mut Writer<AtomicFile>,
        kind: PackedKind,
        stack: Option<(String, Vec<usize>)>,
    ) -> Result<()> {
        if !self.sizes.is_empty() || self.segments.is_empty() {
            let total = self.sizes.len();
            self.write_segment(zip, total)?;
        }
        let model = self.model.expect("a segment was written");
        let shape = stack.map_or(Shape::Each, |(key, shape)| Shape::Stack { key, shape });
        let shipped = model.name().map(str::to_owned);
        let name = &self.name;
        if shipped.is_none() {
            add(zip, &format!(".bitnpz/{name}/model.npy"), model.as_bytes())?;
        }
        let description =
            Description { codec: model.codec(), model: shipped, kind, shape, segments: self.segments };
        Ok(zip.add(&format!(".bitnpz/{name}/set.json"), description.to_json())?)
    }

    /// Writes the images that are collected, as a segment of a set of so many images.
    fn write_segment(&mut self, zip: &mut Writer<AtomicFile>, total: usize) -> Result<()> {
        let trained = self.model.take();
        let views = self.images().map(|(_, [height, width], rows)| {
            BitmapView::new(height, width, rows).expect("rows that were packed")
        });
        let images: Vec<BitmapView<'_>> = views.collect();
        let model = trained.unwrap_or_else(|| train(&images, total, self.options.codec));
        let size = self.sizes.first().copied().filter(|first| self.sizes.iter().all(|size| size == first));
        let payloads = Payloads::new(&model, &images, size.is_none(), self.options.threads);
        let number = self.segments.len();
        let checksums = payloads.checksums(&images);
        let index = index::write(&payloads.starts, payloads.repeats.as_deref(), &checksums);
        add(zip, &member(&self.name, "payload", number), &payloads.bytes)?;
        add(zip, &member(&self.name, "index", number), &index)?;
        let keys = match self.keys.pattern() {
            _ if self.keys.is_empty() => None,
            Some(pattern) => Some(KeysDescription::Pattern(pattern.clone())),
            None => {
                let (keys, sorted) = self.keys.write();
                add(zip, &member(&self.name, "keys", number), &keys)?;
                Some(KeysDescription::Text { sorted })
            }
        };
        let description =
            SegmentDescription { images: images.len(), size, repeats: payloads.repeats.is_some(), keys };
        self.segments.push(description);
        self.model = Some(model);
        self.rows.clear();
        self.sizes.clear();
        self.keys = KeyList::default();
        Ok(())
    }
}

/// Adds a stored array of bytes.
fn add(zip: &mut Writer<AtomicFile>, name: &str, bytes: &[u8]) -> Result<()> {
    let header = Header::new(Dtype::of::<u8>(), vec![bytes.len()]);
    let npy = DynArrayView::new(header, bytes)?.to_npy()?;
    Ok(zip.add_with(name, npy, Method::Stored)?)
}

/// Trains a model on images spread over these.
fn train(images: &[BitmapView<'_>], total: usize, codec: Option<bitnpz_bitmap::codec::Codec>) -> Model {
    let bytes = images.iter().map(|image| image.as_bytes().len()).sum::<usize>();
    let most = (SAMPLE_BYTES * images.len() / bytes.max(1)).clamp(1, SAMPLE_IMAGES);
    let step = images.len().div_ceil(most).max(1);
    let images: Vec<_> = images.iter().copied().step_by(step).collect();
    let sample = Sample { images: &images, total };
    match codec {
        Some(codec) => Model::train(codec, sample),
        None => Model::choose(sample),
    }
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
    fn new(model: &Model, images: &[BitmapView<'_>], with_sizes: bool, threads: NonZero<usize>) -> Self {
        let mut numbers =
            HashMap::with_capacity_and_hasher(images.len(), foldhash::fast::RandomState::default());
        let firsts: Vec<usize> = images
            .iter()
            .enumerate()
            .map(|(number, image)| *numbers.entry(image).or_insert(number))
            .collect();
        drop(numbers);
        let distinct: Vec<usize> = (0..images.len()).filter(|&number| firsts[number] == number).collect();
        let share = distinct.len().div_ceil(threads.get()).max(1);
        let encode =
            |numbers: &[usize]| encode(model, numbers.iter().map(|&number| images[number]), with_sizes);
        let parts: Vec<(Vec<u8>, Vec<usize>)> = std::thread::scope(|scope| {
            let mut shares = distinct.chunks(share);
            let own = shares.next();
            let others: Vec<_> = shares.map(|numbers| scope.spawn(|| encode(numbers))).collect();
            let own = own.map(encode);
            let others = others.into_iter().map(|part| part.join().expect("encoding does not panic"));
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
        encoder.encode(model, image, &mut bytes);
        bytes.len()
    });
    let ends = ends.collect();
    (bytes, ends)
}
