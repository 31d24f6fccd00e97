//! The payloads of a segment.

use bitnpz_bitmap::BitmapView;
use bitnpz_bitmap::codec::{Effort, Encoder, Model};

use super::block::Entry;
use super::checksum::{self, Checksum};
use super::directory::{BLOCK, repeat_bytes};
use super::distinct::Distinct;
use super::limits::is_acceptable;
use super::numbers::push_varint;
use super::options::SetOptions;
use crate::threads::map_parts;

/// The payloads of a segment's images.
#[derive(Debug)]
pub(super) struct Payloads {
    parts: Vec<EncodedPart>,
    distinct: Distinct,
}

/// Whether each payload starts with the size of its image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sizes {
    /// All images have the same size, which the description gives.
    Common,
    /// Sizes differ: each payload starts with its own.
    Own,
}

/// Payloads that one thread has encoded.
#[derive(Debug)]
struct EncodedPart {
    bytes: Vec<u8>,
    /// The end of each payload.
    ends: Vec<usize>,
}

impl Payloads {
    pub(super) fn new(
        model: &Model,
        images: &[BitmapView<'_>],
        distinct: Distinct,
        sizes: Sizes,
        options: &SetOptions,
    ) -> Self {
        distinct.repeats().for_each(|number| options.count(images[number]));
        let parts = map_parts(options.threads, &distinct.numbers().collect::<Vec<_>>(), |numbers| {
            let images = numbers.iter().map(|&number| images[number]);
            encode_part(model, images.inspect(|&image| options.count(image)), sizes, options.effort)
        });
        Self { parts, distinct }
    }

    /// Appends payloads of further images of the segment, encoded with the same model.
    pub(super) fn append(&mut self, others: Self) {
        self.parts.extend(others.parts);
        self.distinct.append(&others.distinct);
    }

    /// Returns the number of images.
    pub(super) fn len(&self) -> usize {
        self.distinct.all()
    }

    /// Returns the length of all payloads in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.parts.iter().map(|part| part.bytes.len()).sum()
    }

    /// Returns what blocks have of each image.
    pub(super) fn entries(&self) -> Vec<Entry<'_>> {
        let mut payloads: Vec<&[u8]> = vec![&[]; self.len()];
        self.distinct
            .numbers()
            .zip(self.parts.iter().flat_map(EncodedPart::payloads))
            .for_each(|(number, payload)| payloads[number] = payload);
        let number_bytes = repeat_bytes(self.len());
        let entry = |(number, &first): (usize, &usize)| match payloads[first] {
            payload if first != number && payload.len() > number_bytes => Entry::Repeat(first),
            payload => Entry::Payload(payload),
        };
        self.distinct.firsts().iter().enumerate().map(entry).collect()
    }
}

impl EncodedPart {
    fn payloads(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, &end)| &self.bytes[start..end])
    }
}

/// Returns the checksums of all blocks with these entries, of images with these CRC-32.
pub(super) fn checksums(crcs: &[u32], entries: &[Entry<'_>]) -> Vec<[u8; checksum::BYTES]> {
    let blocks = crcs.chunks(BLOCK).zip(entries.chunks(BLOCK)).map(|(crcs, entries)| {
        let mut checksum = Checksum::default();
        for (&crc, entry) in crcs.iter().zip(entries) {
            match entry {
                Entry::Repeat(first) => checksum.add_repeat(*first),
                Entry::Payload(_) => checksum.add_crc(crc),
            }
        }
        checksum.to_bytes()
    });
    blocks.collect()
}

fn encode_part<'a>(
    model: &Model,
    images: impl Iterator<Item = BitmapView<'a>>,
    sizes: Sizes,
    effort: Effort,
) -> EncodedPart {
    let mut encoder = Encoder::with_effort(effort);
    let mut bytes = Vec::new();
    let ends = images.map(|image| {
        if sizes == Sizes::Own {
            push_varint(image.height(), &mut bytes);
            push_varint(image.width(), &mut bytes);
        }
        let start = bytes.len();
        encoder.encode(model, image, &mut bytes);
        if !is_acceptable(bytes.len() - start, [image.height(), image.width()]) {
            // Readers would refuse so short a payload unless a limit is raised. Every codec decodes plain packed rows.
            bytes.truncate(start);
            bytes.extend_from_slice(image.as_bytes());
        }
        bytes.len()
    });
    let ends = ends.collect();
    EncodedPart { bytes, ends }
}
