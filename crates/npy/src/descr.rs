//! Parses the `descr` of a header: a type string, or a list of fields.

use std::collections::HashSet;
use std::str::FromStr;

use crate::dtype::{Dtype, Field, Record};
use crate::error::{Error, ErrorKind, Result};
use crate::kind::Kind;
use crate::literal::{self, Literal, Term};
use crate::repr::shorten;

impl Record {
    fn from_terms(terms: &[Term<'_>]) -> Result<Self> {
        let mut record = Self { fields: Vec::with_capacity(terms.len()), item_size: 0 };
        let mut names = HashSet::new();
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

impl FromStr for Dtype {
    type Err = Error;

    /// Parses the `descr` of a dtype, as `np.dtype.descr` and a header have it: a type string, with or without quotes, or the list of
    /// fields.
    ///
    /// ```
    /// use bitnpz_npy::Dtype;
    ///
    /// assert_eq!("<f4".parse::<Dtype>()?, Dtype::of::<f32>());
    /// let point: Dtype = "[('x', '<f4'), ('y', '<f4')]".parse()?;
    /// assert_eq!((point.item_size(), point.to_string().parse::<Dtype>()?), (8, point));
    /// # Ok::<(), bitnpz_npy::Error>(())
    /// ```
    fn from_str(text: &str) -> Result<Self> {
        match text.as_bytes() {
            [b'[' | b'\'' | b'"', ..] => Self::from_term(&literal::parse(text, 0)?),
            _ => Self::from_type_string(text),
        }
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
