//! The extra field of a member that is deflated in parts, in its central directory header: where each part is.

use std::ops::Range;

use super::{Fields, extra};

/// The identifier of the field, the letters `bp`. No other program writes it.
pub(crate) const PARTS: u16 = u16::from_le_bytes(*b"bp");

/// The bytes of other extra fields of an entry: of zip64 sizes, and of the start of this field.
const MOST_OTHERS: u16 = 64;

/// A member that would have more parts has larger ones: the field has room for twice as many.
const MOST_PARTS: u64 = 4096;

/// The length of a part, unless there would be too many: deflate looks back 32 KiB, and loses little by starting anew after
/// twice as much.
const PART_BYTES: u64 = 64 << 10;

/// No part is longer.
const MOST_PART_BYTES: u32 = 1 << 30;

/// The parts of a deflated member, each of which can be inflated by itself.
///
/// The first part has the head, such as the header of an array, and as many bytes as the others; the last may have fewer. That
/// the first can be read shows that its head is what the file claims: read it before others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parts {
    /// The bytes before those that are divided.
    head: u32,
    /// The bytes of each part but the last.
    each: u32,
    /// The bytes of the member.
    size: u64,
    /// Where the compressed bytes of each part start, and the end of the last.
    starts: Vec<u64>,
    crcs: Vec<u32>,
}

/// Returns the bytes of each part of a member of about this size.
pub(crate) fn part_bytes(size: u64) -> usize {
    let each = size.div_ceil(PART_BYTES * MOST_PARTS).max(1).saturating_mul(PART_BYTES);
    usize::try_from(each.min(MOST_PART_BYTES.into())).expect("a gibibyte")
}

impl Parts {
    /// Starts parts of `each` bytes behind the head, of a member to which they are added as they are deflated.
    pub(crate) fn new(head: usize, each: usize) -> Option<Self> {
        let [head, each] = [head, each].map(u32::try_from);
        Some(Self { head: head.ok()?, each: each.ok()?, size: 0, starts: vec![0], crcs: Vec::new() })
    }

    /// Adds a part with this compressed length and this CRC-32.
    pub(crate) fn push(&mut self, len: usize, crc32: u32) {
        self.starts.push(self.starts[self.len()] + len as u64);
        self.crcs.push(crc32);
    }

    /// Returns the CRC-32 of a part's bytes.
    pub(crate) fn crc32(&self, part: usize) -> u32 {
        self.crcs[part]
    }

    /// Changes the CRC-32 of the first part, whose head was not known.
    pub(crate) fn set_first_crc32(&mut self, crc32: u32) {
        self.crcs[0] = crc32;
    }

    /// Returns the field of a member; `None` if it has more parts than fit.
    pub(crate) fn to_field(&self) -> Option<Vec<u8>> {
        let mut data = [self.head, self.each].map(u32::to_le_bytes).concat();
        for (starts, crc32) in self.starts.windows(2).zip(&self.crcs) {
            data.extend(u32::try_from(starts[1] - starts[0]).ok()?.to_le_bytes());
            data.extend(crc32.to_le_bytes());
        }
        // A zip64 field has room beside it.
        let len = u16::try_from(data.len()).ok().filter(|&len| len <= u16::MAX - MOST_OTHERS)?;
        Some([PARTS.to_le_bytes().as_slice(), &len.to_le_bytes(), &data].concat())
    }

    /// Reads the field of a member of so many bytes, compressed and not, if it has a valid one.
    pub(crate) fn read(extra: &[u8], compressed_size: u64, size: u64) -> Option<Self> {
        let data = extra::find(extra, PARTS)?;
        let (fixed, parts) = data.split_at_checked(8)?;
        let mut fields = Fields(fixed);
        let (head, each) = (fields.u32(), fields.u32());
        let divided = size.checked_sub(head.into())?;
        let count = divided.checked_div(each.into())? + u64::from(divided % u64::from(each) > 0);
        if parts.len() % 8 != 0 || (parts.len() / 8) as u64 != count.max(1) || each > MOST_PART_BYTES {
            return None;
        }
        let (mut starts, mut crcs) = (vec![0], Vec::new());
        for part in parts.chunks_exact(8) {
            let mut fields = Fields(part);
            let end = starts[starts.len() - 1] + u64::from(fields.u32());
            starts.push(end);
            crcs.push(fields.u32());
        }
        (starts.last() == Some(&compressed_size)).then_some(Self { head, each, size, starts, crcs })
    }

    /// Returns the number of parts.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "there is at least one")]
    pub fn len(&self) -> usize {
        self.crcs.len()
    }

    /// Returns the number of bytes in each part but the last, and the head in the first.
    #[must_use]
    pub fn each(&self) -> usize {
        usize::try_from(self.each).unwrap_or(usize::MAX)
    }

    /// Returns the number of the part that has the byte at this place of the member; of a place behind its end, the last.
    #[must_use]
    pub fn find(&self, place: u64) -> usize {
        let number = place.saturating_sub(self.head.into()) / u64::from(self.each);
        usize::try_from(number).unwrap_or(usize::MAX).min(self.len() - 1)
    }

    /// Returns where the bytes of a part are in the member.
    ///
    /// # Panics
    ///
    /// If there is no such part.
    #[must_use]
    pub fn range(&self, part: usize) -> Range<u64> {
        assert!(part < self.len(), "expected one of {} parts, found {part}", self.len());
        let place = |part: usize| u64::from(self.head) + part as u64 * u64::from(self.each);
        let start = if part == 0 { 0 } else { place(part) };
        start..place(part + 1).min(self.size)
    }

    /// Returns where the compressed bytes of these parts are in the data of the member.
    #[must_use]
    pub fn compressed(&self, parts: Range<usize>) -> Range<u64> {
        self.starts[parts.start]..self.starts[parts.end]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(each: usize, count: usize) -> Parts {
        let mut parts = Parts::new(128, each).unwrap();
        (0..count).for_each(|number| parts.push(100 + number % 10, 7));
        parts
    }

    #[test]
    fn reads_what_it_writes() {
        let field = parts(1000, 3).to_field().unwrap();
        let read = Parts::read(&field, 303, 128 + 2500).unwrap();
        assert_eq!([0, 1, 2].map(|part| read.range(part)), [0..1128, 1128..2128, 2128..2628]);
        assert_eq!([0, 1127, 1128, 2627, 9999].map(|place| read.find(place)), [0, 0, 1, 2, 2]);
        assert_eq!((read.compressed(0..1), read.compressed(1..3)), (0..100, 100..303));
        assert_eq!((read.len(), read.crc32(2), read.to_field()), (3, 7, Some(field)));
    }

    #[test]
    fn refuses_what_does_not_fit_its_member() {
        let field = parts(1000, 3).to_field().unwrap();
        for (compressed, size) in [(302, 2628), (303, 2128), (303, 3129), (303, 127), (303, 0)] {
            assert_eq!(Parts::read(&field, compressed, size), None);
        }
        assert_eq!(Parts::read(&parts(0, 1).to_field().unwrap(), 100, 128), None);
        assert_eq!(Parts::read(&field[..field.len() - 1], 303, 2628), None);
        // Eight times as many parts as it claims is a number that wraps around to eight.
        let mut one = Parts::new(127, 1).unwrap();
        one.push(100, 7);
        assert_eq!(Parts::read(&one.to_field().unwrap(), 100, 128), Some(Parts { size: 128, ..one.clone() }));
        assert_eq!(Parts::read(&one.to_field().unwrap(), 100, (1 << 61) + 128), None);
        assert!(parts(1, 8100).to_field().is_some() && parts(1, 8200).to_field().is_none());
    }

    #[test]
    fn many_bytes_have_larger_parts() {
        assert_eq!(part_bytes(0), 64 << 10);
        assert_eq!(part_bytes(256 << 20), 64 << 10);
        assert_eq!(part_bytes((256 << 20) + 1), 128 << 10);
        assert_eq!(part_bytes(u64::MAX), 1 << 30);
    }
}
