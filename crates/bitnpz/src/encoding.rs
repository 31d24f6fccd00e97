//! How images lie in an archive.

use std::fmt;
use std::str::FromStr;

/// How images lie in an archive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Encoding {
    /// The very arrays that `np.savez` would store; stock NumPy reads them back as they were.
    Plain,
    /// Packed rows, as `np.packbits(axis=-1)` gives them; stock NumPy reads them as `uint8`.
    #[default]
    Packed,
}

impl Encoding {
    /// All encodings, by the names that [`Display`](fmt::Display) gives and [`FromStr`] takes.
    pub const ALL: [Self; 2] = [Self::Plain, Self::Packed];
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Plain => "plain",
            Self::Packed => "packed",
        })
    }
}

impl FromStr for Encoding {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let named = Self::ALL.into_iter().find(|encoding| encoding.to_string() == name);
        named.ok_or_else(|| format!("expected one of plain and packed, found {name:?}"))
    }
}
