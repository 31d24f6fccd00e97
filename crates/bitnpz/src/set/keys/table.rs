//! Key tables: each key is divided into fields, and the digits of its fields are combined into one number or a few.

use super::column::{self, Column, ColumnCoding};
use super::error::{Result, TRUNCATED};
use super::field::{Field, Spelling};
use super::packed::index;
use super::text::{self, TextField};
use crate::set::numbers::{push_varint, take_varint};

/// The maximum number of fields, which bounds the work of making one key. The last field of a longer key takes the rest of it.
pub(super) const MAX_FIELDS: usize = 16;

/// The maximum length of all keys of a segment, which bounds what a small damaged table can expand to. A writer ends a segment
/// earlier.
const MAX_KEY_BYTES: u64 = 1 << 26;

const TOO_LONG: &str = "expected at most 64 MiB of keys in a segment, found more";

/// The kind of a text field in the file.
const TEXT: u8 = 2;
/// The flag of a field whose digits continue the number of the previous field.
const JOINED: u8 = 4;

/// The position of a digit: `number / weight % size` of a column's number.
#[derive(Clone, Copy, Debug)]
struct Digit {
    column: usize,
    weight: u64,
    size: u64,
}

/// The positions of all digits, and the number of values of each column.
#[derive(Clone, Debug, Default)]
pub(super) struct TableLayout {
    digits: Vec<Digit>,
    pub(super) columns: Vec<u64>,
}

impl TableLayout {
    /// Adds the digits of a field. Consecutive digits share a column as long as they have fewer than 2^64 values together. A field
    /// that is not joined to the previous one starts a new column.
    pub(super) fn add(&mut self, field: &Field, is_joined: bool) {
        let mut starts = !is_joined;
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

    /// Adds the digit at an index to the numbers of a key.
    pub(super) fn put(&self, index: usize, digit: u64, numbers: &mut [u64]) {
        let Digit { column, weight, .. } = self.digits[index];
        numbers[column] += digit * weight;
    }
}

/// A field of each key, as digits or as text.
#[derive(Clone, Debug)]
enum KeyPart {
    Field(Field),
    Text(TextField),
}

/// The key table of a segment.
#[derive(Clone, Debug)]
pub(in crate::set) struct KeyTable {
    parts: Vec<KeyPart>,
    layout: TableLayout,
    columns: Vec<Option<Column>>,
    count: usize,
}

impl KeyTable {
    /// Reads the key table of `count` images.
    pub(in crate::set) fn read(bytes: &[u8], count: usize) -> Result<Self> {
        let mut rest = bytes;
        let fields = take_varint(&mut rest).ok_or(TRUNCATED)?;
        if !(1..=MAX_FIELDS).contains(&fields) {
            return Err("expected keys of 1 to 16 fields, found none or more".into());
        }
        let (mut parts, mut layout) = (Vec::new(), TableLayout::default());
        for _ in 0..fields {
            let kind = *rest.split_off_first().ok_or(TRUNCATED)?;
            if kind == TEXT {
                parts.push(KeyPart::Text(TextField::read(&mut rest, count)?));
                continue;
            }
            let field = Field::read(kind & !JOINED, &mut rest)?;
            layout.add(&field, kind & JOINED != 0);
            parts.push(KeyPart::Field(field));
        }
        // Before digits are read: they can take far fewer bytes than keys.
        let digits = parts.iter().map(|part| match part {
            KeyPart::Field(Field::Digits(alphabets)) => alphabets.len() as u64,
            _ => 0,
        });
        if digits.sum::<u64>().saturating_mul(count as u64) > MAX_KEY_BYTES {
            return Err(TOO_LONG.into());
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

    /// Checks that all keys together are no longer than the maximum.
    fn check_length(&self) -> Result<()> {
        let mut bytes = 0_u64;
        let mut place = 0;
        for part in &self.parts {
            let length = |image: usize| match part {
                KeyPart::Text(text) => text.len(image),
                KeyPart::Field(Field::Digits(alphabets)) => alphabets.len() as u64,
                KeyPart::Field(Field::Lengths(spellings, _)) => {
                    spelling(spellings, self.digit(place, image)).alphabets.len() as u64
                }
                KeyPart::Field(Field::Listed(values)) => values[index(self.digit(place, image))].len() as u64,
            };
            match part {
                KeyPart::Field(Field::Digits(alphabets)) => {
                    bytes = bytes.saturating_add((alphabets.len() as u64).saturating_mul(self.count as u64));
                }
                _ => bytes += (0..self.count).map(length).sum::<u64>(),
            }
            if bytes > MAX_KEY_BYTES {
                return Err(TOO_LONG.into());
            }
            if let KeyPart::Field(field) = part {
                place += field.sizes().len();
            }
        }
        Ok(())
    }

    /// Returns the number of keys.
    pub(super) fn len(&self) -> usize {
        self.count
    }

    fn number(&self, column: usize, image: usize) -> u64 {
        self.columns[column].as_ref().map_or(0, |column| column.get(image))
    }

    /// Returns a digit of a key.
    fn digit(&self, place: usize, image: usize) -> u64 {
        let Digit { column, weight, size } = self.layout.digits[place];
        self.number(column, image) / weight % size
    }

    /// Appends the key of an image, which must exist, to `key`.
    pub(super) fn push(&self, image: usize, key: &mut Vec<u8>) {
        let mut digits = DigitReader { table: self, image, place: 0, column: usize::MAX, rest: 0 };
        for part in &self.parts {
            match part {
                KeyPart::Field(Field::Digits(alphabets)) => {
                    key.extend(alphabets.iter().map(|alphabet| alphabet[index(digits.next())]));
                }
                KeyPart::Field(Field::Lengths(spellings, _)) => {
                    let number = digits.next();
                    let spelling = spelling(spellings, number);
                    let (start, mut left) = (key.len(), number - spelling.shorter);
                    for alphabet in spelling.alphabets.iter().rev() {
                        key.push(alphabet[index(left % alphabet.len() as u64)]);
                        left /= alphabet.len() as u64;
                    }
                    key[start..].reverse();
                }
                KeyPart::Field(Field::Listed(values)) => key.extend_from_slice(&values[index(digits.next())]),
                KeyPart::Text(text) => text.push(image, key),
            }
        }
    }
}

/// Returns the spelling of the value with this number.
fn spelling(spellings: &[Spelling], number: u64) -> &Spelling {
    let after = spellings.partition_point(|spelling| spelling.shorter <= number);
    &spellings[after - 1]
}

/// Reads the digits of a key in order.
struct DigitReader<'a> {
    table: &'a KeyTable,
    image: usize,
    place: usize,
    /// The column of the previous digit, and the rest of its number.
    column: usize,
    rest: u64,
}

impl DigitReader<'_> {
    fn next(&mut self) -> u64 {
        let Digit { column, weight, size } = self.table.layout.digits[self.place];
        self.place += 1;
        if size == 1 {
            return 0;
        }
        if column != self.column {
            (self.column, self.rest) = (column, self.table.number(column, self.image));
        }
        let digit = self.rest / weight;
        self.rest %= weight;
        digit
    }
}

/// A field of a table to write.
pub(super) struct TableField {
    /// `None` for text.
    pub(super) field: Option<Field>,
    /// `true` if its digits continue the number of the previous field.
    pub(super) is_joined: bool,
}

/// Returns the bytes of a key table with these fields, the values of each field and the columns of their digits.
pub(super) fn write(
    fields: &[TableField],
    values: &[Vec<&[u8]>],
    columns: &[(ColumnCoding, Vec<u64>)],
) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    push_varint(fields.len(), &mut bytes);
    for (TableField { field, is_joined }, values) in fields.iter().zip(values) {
        let start = bytes.len();
        let Some(field) = field else {
            bytes.push(TEXT);
            text::write(values.iter().copied(), &mut bytes)?;
            continue;
        };
        field.write(&mut bytes);
        if *is_joined {
            bytes[start] |= JOINED;
        }
    }
    for (coding, numbers) in columns {
        coding.write(numbers, &mut bytes)?;
    }
    Ok(bytes)
}
