//! Structured dtypes: items with fields.

use std::fmt;

use crate::dtype::{ByteOrder, Dtype, Kind, shorten};
use crate::error::{Error, ErrorKind, Result};
use crate::literal::{Literal, StringRepr, Term};

/// A dtype with fields, like `np.dtype([('x', '<f4'), ('y', '<f4')])`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Record {
    /// All fields in order, including padding: fields with an empty name.
    fields: Vec<Field>,
    item_size: usize,
}

/// One field of a structured dtype.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Field {
    name: String,
    title: Option<String>,
    dtype: Dtype,
    shape: Vec<usize>,
    offset: usize,
}

impl Field {
    /// Returns the field's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the field's title, NumPy's optional second name.
    #[must_use]
    pub fn title(&self) -> Option<&str> {
        self.title.as_deref()
    }

    /// Returns the type of the field's values, of which it holds an array of [`shape`](Self::shape).
    #[must_use]
    pub fn dtype(&self) -> &Dtype {
        &self.dtype
    }

    /// Returns the shape of the array in the field; empty for a single value.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Returns the field's offset in an item, in bytes.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// Returns the field's size in an item, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.dtype.item_size() * self.shape.iter().product::<usize>()
    }

    /// Returns `true` for padding between fields, which aligned dtypes have.
    fn is_padding(&self) -> bool {
        self.name.is_empty()
    }
}

impl Record {
    /// Returns the named fields in order.
    pub fn fields(&self) -> impl Iterator<Item = &Field> {
        self.fields.iter().filter(|field| !field.is_padding())
    }

    /// Returns the size of one item in bytes.
    #[must_use]
    pub fn item_size(&self) -> usize {
        self.item_size
    }

    pub(crate) fn to_native(&self) -> Self {
        let native = |field: &Field| Field { dtype: field.dtype.to_native(), ..field.clone() };
        Self { fields: self.fields.iter().map(native).collect(), item_size: self.item_size }
    }

    fn from_terms(terms: &[Term<'_>]) -> Result<Self> {
        let mut record = Self { fields: Vec::with_capacity(terms.len()), item_size: 0 };
        let mut names = std::collections::HashSet::new();
        for term in terms {
            let field = Field::from_term(term, record.item_size)?;
            let known = [Some(&field.name), field.title.as_ref()];
            if !field.is_padding() && !known.into_iter().flatten().all(|name| names.insert(name.clone())) {
                let found = format!("{:?} twice", shorten(&field.name));
                return Err(Error::at(
                    term.offset,
                    ErrorKind::Syntax { expected: "names that differ", found },
                ));
            }
            // NumPy stores an item's size in a C int.
            let end = field.shape.iter().try_fold(field.dtype.item_size(), |size, &n| size.checked_mul(n));
            let end = end.and_then(|size| record.item_size.checked_add(size));
            let end = end.filter(|&end| i32::try_from(end).is_ok());
            record.item_size = end.ok_or_else(|| {
                Error::at(term.offset, ErrorKind::Shape { message: "an item of over 2 GiB" })
            })?;
            record.fields.push(field);
        }
        Ok(record)
    }
}

impl Field {
    /// Parses `('name', descr)`, `('name', descr, shape)` or `(('title', 'name'), descr)`.
    fn from_term(term: &Term<'_>, offset: usize) -> Result<Self> {
        let wrong = || {
            let expected = "a field: (name, descr) or (name, descr, shape)";
            Error::at(term.offset, ErrorKind::Syntax { expected, found: term.literal.describe() })
        };
        let Literal::Tuple(parts) = &term.literal else { return Err(wrong()) };
        let (name, descr, shape) = match parts.as_slice() {
            [name, descr] => (name, descr, Vec::new()),
            [name, descr, shape] => (name, descr, shape_of(shape)?),
            _ => return Err(wrong()),
        };
        let (title, name) = match &name.literal {
            Literal::String(name) => (None, name.to_string()),
            Literal::Tuple(names) => match names.as_slice() {
                [
                    Term { literal: Literal::String(title), .. },
                    Term { literal: Literal::String(name), .. },
                ] => (Some(title.to_string()), name.to_string()),
                _ => return Err(wrong()),
            },
            _ => return Err(wrong()),
        };
        let dtype = Dtype::from_term(descr)?;
        // A field without a name is padding, which NumPy writes as void.
        if name.is_empty() && dtype.kind() != Some(Kind::Void) {
            return Err(wrong());
        }
        Ok(Self { name, title, dtype, shape, offset })
    }
}

impl Dtype {
    /// Parses the `descr` of a header or field.
    pub(crate) fn from_term(term: &Term<'_>) -> Result<Self> {
        let located = |error: Error| match error.offset() {
            Some(_) => error,
            None => Error::at(term.offset, error.into_kind()),
        };
        match &term.literal {
            Literal::String(text) => Self::from_type_string(text).map_err(located),
            Literal::List(terms) => Record::from_terms(terms).map(Self::from),
            _ => {
                let expected = "a dtype: a type string or a list of fields";
                Err(Error::at(term.offset, ErrorKind::Syntax { expected, found: term.literal.describe() }))
            }
        }
    }
}

/// Parses a shape: a tuple of lengths, or the single length that fields may have instead.
pub(crate) fn shape_of(term: &Term<'_>) -> Result<Vec<usize>> {
    let length = |term: &Term<'_>| match term.literal {
        Literal::Integer(length) => usize::try_from(length).map_err(|_| {
            Error::at(term.offset, ErrorKind::Shape { message: "a length that this machine cannot count" })
        }),
        _ => {
            let expected = "a length: an integer that is not negative";
            Err(Error::at(term.offset, ErrorKind::Syntax { expected, found: term.literal.describe() }))
        }
    };
    match &term.literal {
        Literal::Tuple(lengths) if lengths.len() > 64 => {
            Err(Error::at(term.offset, ErrorKind::Shape { message: "more than 64 dimensions" }))
        }
        Literal::Tuple(lengths) => lengths.iter().map(length).collect(),
        _ => Ok(vec![length(term)?]),
    }
}

/// Formats the fields like `np.dtype.descr`.
impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[")?;
        for (i, field) in self.fields.iter().enumerate() {
            f.write_str(if i == 0 { "(" } else { ", (" })?;
            match &field.title {
                Some(title) => write!(f, "({}, {})", StringRepr(title), StringRepr(&field.name))?,
                None => StringRepr(&field.name).fmt(f)?,
            }
            write!(f, ", {}", field.dtype)?;
            if !field.shape.is_empty() {
                write!(f, ", {}", ShapeRepr(&field.shape))?;
            }
            f.write_str(")")?;
        }
        f.write_str("]")
    }
}

/// Formats a shape as a Python tuple: `()`, `(3,)`, `(3, 4)`.
pub(crate) struct ShapeRepr<'a>(pub(crate) &'a [usize]);

impl fmt::Display for ShapeRepr<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [] => f.write_str("()"),
            [length] => write!(f, "({length},)"),
            [first, rest @ ..] => {
                write!(f, "({first}")?;
                rest.iter().try_for_each(|length| write!(f, ", {length}"))?;
                f.write_str(")")
            }
        }
    }
}

/// Swaps the byte order of items in place.
pub(crate) fn swap_bytes(dtype: &Dtype, items: &mut [u8]) {
    let Some(record) = dtype.record() else {
        if dtype.order() != ByteOrder::None && dtype.swap_size() > 0 {
            items.chunks_exact_mut(dtype.swap_size()).for_each(<[u8]>::reverse);
        }
        return;
    };
    for item in items.chunks_exact_mut(record.item_size().max(1)) {
        for field in record.fields().filter(|field| !field.dtype.is_native()) {
            swap_bytes(&field.dtype, &mut item[field.offset..][..field.size()]);
        }
    }
}
