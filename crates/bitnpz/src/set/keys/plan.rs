//! How keys are told in fewest bytes: where they are cut into fields, and which of these make one number.

use super::column::{Method, deflated};
use super::error::Result;
use super::field::Field;
use super::table::{self, Layout, MOST_FIELDS};
use super::text;

/// Where a key is cut.
#[derive(Clone, Copy, Debug)]
enum Cuts {
    Nowhere,
    /// Behind each byte of ASCII that is no letter and no digit.
    Separators,
    /// There, and where digits start and end.
    Digits,
}

/// Whether the digits of fields make numbers of their own or one together: labels at random beside numbers in their order
/// are smaller on their own, folders and the numbers in them in random order together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Numbers {
    OfEachField,
    Joined,
}

/// A way to tell keys.
struct Plan<'a> {
    fields: Vec<(Option<Field>, bool)>,
    values: Vec<Vec<&'a [u8]>>,
    columns: Vec<(Method, Vec<u64>)>,
    /// About the bytes that it takes.
    cost: f64,
}

/// A text is tried on this many values.
const TRIED: usize = 1 << 14;

/// What the member of these keys holds.
pub(super) fn write(keys: &[&str]) -> Result<Vec<u8>> {
    let mut best: Option<Plan<'_>> = None;
    for cuts in [Cuts::Nowhere, Cuts::Separators, Cuts::Digits] {
        let values = split(keys, cuts);
        if best.as_ref().is_some_and(|best| best.values.len() == values.len()) {
            continue;
        }
        for numbers in [Numbers::Joined, Numbers::OfEachField] {
            let is_new = numbers == Numbers::OfEachField || values.len() > 1;
            let most = best.as_ref().map_or(f64::INFINITY, |best| best.cost);
            let plan = is_new.then(|| Plan::new(values.clone(), numbers, most)).flatten();
            best = best.into_iter().chain(plan).min_by(|a, b| a.cost.total_cmp(&b.cost));
        }
    }
    let Plan { fields, values, columns, .. } = best.unwrap_or_else(|| Plan::text(keys));
    table::write(&fields, &values, &columns)
}

/// The values of each field.
fn split<'a>(keys: &[&'a str], cuts: Cuts) -> Vec<Vec<&'a [u8]>> {
    let mut fields: Vec<Vec<&[u8]>> = vec![Vec::with_capacity(keys.len())];
    for (number, key) in keys.iter().enumerate() {
        let mut rest = key.as_bytes();
        for place in 0..MOST_FIELDS {
            let end = if place == MOST_FIELDS - 1 { rest.len() } else { first_cut(rest, cuts) };
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

/// How many bytes there are up to the first cut.
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
    /// The plan of these fields; none if joined they are not numbers, or if it is soon clear that it takes more than so many bytes.
    fn new(values: Vec<Vec<&'a [u8]>>, numbers: Numbers, most: f64) -> Option<Self> {
        match numbers {
            Numbers::OfEachField => Self::of_each_field(values, most),
            Numbers::Joined => Self::joined(values),
        }
    }

    fn of_each_field(values: Vec<Vec<&'a [u8]>>, most: f64) -> Option<Self> {
        let mut plan = Self { fields: Vec::new(), values: Vec::new(), columns: Vec::new(), cost: 0.0 };
        for values in values {
            let field = cheapest(values);
            plan.fields.extend(field.fields);
            plan.values.extend(field.values);
            plan.columns.extend(field.columns);
            plan.cost += field.cost;
            if plan.cost > most {
                return None;
            }
        }
        Some(plan)
    }

    fn joined(values: Vec<Vec<&'a [u8]>>) -> Option<Self> {
        let fields: Vec<_> =
            values.iter().map(|values| Some((Some(smallest(values)?), true))).collect::<Option<_>>()?;
        let mut cost: f64 = fields.iter().flat_map(|(field, _)| field).map(own_cost).sum();
        let mut columns = columns(&fields, &values);
        for column in &mut columns {
            cost += choose(column);
        }
        Some(Self { fields, values, columns, cost })
    }

    /// One field of text.
    fn text(keys: &[&'a str]) -> Self {
        let values = keys.iter().map(|key| key.as_bytes()).collect();
        Self { fields: vec![(None, false)], values: vec![values], columns: Vec::new(), cost: 0.0 }
    }
}

/// The plan of one field that takes fewest bytes.
fn cheapest(values: Vec<&[u8]>) -> Plan<'_> {
    let fields = [Field::spelt(values.iter().copied()), Field::listed(values.iter().copied())];
    let mut best = (text_cost(&values), None, Vec::new());
    for field in fields.into_iter().flatten() {
        let own = own_cost(&field);
        let pair = [(Some(field), false)];
        let mut columns = columns(&pair, std::slice::from_ref(&values));
        let mut cost = own;
        for column in &mut columns {
            cost += choose(column);
        }
        if cost < best.0 {
            let [(field, _)] = pair;
            best = (cost, field, columns);
        }
    }
    let (cost, field, columns) = best;
    Plan { fields: vec![(field, false)], values: vec![values], columns, cost }
}

/// Chooses the method of a column, and tells about the bytes that it takes.
fn choose((method, numbers): &mut (Method, Vec<u64>)) -> f64 {
    let (best, cost) = Method::choose(numbers);
    *method = best;
    cost
}

/// What has the fewest values.
fn smallest(values: &[&[u8]]) -> Option<Field> {
    let size = |field: &Field| field.sizes().into_iter().try_fold(1, u64::checked_mul);
    let fields = [Field::spelt(values.iter().copied()), Field::listed(values.iter().copied())];
    fields.into_iter().flatten().min_by_key(|field| size(field).unwrap_or(u64::MAX))
}

/// The numbers that keys are.
fn columns(fields: &[(Option<Field>, bool)], values: &[Vec<&[u8]>]) -> Vec<(Method, Vec<u64>)> {
    let mut layout = Layout::default();
    fields.iter().for_each(|(field, joined)| field.iter().for_each(|field| layout.add(field, *joined)));
    let count = values.first().map_or(0, Vec::len);
    let mut columns = vec![vec![0; count]; layout.columns.len()];
    let mut numbers = vec![0; columns.len()];
    for key in 0..count {
        numbers.fill(0);
        let mut place = 0;
        for ((field, _), values) in fields.iter().zip(values) {
            let Some(field) = field else { continue };
            field.digits(values[key], |digit| {
                layout.put(place, digit, &mut numbers);
                place += 1;
            });
        }
        columns.iter_mut().zip(&numbers).for_each(|(column, &number)| column[key] = number);
    }
    let is_stored = columns.into_iter().zip(layout.columns).filter(|(_, size)| *size > 1);
    is_stored.map(|(column, _)| (Method::Bits, column)).collect()
}

/// About the bytes that tell what values a field has.
fn own_cost(field: &Field) -> f64 {
    let mut bytes = Vec::new();
    field.write(&mut bytes);
    deflated(bytes)
}

/// About the bytes that values take as text.
fn text_cost(values: &[&[u8]]) -> f64 {
    let tried = &values[..values.len().min(TRIED)];
    let mut bytes = Vec::new();
    match text::write(tried.iter().copied(), &mut bytes) {
        Ok(()) => deflated(bytes) * values.len() as f64 / tried.len().max(1) as f64,
        Err(_) => f64::INFINITY,
    }
}
