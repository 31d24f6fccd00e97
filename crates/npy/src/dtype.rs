//! Dtypes: the type of one item of an array.

use std::fmt;

use crate::element::Element;
use crate::error::{ErrorKind, Result};
use crate::record::{Field, Record};

/// The type of one item of an array, like `np.dtype`.
///
/// [`Display`](fmt::Display) writes the `descr` of a header: a type string such as `'<f4'`, or a list of
/// fields.
///
/// ```
/// use bitnpz_npy::{ByteOrder, Dtype, Kind};
///
/// let dtype: Dtype = Dtype::from_type_string(">u2")?;
/// assert_eq!((dtype.kind(), dtype.item_size(), dtype.order()), (Some(Kind::Uint), 2, ByteOrder::Big));
/// assert_eq!(Dtype::of::<bool>().to_string(), "'|b1'");
/// # Ok::<(), bitnpz_npy::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Dtype(ItemType);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum ItemType {
    Scalar {
        kind: Kind,
        order: ByteOrder,
        size: usize,
    },
    /// A date or time span. The unit is written as in a type string: `[ns]`, or empty for a generic one.
    Date {
        kind: Kind,
        order: ByteOrder,
        unit: Box<str>,
    },
    Record(Box<Record>),
}

/// The kind of a dtype without fields, like `np.dtype.kind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// `b`: one byte, 0 or 1.
    Bool,
    /// `i`: 1, 2, 4 or 8 bytes.
    Int,
    /// `u`: 1, 2, 4 or 8 bytes.
    Uint,
    /// `f`: 2, 4 or 8 bytes, or a long double of 12 or 16.
    Float,
    /// `c`: two floats of 4, 8, 12 or 16 bytes.
    Complex,
    /// `S`: a byte string; trailing zeros are padding.
    Bytes,
    /// `U`: a string of code points, 4 bytes each.
    Unicode,
    /// `V`: raw bytes.
    Void,
    /// `M`: 8 bytes, a count of units since 1970.
    DateTime,
    /// `m`: 8 bytes, a count of units.
    TimeDelta,
}

/// The order of an item's bytes in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ByteOrder {
    /// `<`: the least significant byte first.
    Little,
    /// `>`: the most significant byte first.
    Big,
    /// `|`: one byte, or bytes without an order.
    None,
}

impl ByteOrder {
    /// The byte order of this machine.
    pub const NATIVE: Self = if cfg!(target_endian = "little") { Self::Little } else { Self::Big };

    fn mark(self) -> char {
        match self {
            Self::Little => '<',
            Self::Big => '>',
            Self::None => '|',
        }
    }
}

impl Kind {
    /// Every kind with its letter and its sizes in bytes; no sizes where any is allowed.
    const ALL: [(char, Self, &'static [usize]); 10] = [
        ('b', Self::Bool, &[1]),
        ('i', Self::Int, &[1, 2, 4, 8]),
        ('u', Self::Uint, &[1, 2, 4, 8]),
        ('f', Self::Float, &[2, 4, 8, 12, 16]),
        ('c', Self::Complex, &[8, 16, 24, 32]),
        ('S', Self::Bytes, &[]),
        ('U', Self::Unicode, &[]),
        ('V', Self::Void, &[]),
        ('M', Self::DateTime, &[8]),
        ('m', Self::TimeDelta, &[8]),
    ];

    fn letter(self) -> char {
        Self::ALL.iter().find(|&&(_, kind, _)| kind == self).map_or('?', |&(letter, ..)| letter)
    }
}

/// Names that `np.dtype` accepts besides type strings, as on 64-bit systems other than Windows (`np.sctypeDict` and the
/// characters of its C types).
const DTYPE_NAMES: [(&str, &[&str]); 20] = [
    ("b1", &["bool", "bool_"]),
    ("i1", &["int8", "byte", "b"]),
    ("i2", &["int16", "short", "h"]),
    ("i4", &["int32", "intc", "i"]),
    ("i8", &["int64", "int", "int_", "long", "longlong", "intp", "l", "q", "p", "n"]),
    ("u1", &["uint8", "ubyte", "B"]),
    ("u2", &["uint16", "ushort", "H"]),
    ("u4", &["uint32", "uintc", "I"]),
    ("u8", &["uint64", "uint", "ulong", "ulonglong", "uintp", "L", "Q", "P", "N"]),
    ("f2", &["float16", "half", "e"]),
    ("f4", &["float32", "single", "f"]),
    ("f8", &["float64", "float", "double", "d"]),
    ("c8", &["complex64", "csingle", "F"]),
    ("c16", &["complex128", "complex", "cdouble", "D"]),
    ("f16", &["float128", "longdouble", "g"]),
    ("c32", &["complex256", "clongdouble", "G"]),
    ("S0", &["bytes", "bytes_", "S"]),
    ("S1", &["c"]),
    ("U0", &["str", "str_", "unicode", "U"]),
    ("V0", &["void", "V"]),
];

/// The length of the longest name: longer text is not looked up.
const LONGEST_NAME_LEN: usize = "clongdouble".len();

/// The units of dates, from years to attoseconds.
const DATE_UNITS: [&str; 13] = ["Y", "M", "W", "D", "h", "m", "s", "ms", "us", "ns", "ps", "fs", "as"];

impl Dtype {
    /// Returns the dtype of a Rust type, in the machine's byte order.
    #[must_use]
    pub fn of<T: Element>() -> Self {
        let size = size_of::<T>();
        let order = if size == 1 { ByteOrder::None } else { ByteOrder::NATIVE };
        Self(ItemType::Scalar { kind: T::KIND, order, size })
    }

    /// Parses a type string such as `<f4`, `|b1`, `<U12` or `>M8[ns]`, or a name such as `float32`, like `np.dtype(str)`.
    ///
    /// # Errors
    ///
    /// If its kind is none of [`Kind`]; [`ErrorKind::Objects`] for Python objects.
    pub fn from_type_string(text: &str) -> Result<Self> {
        Self::scalar(text).ok_or_else(|| match text.trim_start_matches(['<', '>', '=', '|']) {
            "O" | "O4" | "O8" | "object" => ErrorKind::Objects.into(),
            _ => ErrorKind::Dtype { found: format!("{:?}", shorten(text)) }.into(),
        })
    }

    fn scalar(text: &str) -> Option<Self> {
        let (order, rest) = match text.as_bytes().first()? {
            b'<' => (ByteOrder::Little, &text[1..]),
            b'>' => (ByteOrder::Big, &text[1..]),
            b'=' | b'|' => (ByteOrder::NATIVE, &text[1..]),
            _ => (ByteOrder::NATIVE, text),
        };
        if rest == "?" {
            return Some(Self::of::<bool>());
        }
        let named = if rest.len() <= LONGEST_NAME_LEN {
            DTYPE_NAMES.iter().find(|(_, names)| names.contains(&rest))
        } else {
            None
        };
        if let Some((standard, _)) = named {
            // A name of several letters cannot follow a byte order.
            let is_known = rest.len() == 1 || rest.len() == text.len();
            return is_known.then(|| Self::scalar(&format!("{}{standard}", order.mark()))).flatten();
        }
        let dates = [("datetime64", "M8"), ("timedelta64", "m8")];
        if let Some((name, short)) = dates.into_iter().find(|(name, _)| text.starts_with(name)) {
            return Self::scalar(&format!("{short}{}", &text[name.len()..]));
        }
        let letter = rest.chars().next()?;
        let &(_, kind, sizes) = Kind::ALL.iter().find(|&&(known, ..)| known == letter)?;
        let rest = &rest[1..];
        if matches!(kind, Kind::DateTime | Kind::TimeDelta) {
            let unit = rest.strip_prefix('8')?;
            return is_unit(unit).then(|| Self(ItemType::Date { kind, order, unit: unit.into() }));
        }
        let digits = !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit());
        let count: usize = if digits { rest.parse().ok()? } else { return None };
        if !sizes.is_empty() && !sizes.contains(&count) {
            return None;
        }
        let size = if kind == Kind::Unicode { count.checked_mul(4)? } else { count };
        // NumPy stores an item's size in a C int.
        i32::try_from(size).ok()?;
        let ordered = size > 1 && !matches!(kind, Kind::Bytes | Kind::Void) || kind == Kind::Unicode;
        let order = if ordered { order } else { ByteOrder::None };
        Some(Self(ItemType::Scalar { kind, order, size }))
    }

    /// Returns the kind, or `None` for a dtype with fields.
    #[must_use]
    pub fn kind(&self) -> Option<Kind> {
        match &self.0 {
            ItemType::Scalar { kind, .. } | ItemType::Date { kind, .. } => Some(*kind),
            ItemType::Record(_) => None,
        }
    }

    /// Returns the size of one item in bytes, like `np.dtype.itemsize`.
    #[must_use]
    pub fn item_size(&self) -> usize {
        match &self.0 {
            ItemType::Scalar { size, .. } => *size,
            ItemType::Date { .. } => 8,
            ItemType::Record(record) => record.item_size(),
        }
    }

    /// Returns the byte order; [`ByteOrder::None`] for a dtype with fields, each of which has its own.
    #[must_use]
    pub fn order(&self) -> ByteOrder {
        match &self.0 {
            ItemType::Scalar { order, .. } | ItemType::Date { order, .. } => *order,
            ItemType::Record(_) => ByteOrder::None,
        }
    }

    /// Returns `true` if items can be used without swapping bytes.
    #[must_use]
    pub fn is_native(&self) -> bool {
        match &self.0 {
            ItemType::Record(record) => record.fields().all(|field| field.dtype().is_native()),
            _ => self.order() == ByteOrder::None || self.order() == ByteOrder::NATIVE,
        }
    }

    /// Returns the fields, or `None` for a dtype without fields.
    #[must_use]
    pub fn record(&self) -> Option<&Record> {
        match &self.0 {
            ItemType::Record(record) => Some(record),
            _ => None,
        }
    }

    /// Returns the field of this name, like `dtype.fields[name]`.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.record()?.fields().find(|field| field.name() == name)
    }

    /// Returns the type string, like `np.dtype.str`: `<f4`; `|V12` for a dtype with fields.
    #[must_use]
    pub fn type_string(&self) -> String {
        match &self.0 {
            ItemType::Scalar { kind, order, size } => {
                let count = if *kind == Kind::Unicode { size / 4 } else { *size };
                format!("{}{}{count}", order.mark(), kind.letter())
            }
            ItemType::Date { kind, order, unit } => format!("{}{}8{unit}", order.mark(), kind.letter()),
            ItemType::Record(record) => format!("|V{}", record.item_size()),
        }
    }

    /// Returns the size in bytes of the parts of an item that each have the byte order.
    pub(crate) fn swap_size(&self) -> usize {
        match self.kind() {
            Some(Kind::Complex) => self.item_size() / 2,
            Some(Kind::Unicode) => 4,
            _ => self.item_size(),
        }
    }

    /// Returns the same dtype in the machine's byte order.
    #[must_use]
    pub fn to_native(&self) -> Self {
        let native = |order: ByteOrder| if order == ByteOrder::None { order } else { ByteOrder::NATIVE };
        Self(match &self.0 {
            ItemType::Scalar { kind, order, size } => {
                ItemType::Scalar { kind: *kind, order: native(*order), size: *size }
            }
            ItemType::Date { kind, order, unit } => {
                ItemType::Date { kind: *kind, order: native(*order), unit: unit.clone() }
            }
            ItemType::Record(record) => ItemType::Record(Box::new(record.to_native())),
        })
    }
}

/// Returns `true` for the unit of a date: empty, or `[` count unit `]`.
fn is_unit(text: &str) -> bool {
    let Some(inner) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) else {
        return text.is_empty();
    };
    let count = inner.len() - inner.trim_start_matches(|letter: char| letter.is_ascii_digit()).len();
    count < 10 && DATE_UNITS.contains(&&inner[count..])
}

/// Cuts a text to a length that fits an error message.
pub(crate) fn shorten(text: &str) -> String {
    text.chars().take(40).collect()
}

impl From<Record> for Dtype {
    fn from(record: Record) -> Self {
        Self(ItemType::Record(Box::new(record)))
    }
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            ItemType::Record(record) => record.fmt(f),
            _ => write!(f, "'{}'", self.type_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips_type_strings() {
        let strings = [
            "|b1", "|i1", "<i2", ">i4", "<i8", "|u1", ">u2", "<u4", "<u8", "<f2", ">f4", "<f8", "<c8",
            ">c16", "|S0", "|S5", "<U0", ">U7", "|V3", "<M8[ns]", ">M8[25s]", "<m8", "<m8[D]",
        ];
        for string in strings {
            assert_eq!(Dtype::from_type_string(string).unwrap().type_string(), string);
        }
        for (string, canonical) in [
            ("bool", "|b1"),
            ("uint8", "|u1"),
            ("float64", "<f8"),
            (">d", ">f8"),
            ("longlong", "<i8"),
            ("complex", "<c16"),
            ("datetime64[ns]", "<M8[ns]"),
            ("timedelta64", "<m8"),
        ] {
            assert_eq!(Dtype::from_type_string(string).unwrap().type_string(), canonical);
        }
        for (string, canonical) in [("?", "|b1"), ("=u1", "|u1"), ("<b1", "|b1"), (">S3", "|S3")] {
            assert_eq!(Dtype::from_type_string(string).unwrap().type_string(), canonical);
        }
    }

    #[test]
    fn rejects_unsupported_dtypes() {
        let strings = [
            "",
            "<",
            "x",
            "<float64",
            "datetime64[",
            "<f3",
            "<f10",
            "c20",
            "i0",
            "U-1",
            "S99999999999",
            "M8[fortnight]",
            "<x4",
            "f4 ",
            "é4",
        ];
        for string in strings {
            let error = Dtype::from_type_string(string).unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::Dtype { .. }), "{string}: {error}");
        }
        for string in ["O", "|O", "|O8"] {
            assert!(matches!(Dtype::from_type_string(string).unwrap_err().kind(), ErrorKind::Objects));
        }
    }
}
