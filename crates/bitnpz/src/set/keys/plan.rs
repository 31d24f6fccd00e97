//! Planning the smallest key table: where keys are cut into fields, and which fields share a number.

use super::column::{ColumnCoding, deflated_size};
use super::error::Result;
use super::field::Field;
use super::table::{self, MAX_FIELDS, TableField, TableLayout};
use super::text;

/// The positions at which a key is cut.
#[derive(Clone, Copy, Debug)]
enum Cuts {
    Nowhere,
    /// Behind each ASCII byte that is neither a letter nor a digit.
    Separators,
    /// At separators, and where digits start and end.
    Digits,
}

/// The grouping of digits into numbers. Random labels beside ascending numbers are smaller as numbers of their own; folders with
/// numbered files in random order are smaller joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Numbers {
    OfEachField,
    Joined,
}

/// A key table to write, and its estimated size.
struct Plan<'a> {
    fields: Vec<TableField>,
    values: Vec<Vec<&'a [u8]>>,
    columns: Vec<(ColumnCoding, Vec<u64>)>,
    /// The estimated size in bytes.
    cost: f64,
}

/// The size of a text field is estimated from this many values, so that planning takes bounded time.
const TRIAL_VALUES: usize = 1 << 14;

/// Returns the smallest key table found for these keys.
pub(super) fn write(keys: &[&str]) -> Result<Vec<u8>> {
    let mut best: Option<Plan<'_>> = None;
    for cuts in [Cuts::Nowhere, Cuts::Separators, Cuts::Digits] {
        let values = split(keys, cuts);
        if best.as_ref().is_some_and(|best| best.values.len() == values.len()) {
            continue;
        }
        for numbers in [Numbers::Joined, Numbers::OfEachField] {
            let is_new = numbers == Numbers::OfEachField || values.len() > 1;
            let max_cost = best.as_ref().map_or(f64::INFINITY, |best| best.cost);
            let plan = is_new.then(|| Plan::new(values.clone(), numbers, max_cost)).flatten();
            best = best.into_iter().chain(plan).min_by(|a, b| a.cost.total_cmp(&b.cost));
        }
    }
    let Plan { fields, values, columns, .. } = best.unwrap_or_else(|| Plan::text(keys));
    table::write(&fields, &values, &columns)
}

/// Cuts keys into fields and returns the values of each field.
fn split<'a>(keys: &[&'a str], cuts: Cuts) -> Vec<Vec<&'a [u8]>> {
    let mut fields: Vec<Vec<&[u8]>> = vec![Vec::with_capacity(keys.len())];
    for (number, key) in keys.iter().enumerate() {
        let mut rest = key.as_bytes();
        for place in 0..MAX_FIELDS {
            let end = if place == MAX_FIELDS - 1 { rest.len() } else { first_cut(rest, cuts) };
            if place == fields.len() {
                if rest.is_empty() {
                    break;
                }
                let mut shorter = Vec::with_capacity(keys.len());
                shorter.resize(number, &[][..]);
                fields.push(shorter);
            }
            let (value, after) = rest.split_at(end);
            fields[place].push(value);
            rest = after;
        }
    }
    fields
}

/// Returns the number of bytes up to the first cut.
fn first_cut(bytes: &[u8], cuts: Cuts) -> usize {
    let is_cut = |pair: &[u8]| match cuts {
        Cuts::Nowhere => false,
        Cuts::Separators => is_separator(pair[0]),
        Cuts::Digits => is_separator(pair[0]) || pair[0].is_ascii_digit() != pair[1].is_ascii_digit(),
    };
    bytes.windows(2).position(is_cut).map_or(bytes.len(), |place| place + 1)
}

fn is_separator(byte: u8) -> bool {
    byte.is_ascii() && !byte.is_ascii_alphanumeric()
}

impl<'a> Plan<'a> {
    /// Plans a table of these fields. Returns `None` if a field to join has no digits, or as soon as the table exceeds `max_cost`.
    fn new(values: Vec<Vec<&'a [u8]>>, numbers: Numbers, max_cost: f64) -> Option<Self> {
        match numbers {
            Numbers::OfEachField => Self::of_each_field(values, max_cost),
            Numbers::Joined => Self::joined(values),
        }
    }

    fn of_each_field(values: Vec<Vec<&'a [u8]>>, max_cost: f64) -> Option<Self> {
        let mut plan = Self { fields: Vec::new(), values: Vec::new(), columns: Vec::new(), cost: 0.0 };
        for values in values {
            let field = cheapest(values);
            plan.fields.extend(field.fields);
            plan.values.extend(field.values);
            plan.columns.extend(field.columns);
            plan.cost += field.cost;
            if plan.cost > max_cost {
                return None;
            }
        }
        Some(plan)
    }

    fn joined(values: Vec<Vec<&'a [u8]>>) -> Option<Self> {
        let fields: Vec<_> = values
            .iter()
            .map(|values| Some(TableField { field: Some(smallest(values)?), is_joined: true }))
            .collect::<Option<_>>()?;
        let mut cost: f64 =
            fields.iter().filter_map(|field| field.field.as_ref()).map(description_cost).sum();
        let mut columns = columns(&fields, &values);
        for column in &mut columns {
            cost += choose(column);
        }
        Some(Self { fields, values, columns, cost })
    }

    /// Plans a single text field.
    fn text(keys: &[&'a str]) -> Self {
        let values = keys.iter().map(|key| key.as_bytes()).collect();
        let fields = vec![TableField { field: None, is_joined: false }];
        Self { fields, values: vec![values], columns: Vec::new(), cost: 0.0 }
    }
}

/// Plans the smallest table of a single field.
fn cheapest(values: Vec<&[u8]>) -> Plan<'_> {
    let fields = [Field::spelt(values.iter().copied()), Field::listed(values.iter().copied())];
    let mut best = (text_cost(&values), None, Vec::new());
    for field in fields.into_iter().flatten() {
        let mut cost = description_cost(&field);
        let fields = [TableField { field: Some(field), is_joined: false }];
        let mut columns = columns(&fields, std::slice::from_ref(&values));
        for column in &mut columns {
            cost += choose(column);
        }
        if cost < best.0 {
            let [TableField { field, .. }] = fields;
            best = (cost, field, columns);
        }
    }
    let (cost, field, columns) = best;
    Plan { fields: vec![TableField { field, is_joined: false }], values: vec![values], columns, cost }
}

/// Chooses the coding of a column and returns its estimated size.
fn choose((coding, numbers): &mut (ColumnCoding, Vec<u64>)) -> f64 {
    let (best, cost) = ColumnCoding::choose(numbers);
    *coding = best;
    cost
}

/// Returns the field with the fewest possible values.
fn smallest(values: &[&[u8]]) -> Option<Field> {
    let size = |field: &Field| field.sizes().into_iter().try_fold(1, u64::checked_mul);
    let fields = [Field::spelt(values.iter().copied()), Field::listed(values.iter().copied())];
    fields.into_iter().flatten().min_by_key(|field| size(field).unwrap_or(u64::MAX))
}

/// Returns the columns of the digits of these fields, without those that have a single value.
fn columns(fields: &[TableField], values: &[Vec<&[u8]>]) -> Vec<(ColumnCoding, Vec<u64>)> {
    let mut layout = TableLayout::default();
    for TableField { field, is_joined } in fields {
        field.iter().for_each(|field| layout.add(field, *is_joined));
    }
    let count = values.first().map_or(0, Vec::len);
    let mut columns = vec![vec![0; count]; layout.columns.len()];
    let mut numbers = vec![0; columns.len()];
    for key in 0..count {
        numbers.fill(0);
        let mut place = 0;
        for (TableField { field, .. }, values) in fields.iter().zip(values) {
            let Some(field) = field else { continue };
            field.digits(values[key], |digit| {
                layout.put(place, digit, &mut numbers);
                place += 1;
            });
        }
        columns.iter_mut().zip(&numbers).for_each(|(column, &number)| column[key] = number);
    }
    let is_stored = columns.into_iter().zip(layout.columns).filter(|(_, size)| *size > 1);
    is_stored.map(|(column, _)| (ColumnCoding::Bits, column)).collect()
}

/// Estimates the bytes of the description of a field.
fn description_cost(field: &Field) -> f64 {
    let mut bytes = Vec::new();
    field.write(&mut bytes);
    deflated_size(bytes)
}

/// Estimates the bytes of values as text.
fn text_cost(values: &[&[u8]]) -> f64 {
    let tried = &values[..values.len().min(TRIAL_VALUES)];
    let mut bytes = Vec::new();
    match text::write(tried.iter().copied(), &mut bytes) {
        Ok(()) => deflated_size(bytes) * values.len() as f64 / tried.len().max(1) as f64,
        Err(_) => f64::INFINITY,
    }
}
