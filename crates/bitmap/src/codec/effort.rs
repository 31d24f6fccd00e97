//! How much time it may take to make images small.

use std::fmt;
use std::str::FromStr;

use super::name::ParseNameError;

/// How much time it may take to make images small.
///
/// ```
/// use bitnpz_bitmap::codec::Effort;
///
/// assert_eq!("fast".parse(), Ok(Effort::Fast));
/// assert_eq!(Effort::default().to_string(), "balanced");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Effort {
    /// Trains models on fewer images, for small archives that are written often.
    Fast,
    /// Trains models on many images. The codecs `pixel`, which takes two to eight times as long to decode, and `zstd`, which is slow
    /// to write, are chosen only where they save a tenth or more.
    #[default]
    Balanced,
    /// Trains models on more images, tries several ways to encode each, and chooses the codec with which the archive is smallest,
    /// however long that takes to decode.
    Smallest,
}

impl Effort {
    /// All efforts, whose names [`Display`](fmt::Display) writes and [`FromStr`] parses.
    pub const ALL: [Self; 3] = [Self::Fast, Self::Balanced, Self::Smallest];
}

impl fmt::Display for Effort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Fast => "fast",
            Self::Balanced => "balanced",
            Self::Smallest => "smallest",
        })
    }
}

impl FromStr for Effort {
    type Err = ParseNameError;

    fn from_str(name: &str) -> Result<Self, ParseNameError> {
        let named = Self::ALL.into_iter().find(|effort| effort.to_string() == name);
        named.ok_or_else(|| ParseNameError::new("fast, balanced and smallest", name))
    }
}
