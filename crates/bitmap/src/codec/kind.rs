//! The codecs and their names.

use std::fmt;
use std::str::FromStr;

use super::name::ParseNameError;

/// A way to encode images.
///
/// ```
/// use bitnpz_bitmap::codec::Codec;
///
/// assert_eq!("contour".parse(), Ok(Codec::Contour));
/// assert_eq!(Codec::Zstd.to_string(), "zstd");
/// assert_eq!(
///     "jbig2".parse::<Codec>().unwrap_err().to_string(),
///     "expected one of contour, pixel, zstd and raw, found \"jbig2\""
/// );
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Codec {
    /// Codes how edges move from row to row; best for outlines: glyphs, handwriting, masks.
    Contour,
    /// Codes each pixel in the context of its neighbours; best for noise, dither and tiny images.
    Pixel,
    /// Compresses packed rows with Zstandard and a dictionary; larger, and the fastest to read of
    /// those that compress.
    Zstd,
    /// Stores packed rows as they are.
    Raw,
}

impl Codec {
    /// All codecs, whose names [`Display`](fmt::Display) writes and [`FromStr`] parses.
    pub const ALL: [Self; 4] = [Self::Contour, Self::Pixel, Self::Zstd, Self::Raw];
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Contour => "contour",
            Self::Pixel => "pixel",
            Self::Zstd => "zstd",
            Self::Raw => "raw",
        })
    }
}

impl FromStr for Codec {
    type Err = ParseNameError;

    fn from_str(name: &str) -> Result<Self, ParseNameError> {
        let named = Self::ALL.into_iter().find(|codec| codec.to_string() == name);
        named.ok_or_else(|| ParseNameError::new("contour, pixel, zstd and raw", name))
    }
}
