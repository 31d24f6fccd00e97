//! The encodings of images in an archive.

use std::fmt;
use std::str::FromStr;

/// The way images are stored in an archive.
///
/// ```
/// use bitnpz::Encoding;
///
/// assert_eq!("packed".parse(), Ok(Encoding::Packed));
/// assert_eq!(Encoding::default().to_string(), "sets");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Encoding {
    /// Ordinary arrays, as `np.savez` stores them. NumPy reads them as they were saved.
    Plain,
    /// Packed rows, as `np.packbits(axis=-1)` returns them. NumPy reads them as `uint8`.
    Packed,
    /// Image sets: images that are compressed together with one model, each read on its own. NumPy opens the archive and reads
    /// its ordinary arrays; images need bitnpz or its reference decoder in Python.
    #[default]
    Sets,
}

impl Encoding {
    /// All encodings.
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

/// The error of a string that is not the name of an [`Encoding`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseEncodingError(String);

impl fmt::Display for ParseEncodingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected one of plain, packed and sets, found {:?}", self.0)
    }
}

impl std::error::Error for ParseEncodingError {}
