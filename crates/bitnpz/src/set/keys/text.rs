//! Fields of arbitrary text, front coded: each value is stored as the length of the prefix that it shares with the previous value,
//! and the rest.

use bitnpz_npy::with_room;

use super::column::{self, Column, ColumnCoding};
use super::error::{Result, TRUNCATED};
use super::packed::index;

/// The number of values in a block, as the format defines it. The first value of a block is stored whole, so reading a value
/// decodes at most this many.
pub(super) const VALUES_PER_BLOCK: usize = 16;

/// Lengths of values are less than this, because a ZIP archive stores the length of a name in 16 bits.
const LENGTH_BOUND: u64 = 1 << 16;

/// The front-coded values of a field.
#[derive(Clone, Debug)]
pub(super) struct TextField {
    /// The length of the prefix that each value shares with the previous one.
    shared: Column,
    /// The length of the rest of each value.
    rest: Column,
    /// The offset of each block in `bytes`.
    offsets: Vec<u32>,
    bytes: Vec<u8>,
}

/// Appends the values of a field to `bytes`.
pub(super) fn write<'a>(values: impl Iterator<Item = &'a [u8]>, bytes: &mut Vec<u8>) -> Result<()> {
    let (mut shared, mut rest, mut text) = (Vec::new(), Vec::new(), Vec::new());
    let mut last: &[u8] = &[];
    for (number, value) in values.enumerate() {
        let before = if number % VALUES_PER_BLOCK == 0 { &[] } else { last };
        let same = before.iter().zip(value).take_while(|(a, b)| a == b).count();
        shared.push(same as u64);
        rest.push((value.len() - same) as u64);
        text.extend_from_slice(&value[same..]);
        last = value;
    }
    for lengths in [shared, rest] {
        ColumnCoding::choose(&lengths).0.write(&lengths, bytes)?;
    }
    bytes.extend_from_slice(&text);
    Ok(())
}

impl TextField {
    /// Reads a field of `count` values from the start of `left`.
    pub(super) fn read(left: &mut &[u8], count: usize) -> Result<Self> {
        let shared = column::read(left, count, LENGTH_BOUND)?;
        let rest = column::read(left, count, LENGTH_BOUND)?;
        let mut offsets = with_room(count.div_ceil(VALUES_PER_BLOCK))?;
        let (mut place, mut length) = (0_u64, 0);
        for number in 0..count {
            if number % VALUES_PER_BLOCK == 0 {
                offsets.push(u32::try_from(place).map_err(|_| TRUNCATED)?);
                length = 0;
            }
            if shared.get(number) > length {
                return Err("expected a prefix of the previous value, found one longer than it".into());
            }
            length = shared.get(number) + rest.get(number);
            place += rest.get(number);
        }
        let text = usize::try_from(place).ok().and_then(|end| left.split_off(..end)).ok_or(TRUNCATED)?;
        Ok(Self { shared, rest, offsets, bytes: bitnpz_npy::copy(text)? })
    }

    /// Returns the length of a value in bytes.
    pub(super) fn len(&self, number: usize) -> u64 {
        self.shared.get(number) + self.rest.get(number)
    }

    /// Appends a value to `key`.
    pub(super) fn push(&self, number: usize, key: &mut Vec<u8>) {
        let start = key.len();
        let first = number / VALUES_PER_BLOCK * VALUES_PER_BLOCK;
        let mut place = self.offsets[number / VALUES_PER_BLOCK] as usize;
        for number in first..=number {
            let [shared, rest] = [&self.shared, &self.rest].map(|column| index(column.get(number)));
            key.truncate(start + shared);
            key.extend_from_slice(&self.bytes[place..place + rest]);
            place += rest;
        }
    }
}
