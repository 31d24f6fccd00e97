//! Columns: one number of each key, written with the coding that takes fewest bytes.

use bitnpz_npy::with_room;
use bitnpz_npz::{CompressedMember, Compression};

use super::error::{Result, TRUNCATED};
use super::packed::{PackedNumbers, width_of};
use super::ranks;
use crate::set::numbers::{push_varint, take_varint};

/// The coding of a column. Deflate then removes what repeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ColumnCoding {
    /// The numbers themselves.
    Bits,
    Bytes,
    /// The differences between consecutive numbers.
    BitSteps,
    ByteSteps,
    /// The distinct numbers in ascending order, as differences, and the rank of each image's number.
    BitRanks,
    ByteRanks,
}

/// All codings, in the order of their numbers in the file.
const CODINGS: [ColumnCoding; 6] = [
    ColumnCoding::Bits,
    ColumnCoding::Bytes,
    ColumnCoding::BitSteps,
    ColumnCoding::ByteSteps,
    ColumnCoding::BitRanks,
    ColumnCoding::ByteRanks,
];

/// The packing of the numbers of a coding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Packing {
    /// All bits of each number without gaps: random numbers take no more than their information.
    Bits,
    /// The lowest byte of all numbers, then the next: deflate finds repeated bytes.
    Bytes,
}

/// A coding is tried on this many runs of this many numbers, so that choosing one for a long column takes bounded time. Runs show
/// the differences between neighbours, and several of them show columns that change.
const TRIAL_RUNS: usize = 4;
const TRIAL_RUN_LEN: usize = 1 << 14;

impl ColumnCoding {
    /// Returns the coding that takes fewest bytes, and an estimate of them.
    pub(super) fn choose(numbers: &[u64]) -> (Self, f64) {
        if numbers.iter().all(|&number| number == 0) {
            return (Self::Bits, 2.0);
        }
        let sorted = numbers.is_sorted();
        let ascending = if sorted { None } else { sorted_distinct(numbers) };
        let estimate = |coding: Self| {
            let (packing, count) = (coding.packing(), numbers.len());
            Some(match coding {
                Self::Bits | Self::Bytes => estimated_size(&sample(numbers), packing, count),
                Self::BitSteps | Self::ByteSteps => estimated_size(&steps(&sample(numbers)), packing, count),
                Self::BitRanks | Self::ByteRanks => {
                    let steps = steps(&sample(ascending.as_deref()?));
                    estimated_size(&steps, packing, count) + ranks::len(count) as f64
                }
            })
        };
        let tried = CODINGS.into_iter().filter_map(|coding| Some((coding, estimate(coding)?)));
        tried.min_by(|(_, a), (_, b)| a.total_cmp(b)).unwrap_or((Self::Bits, 0.0))
    }

    fn packing(self) -> Packing {
        match self {
            Self::Bits | Self::BitSteps | Self::BitRanks => Packing::Bits,
            Self::Bytes | Self::ByteSteps | Self::ByteRanks => Packing::Bytes,
        }
    }

    /// Appends a column in this coding to `bytes`.
    pub(super) fn write(self, numbers: &[u64], bytes: &mut Vec<u8>) -> Result<()> {
        bytes.push(self as u8);
        match self {
            Self::Bits | Self::Bytes => write_packed(numbers, self.packing(), bytes),
            Self::BitSteps | Self::ByteSteps => write_packed(&steps(numbers), self.packing(), bytes),
            Self::BitRanks | Self::ByteRanks => {
                let mut order: Vec<(u64, usize)> = numbers.iter().copied().zip(0..).collect();
                order.sort_unstable();
                let ascending: Vec<u64> = order.iter().map(|&(number, _)| number).collect();
                write_packed(&steps(&ascending), self.packing(), bytes)?;
                let mut ranks = vec![0; order.len()];
                order.iter().enumerate().for_each(|(rank, &(_, image))| ranks[image] = rank);
                ranks::write(&ranks, bytes)
            }
        }
    }
}

/// Estimates the bytes that `count` numbers take, from a sample of them.
fn estimated_size(sample: &[u64], packing: Packing, count: usize) -> f64 {
    let mut bytes = Vec::new();
    if write_packed(sample, packing, &mut bytes).is_err() {
        return f64::INFINITY;
    }
    deflated_size(bytes) * count as f64 / sample.len().max(1) as f64
}

/// Returns the deflated size of bytes, or infinity if they cannot be deflated.
pub(super) fn deflated_size(bytes: Vec<u8>) -> f64 {
    CompressedMember::new(bytes, Compression::Deflate { level: 5 })
        .map_or(f64::INFINITY, |encoded| encoded.compressed_size() as f64)
}

/// Returns a few runs of many numbers, or all of few.
fn sample(numbers: &[u64]) -> Vec<u64> {
    if numbers.len() <= TRIAL_RUNS * TRIAL_RUN_LEN {
        return numbers.to_vec();
    }
    let starts = (0..TRIAL_RUNS).map(|run| run * (numbers.len() - TRIAL_RUN_LEN) / (TRIAL_RUNS - 1));
    starts.flat_map(|start| &numbers[start..start + TRIAL_RUN_LEN]).copied().collect()
}

/// Returns the numbers in ascending order, or `None` if they repeat.
fn sorted_distinct(numbers: &[u64]) -> Option<Vec<u64>> {
    let mut ascending = numbers.to_vec();
    ascending.sort_unstable();
    ascending.windows(2).all(|pair| pair[0] < pair[1]).then_some(ascending)
}

/// Returns the difference of each number from the previous one, and of the first from 0, zigzag coded: `2 * d` for a difference
/// `d >= 0`, and `-2 * d - 1` for a negative one.
fn steps(numbers: &[u64]) -> Vec<u64> {
    let previous = std::iter::once(0).chain(numbers.iter().copied());
    let step = |(last, &number): (u64, &u64)| {
        let step = number.wrapping_sub(last).cast_signed();
        (step << 1 ^ step >> 63).cast_unsigned()
    };
    previous.zip(numbers).map(step).collect()
}

fn write_packed(numbers: &[u64], packing: Packing, bytes: &mut Vec<u8>) -> Result<()> {
    let width = width_of(numbers.iter().copied().max().unwrap_or(0));
    push_varint(width as usize, bytes);
    if packing == Packing::Bits {
        bytes.extend_from_slice(PackedNumbers::new(numbers.iter().copied(), width)?.as_bytes());
        return Ok(());
    }
    for plane in 0..width.div_ceil(8) {
        bytes.extend(numbers.iter().map(|number| number.to_le_bytes()[plane as usize]));
    }
    Ok(())
}

/// A column in memory, decoded and packed for random access.
pub(super) type Column = PackedNumbers;

/// Reads a column of `count` numbers less than `size` from the start of `rest`.
pub(super) fn read(rest: &mut &[u8], count: usize, size: u64) -> Result<Column> {
    let number = *rest.split_off_first().ok_or(TRUNCATED)?;
    let coding =
        CODINGS.get(usize::from(number)).ok_or("expected a known coding of a column, found another")?;
    let mut numbers = read_packed(rest, count, coding.packing())?;
    if !matches!(coding, ColumnCoding::Bits | ColumnCoding::Bytes) {
        let mut last = 0_u64;
        for number in &mut numbers {
            let step = *number >> 1 ^ (*number & 1).wrapping_neg();
            last = last.wrapping_add(step);
            *number = last;
        }
    }
    if matches!(coding, ColumnCoding::BitRanks | ColumnCoding::ByteRanks) {
        let ranks = ranks::read(rest, count)?;
        let mut ranked = with_room(count)?;
        ranked.extend(ranks.into_iter().map(|rank| numbers[rank]));
        numbers = ranked;
    }
    if numbers.iter().any(|&number| number >= size) {
        return Err("expected numbers below the bound of their column, found a larger one".into());
    }
    let width = width_of(numbers.iter().copied().max().unwrap_or(0));
    PackedNumbers::new(numbers.into_iter(), width)
}

fn read_packed(rest: &mut &[u8], count: usize, packing: Packing) -> Result<Vec<u64>> {
    let width = take_varint(rest).and_then(|width| u32::try_from(width).ok()).ok_or(TRUNCATED)?;
    if width > u64::BITS {
        return Err("expected numbers of at most 64 bits, found more".into());
    }
    let mut numbers: Vec<u64> = with_room(count)?;
    if packing == Packing::Bits {
        let packed = PackedNumbers::take(rest, count, width)?;
        numbers.extend((0..count).map(|place| packed.get(place)));
        return Ok(numbers);
    }
    numbers.resize(count, 0);
    for plane in 0..width.div_ceil(8) {
        let bytes = rest.split_off(..count).ok_or(TRUNCATED)?;
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
        fn round_trips_every_coding(numbers in prop::collection::vec(any::<u64>(), 0..100), shift in 0_u32..64) {
            let numbers: Vec<u64> = numbers.into_iter().map(|number| (number >> shift).min(u64::MAX - 1)).collect();
            let size = numbers.iter().copied().max().unwrap_or(0) + 1;
            for coding in CODINGS {
                let mut bytes = Vec::new();
                coding.write(&numbers, &mut bytes).unwrap();
                let mut rest = bytes.as_slice();
                let column = read(&mut rest, numbers.len(), size).unwrap();
                prop_assert!(rest.is_empty());
                let read: Vec<u64> = (0..numbers.len()).map(|place| column.get(place)).collect();
                prop_assert_eq!(&read, &numbers);
            }
        }

        #[test]
        fn reads_any_bytes_without_panicking(bytes in prop::collection::vec(any::<u8>(), 0..200), count in 0_usize..60) {
            let _ = read(&mut bytes.as_slice(), count, 1000);
        }
    }
}
