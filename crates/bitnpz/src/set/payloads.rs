//! The payloads of a segment.

use std::collections::HashMap;

use bitnpz_bitmap::BitmapView;
use bitnpz_bitmap::codec::{Effort, Encoder, Model};

use super::checksum::{self, Checksum, GROUP};
use super::limits::is_acceptable;
use super::numbers::push_varint;
use super::options::SetOptions;
use crate::threads::map_parts;

/// The payloads of a segment's images, one after the other.
pub(super) struct Payloads {
    pub(super) bytes: Vec<u8>,
    /// The start of each payload, and the end of the last.
    pub(super) starts: Vec<usize>,
    /// Which images are repeats, if any are: their payloads are the numbers of the images that they are equal to.
    pub(super) repeats: Option<Vec<bool>>,
    /// For each image the number of the first one that is equal to it.
    firsts: Vec<usize>,
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
struct EncodedPart {
    bytes: Vec<u8>,
    /// The end of each payload.
    ends: Vec<usize>,
}

impl Payloads {
    pub(super) fn new(model: &Model, images: &[BitmapView<'_>], sizes: Sizes, options: &SetOptions) -> Self {
        let firsts = first_equals(images);
        let distinct: Vec<usize> = (0..images.len()).filter(|&number| firsts[number] == number).collect();
        repeats(&firsts).for_each(|(number, _)| options.count(images[number]));
        let parts = map_parts(options.threads, &distinct, |numbers| {
            let images = numbers.iter().map(|&number| images[number]);
            encode_part(model, images.inspect(|&image| options.count(image)), sizes, options.effort)
        });
        Self::join(firsts, &distinct, &parts)
    }

    fn join(firsts: Vec<usize>, distinct: &[usize], parts: &[EncodedPart]) -> Self {
        let mut payloads: Vec<&[u8]> = vec![&[]; firsts.len()];
        let encoded = parts.iter().flat_map(|EncodedPart { bytes, ends }| {
            let mut rest = bytes.as_slice();
            let mut start = 0;
            ends.iter().map(move |&end| {
                let payload = rest.split_off(..end - start).expect("ends are within");
                start = end;
                payload
            })
        });
        distinct.iter().zip(encoded).for_each(|(&number, payload)| payloads[number] = payload);
        let saved: usize = repeats(&firsts)
            .map(|(_, first)| payloads[first].len().saturating_sub(number_bytes(first).len()))
            .sum();
        // To mark repeats costs a bit for each image.
        let has_repeats = saved > firsts.len() / 8;
        let mut joined = Self { bytes: Vec::new(), starts: vec![0], repeats: None, firsts: Vec::new() };
        let mut is_repeat = vec![false; firsts.len()];
        for (number, &first) in firsts.iter().enumerate() {
            let number_of_first = number_bytes(first);
            let pays = number_of_first.len() < payloads[first].len();
            if has_repeats && first != number && pays {
                is_repeat[number] = true;
                joined.bytes.extend_from_slice(&number_of_first);
            } else {
                joined.bytes.extend_from_slice(payloads[first]);
            }
            joined.starts.push(joined.bytes.len());
        }
        joined.repeats = has_repeats.then_some(is_repeat);
        joined.firsts = firsts;
        joined
    }

    /// Returns the checksums of all groups.
    pub(super) fn checksums(&self, images: &[BitmapView<'_>]) -> Vec<[u8; checksum::BYTES]> {
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

/// Returns for each image the number of the first one that is equal to it.
fn first_equals(images: &[BitmapView<'_>]) -> Vec<usize> {
    let hasher = foldhash::fast::RandomState::default();
    let mut numbers = HashMap::with_capacity_and_hasher(images.len(), hasher);
    let images = images.iter().enumerate();
    images.map(|(number, image)| *numbers.entry(image).or_insert(number)).collect()
}

/// Returns the images that are equal to an earlier one, with the number of that.
fn repeats(firsts: &[usize]) -> impl Iterator<Item = (usize, usize)> {
    firsts.iter().copied().enumerate().filter(|(number, first)| first != number)
}

/// Returns a number in as few bytes as it needs, the lowest first.
fn number_bytes(number: usize) -> Vec<u8> {
    let bytes = number.to_le_bytes();
    bytes[..bytes.len() - number.leading_zeros() as usize / 8].to_vec()
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
