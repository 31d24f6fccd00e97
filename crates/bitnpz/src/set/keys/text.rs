//! A field of any text: what each value shares with the one before, and what follows.

use bitnpz_npy::with_room;

use super::column::{self, Column, Method};
use super::error::{END, Result};
use super::index;

/// So many values are told from the one before, so that any is found soon.
pub(super) const BLOCK: usize = 16;

/// No key is longer.
const MOST: u64 = 1 << 16;

/// Values one after the other, each told from the one before.
#[derive(Clone, Debug)]
pub(super) struct Text {
    /// How many bytes each value has in common with the one before, and how many follow.
    shared: Column,
    rest: Column,
    /// Where what follows starts, for each block.
    places: Vec<u32>,
    bytes: Vec<u8>,
}

/// Appends a field of these values.
pub(super) fn write<'a>(values: impl Iterator<Item = &'a [u8]>, bytes: &mut Vec<u8>) -> Result<()> {
    let (mut shared, mut rest, mut text) = (Vec::new(), Vec::new(), Vec::new());
    let mut last: &[u8] = &[];
    for (number, value) in values.enumerate() {
        let before = if number % BLOCK == 0 { &[] } else { last };
        let same = before.iter().zip(value).take_while(|(a, b)| a == b).count();
        shared.push(same as u64);
        rest.push((value.len() - same) as u64);
        text.extend_from_slice(&value[same..]);
        last = value;
    }
    for lengths in [shared, rest] {
        Method::choose(&lengths).0.write(&lengths, bytes)?;
    }
    bytes.extend_from_slice(&text);
    Ok(())
}

impl Text {
    /// Takes a field of so many values from the start of what is left.
    pub(super) fn read(left: &mut &[u8], count: usize) -> Result<Self> {
        let shared = column::read(left, count, MOST)?;
        let rest = column::read(left, count, MOST)?;
        let mut places = with_room(count.div_ceil(BLOCK))?;
        let (mut place, mut length) = (0_u64, 0);
        for number in 0..count {
            if number % BLOCK == 0 {
                places.push(u32::try_from(place).map_err(|_| END)?);
                length = 0;
            }
            if shared.get(number) > length {
                return Err("expected values that share no more than the one before has, found more".into());
            }
            length = shared.get(number) + rest.get(number);
            place += rest.get(number);
        }
        let text = usize::try_from(place).ok().and_then(|end| left.split_off(..end)).ok_or(END)?;
        Ok(Self { shared, rest, places, bytes: bitnpz_npy::copy(text)? })
    }

    /// The length of a value.
    pub(super) fn len(&self, number: usize) -> u64 {
        self.shared.get(number) + self.rest.get(number)
    }

    /// Appends a value.
    pub(super) fn push(&self, number: usize, key: &mut Vec<u8>) {
        let start = key.len();
        let first = number / BLOCK * BLOCK;
        let mut place = self.places[number / BLOCK] as usize;
        for number in first..=number {
            let [shared, rest] = [&self.shared, &self.rest].map(|column| index(column.get(number)));
            key.truncate(start + shared);
            key.extend_from_slice(&self.bytes[place..place + rest]);
            place += rest;
        }
    }
}
