//! The header of a `.npy` file: dtype, memory order and shape.

use std::fmt::Write as _;
use std::io::Read;

use crate::descr::shape_of;
use crate::dtype::Dtype;
use crate::error::{Error, ErrorKind, Result};
use crate::limits::Limits;
use crate::literal::{self, Literal};
use crate::repr::ShapeRepr;

const MAGIC: &[u8; 6] = b"\x93NUMPY";

/// Headers end at a multiple of this many bytes, as NumPy's do, so that mapped arrays are aligned for every dtype.
const HEADER_ALIGNMENT: usize = 64;

/// NumPy leaves room for this many digits of the length along which an array may grow (`GROWTH_AXIS_MAX_DIGITS`).
const GROWTH_DIGITS: usize = 21;

/// The header of a `.npy` file.
///
/// ```
/// use bitnpz_npy::{Dtype, Header, Limits};
///
/// let header = Header::new(Dtype::of::<bool>(), vec![28, 28]);
/// let bytes = header.to_bytes()?;
/// assert_eq!(bytes.len(), 128);
/// assert_eq!(Header::parse(&bytes, &Limits::default())?, (header, 128));
/// # Ok::<(), bitnpz_npy::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Header {
    /// The type of one item.
    pub dtype: Dtype,
    /// `true` if the first index varies fastest, `false` if the last does.
    pub fortran_order: bool,
    /// The length of each dimension; empty for a single item.
    pub shape: Vec<usize>,
}

/// The fields before the header's text.
struct Preamble {
    version: (u8, u8),
    /// The offset of the text.
    start: usize,
    /// The length of the text in bytes.
    length: usize,
}

impl Preamble {
    /// Parses the start of a file, of which `bytes` must have at least the first twelve bytes, if there are as many.
    fn parse(bytes: &[u8], limits: &Limits) -> Result<Self> {
        let Some(rest) = bytes.strip_prefix(MAGIC) else { return Err(Error::at(0, ErrorKind::NotNpy)) };
        let short = || ErrorKind::Length { expected: 12, found: bytes.len() as u64 };
        let (version, length, start) = match *rest {
            [1, 0, a, b, ..] => ((1, 0), u32::from(u16::from_le_bytes([a, b])), 10),
            [major @ (2 | 3), 0, a, b, c, d, ..] => ((major, 0), u32::from_le_bytes([a, b, c, d]), 12),
            [1..=3, 0, ..] | [] | [_] => return Err(Error::at(bytes.len(), short())),
            [major, minor, ..] => return Err(Error::at(6, ErrorKind::Version { found: (major, minor) })),
        };
        let limit = limits.header_bytes;
        match usize::try_from(length) {
            Ok(length) if length <= limit => Ok(Self { version, start, length }),
            _ => Err(Error::at(8, ErrorKind::HeaderTooLong { found: length.into(), limit })),
        }
    }
}

impl Header {
    /// Makes the header of an array in C order.
    #[must_use]
    pub fn new(dtype: Dtype, shape: Vec<usize>) -> Self {
        Self { dtype, fortran_order: false, shape }
    }

    /// Parses the header at the start of `bytes`, and returns it with the offset of the array's first byte.
    ///
    /// # Errors
    ///
    /// If it is not a header, is longer than the limit, or [`check`](Self::check) fails.
    pub fn parse(bytes: &[u8], limits: &Limits) -> Result<(Self, usize)> {
        let preamble = Preamble::parse(bytes, limits)?;
        let end = preamble.start + preamble.length;
        let Some(text) = bytes.get(preamble.start..end) else {
            let (expected, found) = (end as u64, bytes.len() as u64);
            return Err(Error::at(bytes.len(), ErrorKind::Length { expected, found }));
        };
        let header = match Self::parse_as_numpy_writes(text) {
            Some(header) => header,
            None => Self::parse_text(text, &preamble)?,
        };
        header.check()?;
        Ok((header, end))
    }

    /// Reads a header from a stream, up to the array's first byte.
    ///
    /// # Errors
    ///
    /// Same as [`parse`](Self::parse), and if reading fails.
    ///
    /// ```
    /// use bitnpz_npy::{DynArray, Header, Limits};
    ///
    /// let npy = DynArray::from_ndarray(&ndarray::array![[1_u8, 2, 3]]).to_npy()?;
    /// let mut stream = npy.as_slice();
    /// assert_eq!(Header::read(&mut stream, &Limits::default())?.shape, [1, 3]);
    /// assert_eq!(stream, [1, 2, 3]);
    /// # Ok::<(), bitnpz_npy::Error>(())
    /// ```
    pub fn read(mut reader: impl Read, limits: &Limits) -> Result<Self> {
        let mut bytes = Vec::with_capacity(128);
        reader.by_ref().take(10).read_to_end(&mut bytes)?;
        if bytes.get(6).is_some_and(|&major| major > 1) {
            reader.by_ref().take(2).read_to_end(&mut bytes)?;
        }
        let preamble = Preamble::parse(&bytes, limits)?;
        let missing = (preamble.start + preamble.length - bytes.len()) as u64;
        reader.take(missing).read_to_end(&mut bytes)?;
        Ok(Self::parse(&bytes, limits)?.0)
    }

    /// Parses the text that NumPy itself writes for a dtype without fields. This is much faster than
    /// [`parse_text`](Self::parse_text).
    fn parse_as_numpy_writes(text: &[u8]) -> Option<Self> {
        let rest = text.strip_prefix(b"{'descr': '")?;
        let quote = rest.iter().position(|&byte| byte == b'\'')?;
        let (descr, rest) = rest.split_at(quote);
        let rest = rest.strip_prefix(b"', 'fortran_order': ")?;
        let (fortran_order, rest) = match rest.strip_prefix(b"False") {
            Some(rest) => (false, rest),
            None => (true, rest.strip_prefix(b"True")?),
        };
        let mut rest = rest.strip_prefix(b", 'shape': (")?;
        let mut shape = Vec::with_capacity(4);
        while let [b'0'..=b'9', ..] = rest {
            let (length, after) = leading_integer(rest)?;
            shape.push(length);
            rest = match after.strip_prefix(b", ") {
                Some(after) => after,
                None if shape.len() == 1 => after.strip_prefix(b",")?,
                None => after,
            };
        }
        let padding = rest.strip_prefix(b"), }")?.strip_suffix(b"\n")?;
        let dtype = Dtype::from_type_string(std::str::from_utf8(descr).ok()?).ok()?;
        // NumPy writes a comma after the last length only if there is one length.
        let comma = shape.len() > 1 && text[..text.len() - padding.len() - 5].ends_with(b" ");
        (padding.iter().all(|&byte| byte == b' ') && !comma).then_some(Self { dtype, fortran_order, shape })
    }

    /// Parses any text that NumPy accepts.
    fn parse_text(text: &[u8], preamble: &Preamble) -> Result<Self> {
        let text = match preamble.version {
            (3, _) => std::str::from_utf8(text).map(str::to_owned).map_err(|error| {
                let found = "other bytes".to_owned();
                let kind = ErrorKind::Syntax { expected: "UTF-8, as version 3.0 has it", found };
                Error::at(preamble.start + error.valid_up_to(), kind)
            })?,
            // Latin-1: each byte is its code point.
            _ => text.iter().copied().map(char::from).collect(),
        };
        let term = literal::parse(&text, preamble.start)?;
        let syntax = |offset, expected, found| Err(Error::at(offset, ErrorKind::Syntax { expected, found }));
        let Literal::Dict(entries) = &term.literal else {
            return syntax(term.offset, "a dictionary", term.literal.describe());
        };
        let (mut dtype, mut fortran_order, mut shape) = (None, None, None);
        for (key, value) in entries {
            let once = match &key.literal {
                Literal::String(key) if key == "descr" => dtype.replace(Dtype::from_term(value)?).is_none(),
                Literal::String(key) if key == "shape" => match value.literal {
                    Literal::Tuple(_) => shape.replace(shape_of(value)?).is_none(),
                    _ => return syntax(value.offset, "a shape: a tuple", value.literal.describe()),
                },
                Literal::String(key) if key == "fortran_order" => match value.literal {
                    Literal::Bool(value) => fortran_order.replace(value).is_none(),
                    _ => return syntax(value.offset, "True or False", value.literal.describe()),
                },
                other => return syntax(key.offset, "descr, fortran_order or shape", other.describe()),
            };
            if !once {
                return syntax(key.offset, "each key once", key.literal.describe());
            }
        }
        match (dtype, fortran_order, shape) {
            (Some(dtype), Some(fortran_order), Some(shape)) => Ok(Self { dtype, fortran_order, shape }),
            _ => syntax(term.offset, "the keys descr, fortran_order and shape", term.literal.describe()),
        }
    }

    /// Checks the shape with [`check_shape`]. Call this before allocating memory for a shape from a file.
    ///
    /// # Errors
    ///
    /// If there are more than 64 dimensions, or more bytes than can be addressed.
    pub fn check(&self) -> Result<()> {
        check_shape(&self.shape, self.dtype.item_size())
            .map_err(|message| Error::at(10, ErrorKind::Shape { message }))
    }

    /// Returns the number of items; `usize::MAX` on overflow, which a [checked](Self::check) header cannot have.
    #[must_use]
    pub fn len(&self) -> usize {
        if self.is_empty() { 0 } else { self.shape.iter().copied().fold(1, usize::saturating_mul) }
    }

    /// Returns `true` if there are no items.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.shape.contains(&0)
    }

    /// Returns the size of the array in bytes; `usize::MAX` on overflow.
    #[must_use]
    pub fn data_len(&self) -> usize {
        self.len().saturating_mul(self.dtype.item_size())
    }

    /// Returns the bytes that `np.save` writes before the array.
    ///
    /// # Errors
    ///
    /// If [`check`](Self::check) fails.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        self.check()?;
        let (descr, shape) = (&self.dtype, ShapeRepr(&self.shape));
        let order = if self.fortran_order { "True" } else { "False" };
        let mut text = format!("{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}");
        let growing = if self.fortran_order { self.shape.last() } else { self.shape.first() };
        if let Some(length) = growing {
            let digits = length.checked_ilog10().unwrap_or(0) as usize + 1;
            write!(text, "{:1$}", "", GROWTH_DIGITS - digits).expect("a String can be written to");
        }
        let latin1: Option<Vec<u8>> = text.chars().map(|letter| u8::try_from(letter).ok()).collect();
        let (major, text) = match latin1 {
            Some(text) if padded(text.len(), 10) - 10 <= usize::from(u16::MAX) => (1, text),
            Some(text) => (2, text),
            None => (3, text.into_bytes()),
        };
        let start = if major == 1 { 10 } else { 12 };
        let end = padded(text.len(), start);
        let length = (end - start).to_le_bytes();
        let mut bytes = Vec::with_capacity(end);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&[major, 0]);
        bytes.extend_from_slice(&length[..start - 8]);
        bytes.extend_from_slice(&text);
        bytes.resize(end - 1, b' ');
        bytes.push(b'\n');
        Ok(bytes)
    }
}

/// Checks that an array of this shape can be addressed: the product of all lengths except zeros must fit, as in NumPy and
/// `ndarray`.
///
/// # Errors
///
/// A message that says what is wrong with the shape.
pub fn check_shape(shape: &[usize], item_size: usize) -> std::result::Result<(), &'static str> {
    if shape.len() > 64 {
        return Err("more than 64 dimensions");
    }
    let lengths = shape.iter().filter(|&&length| length > 0);
    let bytes = lengths.copied().try_fold(item_size.max(1), usize::checked_mul);
    match bytes.map(isize::try_from) {
        Some(Ok(_)) => Ok(()),
        _ => Err("the shape asks for more bytes than can be addressed"),
    }
}

/// Returns the end of a header whose text has this length and starts at `start`. Like NumPy, this pads with 1 to 64
/// bytes, never with none.
fn padded(length: usize, start: usize) -> usize {
    (start + length + 1) / HEADER_ALIGNMENT * HEADER_ALIGNMENT + HEADER_ALIGNMENT
}

/// Parses a decimal integer without leading zeros, and returns it with the rest of the text.
fn leading_integer(text: &[u8]) -> Option<(usize, &[u8])> {
    let length = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = text.split_at(length);
    if length > 1 && digits[0] == b'0' {
        return None;
    }
    let value = digits
        .iter()
        .try_fold(0_usize, |value, &digit| value.checked_mul(10)?.checked_add(usize::from(digit - b'0')));
    Some((value?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> Vec<u8> {
        let length = u16::try_from(text.len()).unwrap().to_le_bytes();
        [MAGIC.as_slice(), &[1, 0], &length, text.as_bytes()].concat()
    }

    #[test]
    fn parses_numpys_own_headers_fast_and_equally() {
        let descrs = ["<f4", "|b1", ">u2", "<U7", "<M8[ns]"];
        let shapes: [&[usize]; 6] = [&[], &[0], &[7], &[1, 28], &[3, 0, 5], &[9; 64]];
        for (descr, shape) in descrs.into_iter().flat_map(|descr| shapes.map(|shape| (descr, shape))) {
            let mut header = Header::new(Dtype::from_type_string(descr).unwrap(), shape.to_vec());
            header.fortran_order = shape.len() % 2 == 0;
            if header.check().is_err() {
                continue;
            }
            let bytes = header.to_bytes().unwrap();
            assert_eq!(bytes.len() % HEADER_ALIGNMENT, 0);
            let preamble = Preamble::parse(&bytes, &Limits::default()).unwrap();
            let text = &bytes[preamble.start..];
            assert_eq!(Header::parse_as_numpy_writes(text), Some(header.clone()));
            assert_eq!(Header::parse_text(text, &preamble).unwrap(), header);
        }
    }

    #[test]
    fn fast_parser_accepts_only_what_the_full_one_does() {
        let shapes =
            ["(3, 4, )", "(3,4)", "(3)", "(, )", "(03,)", "(3, 4,)", "(3, )", "(-1,)", "()", "(3,, 4)"];
        for shape in shapes {
            let text = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}   \n");
            let bytes = file(&text);
            let preamble = Preamble::parse(&bytes, &Limits::default()).unwrap();
            if let Some(header) = Header::parse_as_numpy_writes(text.as_bytes()) {
                assert_eq!(Header::parse_text(text.as_bytes(), &preamble).unwrap(), header, "{shape}");
            }
        }
    }

    #[test]
    fn rejects_bad_headers_with_an_offset() {
        let nested = "[".repeat(500);
        let digits = "9".repeat(4301);
        let cases = [
            ("{'descr': '|b1', 'fortran_order': False}", "the keys"),
            (
                "{'descr': '|b1', 'fortran_order': False, 'shape': (), 'x': 1}",
                "descr, fortran_order or shape",
            ),
            ("{'descr': '|b1', 'descr': '|b1', 'fortran_order': False, 'shape': ()}", "each key once"),
            ("{'descr': '|b1', 'fortran_order': 0, 'shape': ()}", "True or False"),
            ("{'descr': '|b1', 'fortran_order': False, 'shape': 3}", "a tuple"),
            ("{'descr': '|b1', 'fortran_order': False, 'shape': (True,)}", "a length"),
            ("{'descr': '|b1', 'fortran_order': False, 'shape': (-1,)}", "a length"),
            ("{'descr': '<f8', 'fortran_order': False, 'shape': (4294967295, 4294967295)}", "addressed"),
            ("{'descr': '|O', 'fortran_order': False, 'shape': ()}", "Python objects"),
            ("{'descr': [('a', '|O')], 'fortran_order': False, 'shape': ()}", "Python objects"),
            (
                "{'descr': [('a', '<f4'), ('a', '<f4')], 'fortran_order': False, 'shape': ()}",
                "names that differ",
            ),
            ("{'descr': ('<f4', (2,)), 'fortran_order': False, 'shape': ()}", "a dtype"),
            ("{'descr': dict(), 'fortran_order': False, 'shape': ()}", "a Python literal"),
            ("('descr',)", "a dictionary"),
            ("", "a Python literal"),
            (&format!("{{'descr': {nested}"), "fewer nested brackets"),
            (&format!("{{'shape': ({digits},)}}"), "at most 64 bits"),
        ];
        for (text, expected) in cases {
            let error = Header::parse(&file(text), &Limits::default()).unwrap_err();
            assert!(error.to_string().contains(expected), "{text}: {error}");
            assert!(error.offset().is_some(), "{text}: {error}");
        }
    }

    #[test]
    fn rejects_headers_over_the_limit() {
        let text = format!("{{'descr': '|b1', 'fortran_order': False, 'shape': ()}}{:11000}", "");
        let error = Header::parse(&file(&text), &Limits::default()).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::HeaderTooLong { .. }));
        Header::parse(&file(&text), &Limits::default().with_header_bytes(20_000)).unwrap();
    }

    #[test]
    fn rejects_headers_cut_at_any_byte() {
        let bytes = Header::new(Dtype::of::<f32>(), vec![3, 4]).to_bytes().unwrap();
        for end in 0..bytes.len() {
            assert!(Header::parse(&bytes[..end], &Limits::default()).is_err(), "{end}");
            assert!(Header::read(&bytes[..end], &Limits::default()).is_err(), "{end}");
        }
    }
}
