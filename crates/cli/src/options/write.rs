//! How an archive is written: encoding, codec, compression, threads.

use std::num::NonZero;

use bitnpz::{Codec, Compression, Effort, Encoding, WriteOptions};
use clap::{Args, ValueEnum};

/// Comes out about as large as the level of `np.savez_compressed`, 6 of zlib.
const DEFLATE_LEVEL: u8 = 7;

/// The highest level before zstd's "ultra" levels, which take much more memory.
const ZSTD_LEVEL: u8 = 19;

#[derive(Debug, Args)]
pub(crate) struct WriteArgs {
    /// How images are stored [default: sets; when appending, as in the archive]
    #[arg(long, value_enum)]
    pub(crate) encoding: Option<EncodingName>,
    /// The codec of image sets [default: the one that makes a sample of each set smallest; see --effort]
    #[arg(long, value_enum)]
    pub(crate) codec: Option<CodecName>,
    /// How much time it may take to make image sets small
    #[arg(long, value_enum, default_value_t = EffortName::Balanced)]
    pub(crate) effort: EffortName,
    /// How members are compressed, except those of image sets
    #[arg(long, value_enum, default_value_t = MethodName::Deflate)]
    pub(crate) method: MethodName,
    /// The compression level: 1 to 12 for deflate [default: 7], 1 to 22 for zstd [default: 19]
    #[arg(long, value_name = "LEVEL")]
    pub(crate) level: Option<u8>,
    /// The number of threads that train and compress [default: BITNPZ_THREADS, or one per core]; it does not affect the bytes written
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<NonZero<usize>>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum EncodingName {
    /// Image sets: smallest, and fastest to read at random
    Sets,
    /// One bit per pixel, as in np.packbits
    Packed,
    /// The arrays themselves, as in np.savez_compressed
    Plain,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum CodecName {
    /// How edges move from row to row: for glyphs, handwriting, masks
    Contour,
    /// Pixel by pixel: for noise, dither
    Pixel,
    /// Packed rows in zstd frames with a dictionary: larger, and the fastest to read of those that compress
    Zstd,
    /// Packed rows, not compressed
    Raw,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum EffortName {
    /// Models are trained on fewer images
    Fast,
    /// The codecs pixel, slow to read, and zstd, slow to write, are taken only where they save a tenth or more
    Balanced,
    /// More images, several ways to encode each, and the smallest codec however slow it is
    Smallest,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum MethodName {
    /// Supported by every reader
    Deflate,
    /// Smaller and faster; supported by CPython since 3.14
    Zstd,
    /// Not compressed, and aligned for use in place
    Stored,
}

impl WriteArgs {
    pub(crate) fn options(&self) -> WriteOptions {
        let compression = match self.method {
            MethodName::Deflate => {
                Compression::Deflate { level: self.level.unwrap_or(DEFLATE_LEVEL).clamp(1, 12) }
            }
            MethodName::Zstd => Compression::Zstd { level: self.level.unwrap_or(ZSTD_LEVEL).clamp(1, 22) },
            MethodName::Stored => Compression::Stored,
        };
        let mut options = WriteOptions::default().with_compression(compression);
        options.encoding = self.encoding.map(Encoding::from);
        options.codec = self.codec.map(Codec::from);
        options.effort = self.effort.into();
        match self.threads {
            Some(threads) => options.with_threads(threads),
            None => options,
        }
    }
}

impl From<EncodingName> for Encoding {
    fn from(name: EncodingName) -> Self {
        match name {
            EncodingName::Sets => Self::Sets,
            EncodingName::Packed => Self::Packed,
            EncodingName::Plain => Self::Plain,
        }
    }
}

impl From<EffortName> for Effort {
    fn from(name: EffortName) -> Self {
        match name {
            EffortName::Fast => Self::Fast,
            EffortName::Balanced => Self::Balanced,
            EffortName::Smallest => Self::Smallest,
        }
    }
}

impl From<CodecName> for Codec {
    fn from(name: CodecName) -> Self {
        match name {
            CodecName::Contour => Self::Contour,
            CodecName::Pixel => Self::Pixel,
            CodecName::Zstd => Self::Zstd,
            CodecName::Raw => Self::Raw,
        }
    }
}
