//! Parses type strings and names of dtypes.

use crate::dtype::{Dtype, ItemType};
use crate::error::{ErrorKind, Result};
use crate::kind::{ByteOrder, Kind};
use crate::repr::shorten;

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
}

/// Returns `true` for the unit of a date: empty, or `[` count unit `]`.
fn is_unit(text: &str) -> bool {
    let Some(inner) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) else {
        return text.is_empty();
    };
    let count = inner.len() - inner.trim_start_matches(|letter: char| letter.is_ascii_digit()).len();
    count < 10 && DATE_UNITS.contains(&&inner[count..])
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
