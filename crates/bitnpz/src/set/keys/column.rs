//! One number of each key, in as few bytes as one of a few methods takes.

use bitnpz_npy::with_room;
use bitnpz_npz::{CompressedMember, Compression};

use super::error::{END, Result};
use super::packed::{Packed, width_of};
use super::ranks;
use crate::set::numbers::{push_varint, take_varint};

/// How the numbers of a column are told; deflate does the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    /// All bits of each, one after the other: what is random takes no more.
    Bits,
    /// The lowest byte of all, then the next: deflate finds what repeats.
    Bytes,
    /// How far each is from the one before, in bits or bytes.
    BitSteps,
    ByteSteps,
    /// All numbers in ascending order, each once, and which image has which.
    BitRanks,
    ByteRanks,
}

const METHODS: [Method; 6] =
    [Method::Bits, Method::Bytes, Method::BitSteps, Method::ByteSteps, Method::BitRanks, Method::ByteRanks];

/// A method is tried on this many runs of this many numbers.
const RUNS: usize = 4;
const RUN: usize = 1 << 14;

impl Method {
    /// The method that takes fewest bytes, and about how many.
    pub(super) fn choose(numbers: &[u64]) -> (Self, f64) {
        if numbers.iter().all(|&number| number == 0) {
            return (Self::Bits, 2.0);
        }
        let sorted = numbers.is_sorted();
        let ascending = if sorted { None } else { distinct(numbers) };
        let tried = METHODS.into_iter().filter_map(|method| match method {
            Self::BitRanks | Self::ByteRanks => {
                let steps = steps(&drawn(ascending.as_deref()?));
                let cost = trial(&steps, method == Self::BitRanks, numbers.len());
                Some((method, cost + ranks::len(numbers.len()) as f64))
            }
            Self::BitSteps | Self::ByteSteps => {
                Some((method, trial(&steps(&drawn(numbers)), method == Self::BitSteps, numbers.len())))
            }
            _ => Some((method, trial(&drawn(numbers), method == Self::Bits, numbers.len()))),
        });
        tried.min_by(|(_, a), (_, b)| a.total_cmp(b)).unwrap_or((Self::Bits, 0.0))
    }

    /// Appends a column by this method.
    pub(super) fn write(self, numbers: &[u64], bytes: &mut Vec<u8>) -> Result<()> {
        bytes.push(self as u8);
        match self {
            Self::Bits | Self::Bytes => write_plain(numbers, self == Self::Bits, bytes),
            Self::BitSteps | Self::ByteSteps => write_plain(&steps(numbers), self == Self::BitSteps, bytes),
            Self::BitRanks | Self::ByteRanks => {
                let mut order: Vec<(u64, usize)> = numbers.iter().copied().zip(0..).collect();
                order.sort_unstable();
                let ascending: Vec<u64> = order.iter().map(|&(number, _)| number).collect();
                write_plain(&steps(&ascending), self == Self::BitRanks, bytes)?;
                let mut ranks = vec![0; order.len()];
                order.iter().enumerate().for_each(|(rank, &(_, image))| ranks[image] = rank);
                ranks::write(&ranks, bytes)
            }
        }
    }
}

/// About the bytes that so many numbers like these take.
fn trial(drawn: &[u64], in_bits: bool, count: usize) -> f64 {
    let mut bytes = Vec::new();
    if write_plain(drawn, in_bits, &mut bytes).is_err() {
        return f64::INFINITY;
    }
    deflated(bytes) * count as f64 / drawn.len().max(1) as f64
}

/// The size of what deflate makes of bytes.
pub(super) fn deflated(bytes: Vec<u8>) -> f64 {
    CompressedMember::new(bytes, Compression::Deflate { level: 5 })
        .map_or(f64::INFINITY, |encoded| encoded.compressed_size() as f64)
}

/// Some of many numbers, in runs as they come.
fn drawn(numbers: &[u64]) -> Vec<u64> {
    if numbers.len() <= RUNS * RUN {
        return numbers.to_vec();
    }
    let starts = (0..RUNS).map(|run| run * (numbers.len() - RUN) / (RUNS - 1));
    starts.flat_map(|start| &numbers[start..start + RUN]).copied().collect()
}

/// The numbers in ascending order; none if one comes twice.
fn distinct(numbers: &[u64]) -> Option<Vec<u64>> {
    let mut ascending = numbers.to_vec();
    ascending.sort_unstable();
    ascending.windows(2).all(|pair| pair[0] < pair[1]).then_some(ascending)
}

/// How far each is from the one before, the first from 0: twice as far up, and one more than that down.
fn steps(numbers: &[u64]) -> Vec<u64> {
    let befores = std::iter::once(0).chain(numbers.iter().copied());
    let step = |(before, &number): (u64, &u64)| {
        let step = number.wrapping_sub(before).cast_signed();
        (step << 1 ^ step >> 63).cast_unsigned()
    };
    befores.zip(numbers).map(step).collect()
}

fn write_plain(numbers: &[u64], in_bits: bool, bytes: &mut Vec<u8>) -> Result<()> {
    let width = width_of(numbers.iter().copied().max().unwrap_or(0));
    push_varint(width as usize, bytes);
    if in_bits {
        bytes.extend_from_slice(Packed::new(numbers.iter().copied(), width)?.as_bytes());
        return Ok(());
    }
    for plane in 0..width.div_ceil(8) {
        bytes.extend(numbers.iter().map(|number| number.to_le_bytes()[plane as usize]));
    }
    Ok(())
}

/// A column in memory.
pub(super) type Column = Packed;

/// Takes a column of so many numbers below `size` from the start of what is left.
pub(super) fn read(rest: &mut &[u8], count: usize, size: u64) -> Result<Column> {
    let number = *rest.split_off_first().ok_or(END)?;
    let method = METHODS.get(usize::from(number)).ok_or("expected a method of keys, found none of them")?;
    let in_bits = matches!(method, Method::Bits | Method::BitSteps | Method::BitRanks);
    let mut numbers = read_plain(rest, count, in_bits)?;
    if !matches!(method, Method::Bits | Method::Bytes) {
        let mut last = 0_u64;
        for number in &mut numbers {
            let step = *number >> 1 ^ (*number & 1).wrapping_neg();
            last = last.wrapping_add(step);
            *number = last;
        }
    }
    if matches!(method, Method::BitRanks | Method::ByteRanks) {
        let ranks = ranks::read(rest, count)?;
        let mut ranked = with_room(count)?;
        ranked.extend(ranks.into_iter().map(|rank| numbers[rank]));
        numbers = ranked;
    }
    if numbers.iter().any(|&number| number >= size) {
        return Err("expected numbers that a column has, found larger ones".into());
    }
    let width = width_of(numbers.iter().copied().max().unwrap_or(0));
    Packed::new(numbers.into_iter(), width)
}

fn read_plain(rest: &mut &[u8], count: usize, in_bits: bool) -> Result<Vec<u64>> {
    let width = take_varint(rest).and_then(|width| u32::try_from(width).ok()).ok_or(END)?;
    if width > u64::BITS {
        return Err("expected numbers of at most 64 bits, found more".into());
    }
    let mut numbers: Vec<u64> = with_room(count)?;
    if in_bits {
        let packed = Packed::take(rest, count, width)?;
        numbers.extend((0..count).map(|place| packed.get(place)));
        return Ok(numbers);
    }
    numbers.resize(count, 0);
    for plane in 0..width.div_ceil(8) {
        let bytes = rest.split_off(..count).ok_or(END)?;
        numbers.iter_mut().zip(bytes).for_each(|(number, &byte)| *number |= u64::from(byte) << (8 * plane));
    }
    Ok(numbers)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn do_numbers_come_back_by_every_method(numbers in prop::collection::vec(any::<u64>(), 0..100), shift in 0_u32..64) {
            let numbers: Vec<u64> = numbers.into_iter().map(|number| (number >> shift).min(u64::MAX - 1)).collect();
            let size = numbers.iter().copied().max().unwrap_or(0) + 1;
            for method in METHODS {
                let mut bytes = Vec::new();
                method.write(&numbers, &mut bytes).unwrap();
                let mut rest = bytes.as_slice();
                let column = read(&mut rest, numbers.len(), size).unwrap();
                prop_assert!(rest.is_empty());
                let read: Vec<u64> = (0..numbers.len()).map(|place| column.get(place)).collect();
                prop_assert_eq!(&read, &numbers);
            }
        }

        #[test]
        fn do_any_bytes_give_a_column_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200), count in 0_usize..60) {
            let _ = read(&mut bytes.as_slice(), count, 1000);
        }
    }
}
