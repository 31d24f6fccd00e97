//! The directory of a segment: how its blocks are laid out, and where each starts.

use std::ops::Range;

use super::lengths::{LengthCode, TABLE_BYTES};
use super::{checksum, numbers};

/// The number of images in each block but the last.
pub(super) const BLOCK: usize = 128;

/// The images of a block that share an anchor: a look-up adds up the lengths from there on.
pub(super) const GROUP: usize = 64;

/// The widths of an anchor's two numbers follow the code of lengths, a byte each.
pub(super) const HEAD_BYTES: usize = TABLE_BYTES + 2;

/// No number in an anchor is wider.
const MAX_WIDTH: u8 = 32;

/// How the blocks of a segment are laid out.
#[derive(Clone, Debug)]
pub(super) struct Directory {
    /// The number of images in the segment.
    images: usize,
    /// The length of all blocks in bytes.
    len: usize,
    pub(super) code: LengthCode,
    /// The bits of an anchor's two numbers: a bit offset and a payload's offset.
    pub(super) anchor_bits: [u32; 2],
    /// The length of a repeat's payload, if the segment has repeats.
    pub(super) repeat_bytes: Option<usize>,
}

/// Returns the length of an anchor in bits.
pub(super) fn anchor_len([bit, offset]: [u32; 2]) -> usize {
    (bit + offset) as usize
}

/// Returns the length of all that is before the payloads of a block with so many images, if no length has extra bits.
#[inline]
fn head_len(images: usize, anchor_bits: [u32; 2]) -> usize {
    anchors_len(images, anchor_bits) + images.div_ceil(2)
}

/// Returns the length of the anchors of a block in bytes.
pub(super) fn anchors_len(images: usize, anchor_bits: [u32; 2]) -> usize {
    (images.div_ceil(GROUP) * anchor_len(anchor_bits)).div_ceil(8)
}

/// Returns the length of a repeat's payload in a segment of so many images: that of its largest number, in bytes.
pub(super) fn repeat_bytes(images: usize) -> usize {
    numbers::bits_below(images).div_ceil(8).max(1) as usize
}

impl Directory {
    /// Reads the directory of a segment with so many images and so many bytes of blocks.
    ///
    /// # Errors
    ///
    /// What was expected and what was found.
    pub(super) fn read(bytes: &[u8], images: usize, len: usize, has_repeats: bool) -> Result<Self, String> {
        // Each block has a checksum, and half a byte for each image.
        let least = images.div_ceil(BLOCK).checked_mul(checksum::BYTES);
        if least.and_then(|least| least.checked_add(images.div_ceil(2))).is_none_or(|least| least > len) {
            return Err(format!("expected fewer than {images} images in {len} bytes of blocks"));
        }
        let starts = numbers::fixed_len(images.div_ceil(BLOCK), numbers::bit_len(len));
        let expected = starts.and_then(|starts| starts.checked_add(HEAD_BYTES));
        if expected != Some(bytes.len()) {
            let expected = expected.map_or("fewer images".to_owned(), |len| format!("{len} bytes"));
            return Err(format!("expected {expected} for {images} images, found {} bytes", bytes.len()));
        }
        let repeat_bytes = has_repeats.then(|| repeat_bytes(images));
        let (table, rest) = bytes.split_first_chunk().ok_or("expected a directory, found its end")?;
        let code = LengthCode::read(table, repeat_bytes)
            .ok_or_else(|| format!("expected a code of lengths, found {table:?}"))?;
        match *rest {
            [bit, offset, ..] if bit <= MAX_WIDTH && offset <= MAX_WIDTH => {
                let anchor_bits = [bit, offset].map(u32::from);
                Ok(Self { images, len, code, anchor_bits, repeat_bytes })
            }
            _ => Err(format!("expected anchors of numbers of up to {MAX_WIDTH} bits, found others")),
        }
    }

    /// Returns the bytes of a directory: of `images` images in blocks with these starts and this end.
    pub(super) fn to_bytes(&self, starts: &[usize]) -> Vec<u8> {
        let bits = numbers::bit_len(self.len);
        let mut bytes = self.code.to_table().to_vec();
        bytes.extend(self.anchor_bits.map(|bits| bits.to_le_bytes()[0]));
        let starts_len = numbers::fixed_len(starts.len(), bits).expect("blocks are in memory");
        bytes.resize(HEAD_BYTES + starts_len, 0);
        for (number, &start) in starts.iter().enumerate() {
            numbers::put_fixed(start, number, bits, &mut bytes[HEAD_BYTES..]);
        }
        bytes
    }

    /// Makes the directory of blocks that are laid out so.
    pub(super) fn new(
        images: usize,
        len: usize,
        code: LengthCode,
        anchor_bits: [u32; 2],
        repeat_bytes: Option<usize>,
    ) -> Self {
        Self { images, len, code, anchor_bits, repeat_bytes }
    }

    /// Returns the number of blocks.
    pub(super) fn blocks(&self) -> usize {
        self.images.div_ceil(BLOCK)
    }

    /// Returns where a block lies; `None` if the directory, of these bytes, is damaged there.
    #[inline]
    pub(super) fn range(&self, bytes: &[u8], block: usize) -> Option<Range<usize>> {
        let starts = bytes.get(HEAD_BYTES..)?;
        let bits = numbers::bit_len(self.len);
        let start = numbers::fixed(starts, block, bits);
        let end = if block + 1 < self.blocks() { numbers::fixed(starts, block + 1, bits) } else { self.len };
        (start < end && end <= self.len).then_some(start..end)
    }

    /// Returns where the payload of an image is whose block lies there, if all payloads of the block have one length, as those of the
    /// codec `raw`: the block need not be read for that. It has as few bytes as is possible then.
    #[inline]
    pub(super) fn equal_place(&self, block: &Range<usize>, image: usize) -> Option<Range<usize>> {
        let length = self.code.shortest().filter(|_| self.repeat_bytes.is_none())?;
        let images = self.images_of(image / BLOCK);
        let head = head_len(images, self.anchor_bits);
        if block.len() != images.checked_mul(length)?.checked_add(head + checksum::BYTES)? {
            return None;
        }
        let start = block.start + head + image % BLOCK * length;
        Some(start..start + length)
    }

    /// Returns the number of images in a block.
    pub(super) fn images_of(&self, block: usize) -> usize {
        self.images.saturating_sub(block * BLOCK).min(BLOCK)
    }

    /// Returns whether a writer could have made the starts: the first is zero, and nothing is between the last and the end.
    pub(super) fn is_as_written(&self, bytes: &[u8]) -> bool {
        let bits = self.blocks() * numbers::bit_len(self.len) as usize;
        let starts = &bytes[HEAD_BYTES..];
        numbers::is_filled_up(starts, bits)
            && (self.blocks() == 0 && self.len == 0
                || self.range(bytes, 0).is_some_and(|range| range.start == 0))
    }
}
