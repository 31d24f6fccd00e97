//! The keys of a segment as a table: fields, whose digits together make one number or a few of each key.

use super::column::{self, Column};
use super::error::{END, Result};
use super::field::{Field, Spelling};
use super::index;
use super::text::{self, Text};
use crate::set::numbers::{push_varint, take_varint};

/// A key has at most so many fields.
pub(super) const MOST_FIELDS: usize = 16;

/// A segment's keys have at most so many bytes in all; a writer ends a segment earlier.
const MOST_BYTES: u64 = 1 << 26;

/// The kind of a field of any text, and what is added where digits go on with those of the field before.
pub(super) const TEXT: u8 = 2;
pub(super) const JOINED: u8 = 4;

/// Where a digit is: it is `number / weight % size` of a column's number.
#[derive(Clone, Copy, Debug)]
struct Digit {
    column: usize,
    weight: u64,
    size: u64,
}

/// Where all digits are, and how many numbers each column can have.
#[derive(Clone, Debug, Default)]
pub(super) struct Layout {
    digits: Vec<Digit>,
    pub(super) columns: Vec<u64>,
}

impl Layout {
    /// Adds the digits of a field: as many of them make one number as have fewer than 2^64 values together.
    pub(super) fn add(&mut self, field: &Field, joined: bool) {
        let mut starts = !joined;
        for size in field.sizes() {
            let product = self.columns.last().and_then(|&product| product.checked_mul(size));
            match product.filter(|_| !starts) {
                Some(product) => {
                    let column = self.columns.len() - 1;
                    if size > 1 {
                        let before = self.digits.iter_mut().rev().take_while(|digit| digit.column == column);
                        before.filter(|digit| digit.size > 1).for_each(|digit| digit.weight *= size);
                    }
                    self.columns[column] = product;
                }
                None => self.columns.push(size),
            }
            starts = false;
            self.digits.push(Digit { column: self.columns.len() - 1, weight: 1, size });
        }
    }

    /// Adds a key's digit to its numbers.
    pub(super) fn put(&self, place: usize, digit: u64, numbers: &mut [u64]) {
        let Digit { column, weight, .. } = self.digits[place];
        numbers[column] += digit * weight;
    }
}

/// A part of each key.
#[derive(Clone, Debug)]
enum Part {
    Field(Field),
    Text(Text),
}

/// The keys of a segment.
#[derive(Clone, Debug)]
pub(in crate::set) struct Table {
    parts: Vec<Part>,
    layout: Layout,
    columns: Vec<Option<Column>>,
    count: usize,
}

impl Table {
    /// Reads the keys of so many images, or says what is wrong with them.
    pub(in crate::set) fn read(bytes: &[u8], count: usize) -> Result<Self> {
        let mut rest = bytes;
        let fields = take_varint(&mut rest).ok_or(END)?;
        if !(1..=MOST_FIELDS).contains(&fields) {
            return Err("expected keys of 1 to 16 fields, found others".into());
        }
        let (mut parts, mut layout) = (Vec::new(), Layout::default());
        for _ in 0..fields {
            let kind = *rest.split_off_first().ok_or(END)?;
            if kind == TEXT {
                parts.push(Part::Text(Text::read(&mut rest, count)?));
                continue;
            }
            let field = Field::read(kind & !JOINED, &mut rest)?;
            layout.add(&field, kind & JOINED != 0);
            parts.push(Part::Field(field));
        }
        let column = |&size: &u64| (size > 1).then(|| column::read(&mut rest, count, size)).transpose();
        let columns = layout.columns.iter().map(column).collect::<Result<_>>()?;
        if !rest.is_empty() {
            return Err("expected the end of the keys, found more bytes".into());
        }
        let table = Self { parts, layout, columns, count };
        table.check_length()?;
        Ok(table)
    }

    /// That all keys together are no longer than what a writer puts in a segment.
    fn check_length(&self) -> Result<()> {
        let too_long = "expected at most 64 MiB of keys in a segment, found more";
        let mut bytes = 0_u64;
        let mut place = 0;
        for part in &self.parts {
            let length = |image: usize| match part {
                Part::Text(text) => text.len(image),
                Part::Field(Field::Digits(alphabets)) => alphabets.len() as u64,
                Part::Field(Field::Lengths(spellings, _)) => {
                    spelling(spellings, self.digit(place, image)).alphabets.len() as u64
                }
                Part::Field(Field::Listed(values)) => values[index(self.digit(place, image))].len() as u64,
            };
            match part {
                Part::Field(Field::Digits(alphabets)) => {
                    bytes = bytes.saturating_add((alphabets.len() as u64).saturating_mul(self.count as u64));
                }
                _ => bytes += (0..self.count).map(length).sum::<u64>(),
            }
            if bytes > MOST_BYTES {
                return Err(too_long.into());
            }
            if let Part::Field(field) = part {
                place += field.sizes().len();
            }
        }
        Ok(())
    }

    /// How many keys there are.
    pub(super) fn len(&self) -> usize {
        self.count
    }

    fn number(&self, column: usize, image: usize) -> u64 {
        self.columns[column].as_ref().map_or(0, |column| column.get(image))
    }

    /// A digit of a key.
    fn digit(&self, place: usize, image: usize) -> u64 {
        let Digit { column, weight, size } = self.layout.digits[place];
        self.number(column, image) / weight % size
    }

    /// Appends a key, of which there is one.
    pub(super) fn push(&self, image: usize, key: &mut Vec<u8>) {
        let mut digits = Digits { table: self, image, place: 0, column: usize::MAX, left: 0 };
        for part in &self.parts {
            match part {
                Part::Field(Field::Digits(alphabets)) => {
                    key.extend(alphabets.iter().map(|alphabet| alphabet[index(digits.next())]));
                }
                Part::Field(Field::Lengths(spellings, _)) => {
                    let number = digits.next();
                    let spelling = spelling(spellings, number);
                    let (start, mut left) = (key.len(), number - spelling.shorter);
                    for alphabet in spelling.alphabets.iter().rev() {
                        key.push(alphabet[index(left % alphabet.len() as u64)]);
                        left /= alphabet.len() as u64;
                    }
                    key[start..].reverse();
                }
                Part::Field(Field::Listed(values)) => key.extend_from_slice(&values[index(digits.next())]),
                Part::Text(text) => text.push(image, key),
            }
        }
    }
}

/// The spelling that a number of a value of several lengths belongs to.
fn spelling(spellings: &[Spelling], number: u64) -> &Spelling {
    let after = spellings.partition_point(|spelling| spelling.shorter <= number);
    &spellings[after - 1]
}

/// The digits of a key, one after the other.
struct Digits<'a> {
    table: &'a Table,
    image: usize,
    place: usize,
    /// What is left of the number of this column.
    column: usize,
    left: u64,
}

impl Digits<'_> {
    fn next(&mut self) -> u64 {
        let Digit { column, weight, size } = self.table.layout.digits[self.place];
        self.place += 1;
        if size == 1 {
            return 0;
        }
        if column != self.column {
            (self.column, self.left) = (column, self.table.number(column, self.image));
        }
        let digit = self.left / weight;
        self.left %= weight;
        digit
    }
}

/// Appends the keys: which is the field, whether it is joined to the one before, and its values; a field that is none is text.
pub(super) fn write(
    fields: &[(Option<Field>, bool)],
    values: &[Vec<&[u8]>],
    columns: &[(column::Method, Vec<u64>)],
) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    push_varint(fields.len(), &mut bytes);
    for ((field, joined), values) in fields.iter().zip(values) {
        let start = bytes.len();
        match field {
            Some(field) => field.write(&mut bytes),
            None => {
                bytes.push(TEXT);
                text::write(values.iter().copied(), &mut bytes)?;
                continue;
            }
        }
        if *joined {
            bytes[start] |= JOINED;
        }
    }
    for (method, numbers) in columns {
        method.write(numbers, &mut bytes)?;
    }
    Ok(bytes)
}
