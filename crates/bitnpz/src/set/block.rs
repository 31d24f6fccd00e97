//! A block: the payloads of up to 128 images, one after the other, and what is needed to find one of them.
//!
//! | part | content |
//! |---|---|
//! | anchors | for each group of 64 images: where the extra bits and the payload of the first are |
//! | classes | four bits for each image: the class of its payload's length |
//! | extra bits | the place of each length in its class |
//! | payloads | one after the other |
//! | checksum | that of the images |

use std::ops::Range;

use super::checksum;
use super::directory::{BLOCK, Directory, GROUP, anchor_len, anchors_len, repeat_bytes};
use super::lengths::{LengthCode, Position, REPEAT};
use super::numbers;

/// What is before the payloads of a block has at most so many bytes: two numbers of 32 bits for each anchor, and 36 bits for
/// each image.
pub(super) const MAX_HEAD: usize = BLOCK / GROUP * 8 + BLOCK / 2 + BLOCK * 4;

/// A block, borrowed from where it is stored.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block<'a> {
    directory: &'a Directory,
    /// The number of its images.
    images: usize,
    /// The number of its bytes behind the anchors and before the checksum.
    len: usize,
    /// The anchors, and all that follows.
    bytes: &'a [u8],
    /// The length of the anchors in bytes.
    anchors: usize,
    classes: &'a [u8],
    /// The extra bits, and the payloads behind them.
    extra: &'a [u8],
}

/// Where the payload of an image is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The bytes of the block.
    pub(super) range: Range<usize>,
    /// Whether it is the number of an equal image.
    pub(super) is_repeat: bool,
}

impl<'a> Block<'a> {
    /// Returns the block of this number, of so many bytes, that starts with these: all, or at least [`MAX_HEAD`]. `None` if they are
    /// too few.
    #[inline]
    pub(super) fn new(directory: &'a Directory, number: usize, len: usize, bytes: &'a [u8]) -> Option<Self> {
        let images = directory.images_of(number);
        let anchors = anchors_len(images, directory.anchor_bits);
        let (classes, extra) = bytes.get(anchors..)?.split_at_checked(images.div_ceil(2))?;
        let len = len.checked_sub(anchors + checksum::BYTES)?;
        Some(Self { directory, images, len, bytes, anchors, classes, extra })
    }

    /// Returns the length of the anchors and classes of a block, and that of all that is before its payloads, in bytes: the second
    /// if these are the bytes of the first.
    pub(super) fn head_lens(directory: &Directory, number: usize, bytes: &[u8]) -> [usize; 2] {
        let images = directory.images_of(number);
        let anchors = anchors_len(images, directory.anchor_bits);
        let [bit, offset] = directory.anchor_bits;
        let payload = numbers::bits_at(bytes, bit as usize, offset);
        [anchors + images.div_ceil(2), anchors.saturating_add(payload)]
    }

    /// Returns what is before the payloads, as far as it is there.
    pub(super) fn head(&self) -> &'a [u8] {
        let payloads = usize::try_from(self.anchor(0).offset).unwrap_or(usize::MAX);
        &self.bytes[..self.anchors.saturating_add(payloads).min(self.bytes.len())]
    }

    /// Returns where the payload of an image is; `None` if the block is damaged there.
    #[inline]
    pub(super) fn place(&self, image: usize) -> Option<Place> {
        let group = image / GROUP;
        let code = &self.directory.code;
        let classes = &self.classes[group * GROUP / 2..];
        let start = code.skip(self.anchor(group), classes, image % GROUP, self.extra);
        let class = self.class(image);
        let end = code.skip(start, &[class], 1, self.extra);
        let [start, end] = [start, end].map(|position| usize::try_from(position.offset).ok());
        let (start, end) = (start?, end.filter(|&end| end <= self.len)?);
        let behind = self.anchors;
        Some(Place { range: behind + start..behind + end, is_repeat: self.is_repeat(image) })
    }

    /// Returns whether what the block has of an image is the number of an equal image.
    #[inline]
    pub(super) fn is_repeat(&self, image: usize) -> bool {
        self.directory.repeat_bytes.is_some() && self.class(image) == REPEAT
    }

    /// Returns the position of the first image of a group.
    fn anchor(&self, group: usize) -> Position {
        let [bit, offset] = self.directory.anchor_bits;
        let at = group * (bit + offset) as usize;
        Position {
            bit: numbers::bits_at(self.bytes, at, bit),
            offset: numbers::bits_at(self.bytes, at + bit as usize, offset) as u64,
        }
    }

    fn class(&self, image: usize) -> u8 {
        self.classes[image / 2] >> (image % 2 * 4) & 15
    }

    /// Returns whether a writer could have made what is before the payloads: the anchors agree with the lengths, which add up, and
    /// all bits are used.
    pub(super) fn is_as_written(&self) -> bool {
        let first = self.anchor(0);
        let mut position = first;
        let mut are_anchored = true;
        for image in 0..self.images {
            are_anchored &= !image.is_multiple_of(GROUP) || self.anchor(image / GROUP) == position;
            position = self.directory.code.skip(position, &[self.class(image)], 1, self.extra);
        }
        let extra = position.bit.div_ceil(8);
        let anchors = self.images.div_ceil(GROUP) * anchor_len(self.directory.anchor_bits);
        are_anchored
            && first == Position { bit: 0, offset: (self.classes.len() + extra) as u64 }
            && position.offset == self.len as u64
            && numbers::is_filled_up(&self.bytes[..self.anchors], anchors)
            && numbers::is_filled_up(self.classes, 4 * self.images)
            && self.extra.get(..extra).is_some_and(|extra| numbers::is_filled_up(extra, position.bit))
    }
}

/// What a block has of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entry<'a> {
    Payload(&'a [u8]),
    /// The number of an earlier image of the segment that is equal and no repeat itself.
    Repeat(usize),
}

/// The blocks of a segment, one after the other, and their directory.
#[derive(Debug)]
pub(super) struct Blocks {
    pub(super) bytes: Vec<u8>,
    pub(super) directory: Vec<u8>,
}

impl Blocks {
    /// Makes the blocks of a segment. There is a checksum for each block.
    pub(super) fn new(entries: &[Entry<'_>], checksums: &[[u8; checksum::BYTES]]) -> Self {
        let has_repeats = entries.iter().any(|entry| matches!(entry, Entry::Repeat(_)));
        let repeat_bytes = has_repeats.then(|| repeat_bytes(entries.len()));
        let lengths = entries.iter().filter_map(|entry| match entry {
            Entry::Payload(payload) => Some(payload.len()),
            Entry::Repeat(_) => None,
        });
        let code = LengthCode::choose(lengths, repeat_bytes);
        let heads = entries.chunks(BLOCK).map(|entries| Head::new(entries, &code));
        let heads: Vec<Head> = heads.collect();
        let anchors = || heads.iter().flat_map(|head| &head.anchors);
        let bits = anchors().map(|anchor| numbers::bit_len(anchor.bit)).max().unwrap_or(0);
        let offset_bits =
            anchors().map(|anchor| u64::BITS - anchor.offset.leading_zeros()).max().unwrap_or(0);
        let anchor_bits = [bits, offset_bits];
        let (mut bytes, mut starts) = (Vec::new(), Vec::new());
        for ((entries, head), checksum) in entries.chunks(BLOCK).zip(&heads).zip(checksums) {
            starts.push(bytes.len());
            head.write(anchor_bits, &mut bytes);
            for entry in entries {
                match entry {
                    Entry::Payload(payload) => bytes.extend_from_slice(payload),
                    Entry::Repeat(first) => {
                        bytes.extend_from_slice(&first.to_le_bytes()[..repeat_bytes.unwrap_or(0)]);
                    }
                }
            }
            bytes.extend_from_slice(checksum);
        }
        let directory = Directory::new(entries.len(), bytes.len(), code, anchor_bits, repeat_bytes);
        Self { directory: directory.to_bytes(&starts), bytes }
    }
}

/// What is before the payloads of a block.
#[derive(Debug)]
struct Head {
    anchors: Vec<Position>,
    classes: Vec<u8>,
    extra: Vec<u8>,
}

impl Head {
    fn new(entries: &[Entry<'_>], code: &LengthCode) -> Self {
        let class_of = |entry: &Entry<'_>| match entry {
            Entry::Payload(payload) => code.encode(payload.len()),
            Entry::Repeat(_) => (REPEAT, 0),
        };
        let coded: Vec<(u8, usize)> = entries.iter().map(class_of).collect();
        let bits: u32 = coded.iter().map(|&(class, _)| code.extra_bits(class)).sum();
        let mut classes = vec![0; entries.len().div_ceil(2)];
        let mut extra = vec![0; bits.div_ceil(8) as usize];
        let mut bit = 0;
        for (image, &(class, number)) in coded.iter().enumerate() {
            classes[image / 2] |= class << (image % 2 * 4);
            numbers::put_bits(number, bit, code.extra_bits(class), &mut extra);
            bit += code.extra_bits(class) as usize;
        }
        let mut position = Position { bit: 0, offset: (classes.len() + extra.len()) as u64 };
        let mut anchors = Vec::new();
        for (image, &(class, _)) in coded.iter().enumerate() {
            if image % GROUP == 0 {
                anchors.push(position);
            }
            position = code.skip(position, &[class], 1, &extra);
        }
        Self { anchors, classes, extra }
    }

    fn write(&self, anchor_bits: [u32; 2], bytes: &mut Vec<u8>) {
        let mut anchors = vec![0; (self.anchors.len() * anchor_len(anchor_bits)).div_ceil(8)];
        for (number, anchor) in self.anchors.iter().enumerate() {
            let at = number * anchor_len(anchor_bits);
            numbers::put_bits(anchor.bit, at, anchor_bits[0], &mut anchors);
            let offset = usize::try_from(anchor.offset).expect("payloads are in memory");
            numbers::put_bits(offset, at + anchor_bits[0] as usize, anchor_bits[1], &mut anchors);
        }
        bytes.extend([anchors.as_slice(), &self.classes, &self.extra].into_iter().flatten());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::directory::HEAD_BYTES;
    use super::*;

    /// Returns where the payload of an image of a segment is, among all of its bytes.
    fn place(directory: &Directory, blocks: &Blocks, image: usize) -> Option<Place> {
        let range = directory.range(&blocks.directory, image / BLOCK)?;
        let block = Block::new(directory, image / BLOCK, range.len(), &blocks.bytes[range.clone()])?;
        let Place { range: place, is_repeat } = block.place(image % BLOCK)?;
        Some(Place { range: range.start + place.start..range.start + place.end, is_repeat })
    }

    fn are_as_written(directory: &Directory, blocks: &Blocks) -> bool {
        directory.is_as_written(&blocks.directory)
            && (0..directory.blocks()).all(|number| {
                directory.range(&blocks.directory, number).is_some_and(|range| {
                    let block = Block::new(directory, number, range.len(), &blocks.bytes[range]);
                    block.is_some_and(|block| block.is_as_written())
                })
            })
    }

    fn lengths() -> impl Strategy<Value = Vec<usize>> {
        let length = prop_oneof![0_usize..40, 0_usize..3, 0_usize..5000, Just(70_000)];
        prop_oneof![prop::collection::vec(length, 0..400), prop::collection::vec(10_usize..40, 0..400)]
    }

    proptest! {
        #[test]
        fn round_trips_payloads(lengths in lengths(), every in 0_usize..9) {
            let payloads: Vec<Vec<u8>> = (0_u8..=255).cycle().zip(&lengths).map(|(byte, &length)| vec![byte; length]).collect();
            let is_repeat = |image: usize| every > 0 && image > 0 && image.is_multiple_of(every);
            let entries: Vec<Entry<'_>> = payloads.iter().enumerate().map(|(image, payload)| {
                if is_repeat(image) { Entry::Repeat(1) } else { Entry::Payload(payload) }
            }).collect();
            let checksums = vec![[7; 8]; lengths.len().div_ceil(BLOCK)];
            let blocks = Blocks::new(&entries, &checksums);
            let has_repeats = (0..lengths.len()).any(is_repeat);
            let directory = Directory::read(&blocks.directory, lengths.len(), blocks.bytes.len(), has_repeats).unwrap();
            for (image, entry) in entries.iter().enumerate() {
                let place = place(&directory, &blocks, image).unwrap();
                match entry {
                    Entry::Payload(payload) => prop_assert_eq!(&&blocks.bytes[place.range], payload),
                    Entry::Repeat(_) => prop_assert!(place.is_repeat && blocks.bytes[place.range.start] == 1),
                }
            }
            prop_assert!(are_as_written(&directory, &blocks));
        }

        #[test]
        fn finds_any_other_bit_of_anchors_and_starts(lengths in prop::collection::vec(0_usize..40, 1..400), seed in any::<usize>()) {
            let payloads: Vec<Vec<u8>> = lengths.iter().map(|&length| vec![0; length]).collect();
            let entries: Vec<Entry<'_>> = payloads.iter().map(|payload| Entry::Payload(payload)).collect();
            let blocks = Blocks::new(&entries, &vec![[0; 8]; lengths.len().div_ceil(BLOCK)]);
            let read = |blocks: &Blocks| Directory::read(&blocks.directory, lengths.len(), blocks.bytes.len(), false).unwrap();
            let directory = read(&blocks);
            let anchors = (0..directory.blocks()).flat_map(|block| {
                let start = directory.range(&blocks.directory, block).unwrap().start;
                let images = (lengths.len() - block * BLOCK).min(BLOCK);
                8 * start..8 * (start + anchors_len(images, directory.anchor_bits))
            });
            for bit in anchors.skip(seed % 7).step_by(7) {
                let mut damaged = Blocks { bytes: blocks.bytes.clone(), directory: blocks.directory.clone() };
                damaged.bytes[bit / 8] ^= 1 << (bit % 8);
                prop_assert!(!are_as_written(&directory, &damaged));
            }
            for bit in 8 * HEAD_BYTES..8 * blocks.directory.len() {
                let mut damaged = Blocks { bytes: blocks.bytes.clone(), directory: blocks.directory.clone() };
                damaged.directory[bit / 8] ^= 1 << (bit % 8);
                prop_assert!(!are_as_written(&read(&damaged), &damaged));
            }
        }

        #[test]
        fn never_leaves_the_block(
            images in 1_usize..300,
            len in 0_usize..10_000,
            directory in prop::collection::vec(any::<u8>(), 40),
            seed in prop::collection::vec(any::<u8>(), 1..50),
        ) {
            let mut directory = directory;
            directory[4..22].iter_mut().for_each(|bits| *bits &= 31);
            let starts = numbers::fixed_len(images.div_ceil(BLOCK), numbers::bit_len(len)).unwrap();
            directory.truncate(22 + starts);
            let bytes: Vec<u8> = seed.iter().copied().cycle().take(len).collect();
            let Ok(read) = Directory::read(&directory, images, len, false) else { return Ok(()) };
            let blocks = Blocks { bytes, directory };
            for image in 0..images {
                let place = place(&read, &blocks, image);
                prop_assert!(place.is_none_or(|place| place.range.start <= place.range.end && place.range.end <= len));
            }
            are_as_written(&read, &blocks);
        }
    }

    #[test]
    fn takes_less_than_three_quarters_of_a_byte_for_a_small_image() {
        let payloads: Vec<Vec<u8>> = (0..10_000).map(|image| vec![0; 9 + image * image % 9]).collect();
        let entries: Vec<Entry<'_>> = payloads.iter().map(|payload| Entry::Payload(payload)).collect();
        let blocks = Blocks::new(&entries, &vec![[0; 8]; 10_000_usize.div_ceil(BLOCK)]);
        let payloads: usize = payloads.iter().map(Vec::len).sum();
        let taken = blocks.bytes.len() + blocks.directory.len() - payloads;
        assert!(taken < 7000, "{taken} bytes");
    }
}
