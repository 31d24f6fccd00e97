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
    Packed,
    /// Image sets: all images of a kind in one member, each as small as what the others tell of it makes it. Stock NumPy
    /// opens the archive and reads its ordinary arrays; images need bitnpz, or its decoder in pure Python.
    #[default]
    Sets,
}

impl Encoding {
    /// All encodings, by the names that [`Display`](fmt::Display) gives and [`FromStr`] takes.
    pub const ALL: [Self; 3] = [Self::Plain, Self::Packed, Self::Sets];
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Plain => "plain",
            Self::Packed => "packed",
            Self::Sets => "sets",
        })
    }
}

impl FromStr for Encoding {
    type Err = ParseEncodingError;

    fn from_str(name: &str) -> Result<Self, ParseEncodingError> {
        let named = Self::ALL.into_iter().find(|encoding| encoding.to_string() == name);
        named.ok_or_else(|| ParseEncodingError(name.to_owned()))
    }
}

/// A name that is not that of an [`Encoding`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseEncodingError(String);

impl fmt::Display for ParseEncodingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected one of plain, packed and sets, found {:?}", self.0)
    }
}

impl std::error::Error for ParseEncodingError {}
