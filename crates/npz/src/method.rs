//! How a member is compressed.

use std::fmt;

/// How a member is compressed (APPNOTE 4.4.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Method {
    /// Not at all, and aligned to 64 bytes, so that it can be used where it lies in the file.
    Stored,
    /// Deflate, which every reader of archives knows.
    Deflate {
        /// From 1, fast, to 12, small.
        level: u8,
    },
    /// Zstandard, which readers know since 2020 (method 93), CPython since 3.14.
    Zstd {
        /// From 1, fast, to 22, small.
        level: u8,
    },
}

impl Default for Method {
    fn default() -> Self {
        Self::Deflate { level: 6 }
    }
}

impl Method {
    /// The number of the method of members that are not compressed (APPNOTE 4.4.5).
    pub const STORED: u16 = 0;
    pub(crate) const DEFLATE: u16 = 8;
    pub(crate) const BZIP2: u16 = 12;
    pub(crate) const LZMA: u16 = 14;
    pub(crate) const ZSTD: u16 = 93;

    /// All methods that are read; members are written stored, deflated or in zstd.
    pub(crate) const READ: [u16; 5] = [Self::STORED, Self::DEFLATE, Self::BZIP2, Self::LZMA, Self::ZSTD];
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stored => f.write_str("stored"),
            Self::Deflate { level } => write!(f, "deflate level {level}"),
            Self::Zstd { level } => write!(f, "zstd level {level}"),
        }
    }
}
