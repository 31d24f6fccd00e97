//! Fields: a part of each key, and how a value of it becomes digits.

use std::collections::{BTreeMap, HashSet};

use super::error::{Result, TRUNCATED};
use crate::set::numbers::{push_varint, take_varint};

/// The maximum number of lengths of a spelt field. Each length has its own alphabets, so more would seldom pay.
const MAX_LENGTHS: usize = 64;

/// The maximum number of positions of a spelt field, for all lengths together: 16 MiB of flags while alphabets are collected.
const MAX_POSITIONS: usize = 1 << 16;

/// The bytes that occur at a position, in ascending order.
type Alphabet = Box<[u8]>;

/// The values of one length in a field of several lengths.
#[derive(Clone, Debug)]
pub(super) struct Spelling {
    pub(super) alphabets: Vec<Alphabet>,
    /// The number of possible values of the shorter lengths.
    pub(super) shorter: u64,
}

/// The possible values of a field, and with them its digits.
#[derive(Clone, Debug)]
pub(super) enum Field {
    /// Values of one length: a digit for each position.
    Digits(Vec<Alphabet>),
    /// Values of several lengths: one digit, which numbers the shorter values first; and the number of all possible values.
    Lengths(Vec<Spelling>, u64),
    /// A list of values in ascending order: one digit.
    Listed(Vec<Box<[u8]>>),
}

impl Field {
    /// Describes values position by position. Returns `None` if there are too many lengths, positions or possible values.
    pub(super) fn spelt<'a>(values: impl Iterator<Item = &'a [u8]>) -> Option<Self> {
        let mut seen: BTreeMap<usize, Vec<[bool; 256]>> = BTreeMap::new();
        let mut positions = 0;
        for value in values {
            let positions_of = seen.entry(value.len()).or_insert_with(|| {
                positions += value.len();
                Vec::new()
            });
            if positions > MAX_POSITIONS {
                return None;
            }
            positions_of.resize(value.len(), [false; 256]);
            positions_of.iter_mut().zip(value).for_each(|(seen, &byte)| seen[usize::from(byte)] = true);
        }
        if seen.len() > MAX_LENGTHS {
            return None;
        }
        let alphabet =
            |seen: [bool; 256]| (0..=u8::MAX).filter(|&byte| seen[usize::from(byte)]).collect::<Alphabet>();
        Self::of_spellings(seen.into_values().map(|seen| seen.into_iter().map(alphabet).collect()).collect())
    }

    fn of_spellings(mut spellings: Vec<Vec<Alphabet>>) -> Option<Self> {
        if spellings.len() == 1 {
            return Some(Self::Digits(spellings.swap_remove(0)));
        }
        let mut sum = 0_u64;
        let mut lengths = Vec::new();
        for alphabets in spellings {
            let sizes = alphabets.iter().map(|alphabet| alphabet.len() as u64);
            let size = sizes.into_iter().try_fold(1, u64::checked_mul)?;
            lengths.push(Spelling { alphabets, shorter: sum });
            sum = sum.checked_add(size)?;
        }
        Some(Self::Lengths(lengths, sum))
    }

    /// Lists the distinct values. Returns `None` if they are more than half of the values.
    pub(super) fn listed<'a>(values: impl ExactSizeIterator<Item = &'a [u8]>) -> Option<Self> {
        let max = values.len() / 2;
        let mut seen = HashSet::new();
        for value in values {
            if seen.insert(value) && seen.len() > max {
                return None;
            }
        }
        let mut listed: Vec<Box<[u8]>> = seen.into_iter().map(Into::into).collect();
        listed.sort_unstable();
        Some(Self::Listed(listed))
    }

    /// Returns the number of values of each digit.
    pub(super) fn sizes(&self) -> Vec<u64> {
        match self {
            Self::Digits(alphabets) => alphabets.iter().map(|alphabet| alphabet.len() as u64).collect(),
            Self::Lengths(_, sum) => vec![*sum],
            Self::Listed(values) => vec![values.len() as u64],
        }
    }

    /// Calls `with` with each digit of a value, which must be one of the field.
    pub(super) fn digits(&self, value: &[u8], mut with: impl FnMut(u64)) {
        let digit =
            |(alphabet, byte): (&Alphabet, &u8)| alphabet.partition_point(|other| other < byte) as u64;
        match self {
            Self::Digits(alphabets) => alphabets.iter().zip(value).map(digit).for_each(with),
            Self::Lengths(spellings, _) => {
                let is_of = |spelling: &&Spelling| spelling.alphabets.len() == value.len();
                let spelling = spellings.iter().find(is_of).expect("the field has this value");
                let number = spelling.alphabets.iter().zip(value);
                with(
                    number.fold(0, |number, (alphabet, byte)| {
                        number * alphabet.len() as u64 + digit((alphabet, byte))
                    }) + spelling.shorter,
                );
            }
            Self::Listed(values) => with(values.partition_point(|other| **other < *value) as u64),
        }
    }

    /// Appends the description of the field to `bytes`.
    pub(super) fn write(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Digits(alphabets) => {
                bytes.push(SPELT);
                push_varint(1, bytes);
                write_alphabets(alphabets, bytes);
            }
            Self::Lengths(spellings, _) => {
                bytes.push(SPELT);
                push_varint(spellings.len(), bytes);
                spellings.iter().for_each(|spelling| write_alphabets(&spelling.alphabets, bytes));
            }
            Self::Listed(values) => {
                bytes.push(LISTED);
                push_varint(values.len(), bytes);
                for value in values {
                    push_varint(value.len(), bytes);
                    bytes.extend_from_slice(value);
                }
            }
        }
    }

    /// Reads the description of a field of this kind from the start of `rest`.
    pub(super) fn read(kind: u8, rest: &mut &[u8]) -> Result<Self> {
        match kind {
            SPELT => read_spelt(rest),
            LISTED => Ok(Self::Listed(read_list(rest)?)),
            _ => Err("expected a known kind of field, found another".into()),
        }
    }
}

/// The kinds of fields in the file.
const SPELT: u8 = 0;
const LISTED: u8 = 1;

fn read_spelt(rest: &mut &[u8]) -> Result<Field> {
    let lengths = take_varint(rest).ok_or(TRUNCATED)?;
    if !(1..=MAX_LENGTHS).contains(&lengths) {
        return Err("expected values of 1 to 64 lengths, found none or more".into());
    }
    let mut positions = MAX_POSITIONS;
    let spellings: Vec<_> =
        (0..lengths).map(|_| read_alphabets(rest, &mut positions)).collect::<Result<_>>()?;
    if !spellings.is_sorted_by(|a, b| a.len() < b.len()) {
        return Err("expected the lengths of values in ascending order, found another order".into());
    }
    Ok(Field::of_spellings(spellings).ok_or("expected fewer values than 2^64, found more")?)
}

fn write_alphabets(alphabets: &[Alphabet], bytes: &mut Vec<u8>) {
    push_varint(alphabets.len(), bytes);
    for alphabet in alphabets {
        push_varint(alphabet.len(), bytes);
        bytes.extend_from_slice(alphabet);
    }
}

fn read_alphabets(rest: &mut &[u8], positions: &mut usize) -> Result<Vec<Alphabet>> {
    let length = take_varint(rest).ok_or(TRUNCATED)?;
    *positions = positions.checked_sub(length).ok_or("expected at most 65,536 positions, found more")?;
    let alphabet = |_| {
        let size = take_varint(rest).ok_or(TRUNCATED)?;
        let alphabet = rest.split_off(..size).ok_or(TRUNCATED)?;
        if alphabet.is_empty() || !alphabet.is_sorted_by(|a, b| a < b) {
            return Err("expected the bytes of a position in ascending order, found another order".into());
        }
        Ok(alphabet.into())
    };
    (0..length).map(alphabet).collect()
}

fn read_list(rest: &mut &[u8]) -> Result<Vec<Box<[u8]>>> {
    let count = take_varint(rest).ok_or(TRUNCATED)?;
    if count == 0 || count > rest.len() {
        return Err("expected a list of values, found an empty or too long one".into());
    }
    let mut values: Vec<Box<[u8]>> = bitnpz_npy::with_room(count)?;
    for _ in 0..count {
        let length = take_varint(rest).ok_or(TRUNCATED)?;
        values.push(rest.split_off(..length).ok_or(TRUNCATED)?.into());
    }
    if !values.is_sorted_by(|a, b| a < b) {
        return Err("expected a list of values in ascending order, found another order".into());
    }
    Ok(values)
}
