//! How members are compressed.

use std::fmt;

/// The compression method of a member (APPNOTE 4.4.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Method(u16);

impl Method {
    /// Not compressed.
    pub const STORED: Self = Self(0);
    /// Deflate (RFC 1951).
    pub const DEFLATE: Self = Self(8);
    /// bzip2; only read.
    pub const BZIP2: Self = Self(12);
    /// LZMA; only read.
    pub const LZMA: Self = Self(14);
    /// Zstandard (RFC 8878).
    pub const ZSTD: Self = Self(93);

    /// The methods that this crate reads.
    pub(crate) const READABLE: [Self; 5] = [Self::STORED, Self::DEFLATE, Self::BZIP2, Self::LZMA, Self::ZSTD];

    /// Returns the method with this number.
    #[must_use]
    pub const fn from_number(number: u16) -> Self {
        Self(number)
    }

    /// Returns the method's number.
    #[must_use]
    pub const fn number(self) -> u16 {
        self.0
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::STORED => f.pad("stored"),
            Self::DEFLATE => f.pad("deflate"),
            Self::BZIP2 => f.pad("bzip2"),
            Self::LZMA => f.pad("lzma"),
            Self::ZSTD => f.pad("zstd"),
            Self(number) => write!(f, "method {number}"),
        }
    }
}

/// The compression that a writer applies: a [`Method`] that can be written, and its level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Compression {
    /// Stores members uncompressed and aligned to 64 bytes, so that mapped arrays can be used in place.
    Stored,
    /// Compresses with deflate, which every ZIP reader supports.
    Deflate {
        /// From 1 (fastest) to 12 (smallest).
        level: u8,
    },
    /// Compresses with Zstandard; CPython reads it since 3.14.
    Zstd {
        /// From 1 (fastest) to 22 (smallest).
        level: u8,
    },
}

impl Default for Compression {
    /// Returns deflate at level 7 of libdeflate, which comes out about as large as NumPy's level, 6 of zlib.
    fn default() -> Self {
        Self::Deflate { level: 7 }
    }
}

impl Compression {
    /// Returns the method that members get. A member that does not become smaller is stored instead.
    #[must_use]
    pub const fn method(self) -> Method {
        match self {
            Self::Stored => Method::STORED,
            Self::Deflate { .. } => Method::DEFLATE,
            Self::Zstd { .. } => Method::ZSTD,
        }
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stored => f.write_str("stored"),
            Self::Deflate { level } => write!(f, "deflate level {level}"),
            Self::Zstd { level } => write!(f, "zstd level {level}"),
        }
    }
}
