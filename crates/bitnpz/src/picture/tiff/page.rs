//! The layout of the samples of a page in the file.

use super::super::fault::{Fault, check_size};
use super::directory::TiffDirectory;
use super::tag;

/// The maximum number of samples per pixel: colours, and extra samples, which are ignored but for one of opacity.
const MAX_SAMPLES: usize = 16;

/// The type of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SampleFormat {
    Unsigned,
    Signed,
    Float,
}

/// The values of the Compression tag that can be decoded.
pub(super) mod compression {
    pub(in super::super) const NONE: u64 = 1;
    pub(in super::super) const MODIFIED_HUFFMAN: u64 = 2;
    pub(in super::super) const GROUP_3: u64 = 3;
    pub(in super::super) const GROUP_4: u64 = 4;
    pub(in super::super) const LZW: u64 = 5;
    pub(in super::super) const JPEG: u64 = 7;
    pub(in super::super) const DEFLATE: u64 = 8;
    pub(in super::super) const PACK_BITS: u64 = 32773;
    pub(in super::super) const OLD_DEFLATE: u64 = 32946;
    pub(in super::super) const ZSTD: u64 = 50000;
    pub(in super::super) const WEBP: u64 = 50001;
}

/// The checked fields of a page.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) width: usize,
    pub(super) height: usize,
    /// The bits per sample.
    pub(super) bits: u32,
    /// The samples per pixel.
    pub(super) samples: usize,
    pub(super) format: SampleFormat,
    pub(super) compression: u64,
    /// `true` if each sample has its own strips or tiles.
    pub(super) is_planar: bool,
    pub(super) is_tiled: bool,
    /// The columns and rows of a strip or a tile.
    pub(super) chunk: [usize; 2],
}

impl Page {
    /// Reads and checks the fields of a page.
    pub(super) fn new(directory: &TiffDirectory<'_>, limit: u64) -> Result<Self, Fault> {
        let size = |tag| {
            let number = directory.number(tag).and_then(|number| u32::try_from(number).ok());
            number.filter(|&number| number > 0).map(|number| number as usize)
        };
        let width = size(tag::WIDTH).ok_or("the TIFF file lacks the width of the picture")?;
        let height = size(tag::LENGTH).ok_or("the TIFF file lacks the height of the picture")?;
        let all_bits = directory.numbers(tag::BITS)?;
        let bits = all_bits.first().copied().unwrap_or(1);
        if all_bits.iter().any(|&other| other != bits) {
            return Err(Fault::unsupported("a TIFF file with different numbers of bits per sample"));
        }
        let bits = u32::try_from(bits).ok().filter(|bits| matches!(bits, 1..=8 | 16 | 32 | 64));
        let bits =
            bits.ok_or_else(|| Fault::unsupported(format!("a TIFF file with {all_bits:?} bits per sample")))?;
        let samples = directory.number(tag::SAMPLES).unwrap_or(1);
        let known = usize::try_from(samples).ok().filter(|samples| (1..=MAX_SAMPLES).contains(samples));
        let samples = known
            .ok_or_else(|| Fault::unsupported(format!("a TIFF file with {samples} samples per pixel")))?;
        let is_tiled = directory.contains(tag::TILE_OFFSETS);
        let rows = size(tag::ROWS_PER_STRIP).map_or(height, |rows| rows.min(height));
        let chunk = match (is_tiled, size(tag::TILE_WIDTH), size(tag::TILE_LENGTH)) {
            (false, ..) => [width, rows],
            (true, Some(width), Some(length)) => [width, length],
            _ => return Err("the TIFF file lacks the size of its tiles".into()),
        };
        let page = Self {
            width,
            height,
            bits,
            samples,
            format: sample_format(directory, bits)?,
            compression: directory.number(tag::COMPRESSION).unwrap_or(compression::NONE),
            is_planar: directory.number(tag::PLANAR) == Some(2) && samples > 1,
            is_tiled,
            chunk,
        };
        // The unpacked samples take at least this many bytes.
        let unpacked = u128::from(bits.div_ceil(8)) * samples as u128;
        check_size(width as u128 * height as u128 * unpacked, limit)?;
        check_size(chunk[0] as u128 * chunk[1] as u128 * unpacked, limit)?;
        page.check_compression(directory)?;
        Ok(page)
    }

    /// Checks that a decoder supports the compression.
    fn check_compression(&self, directory: &TiffDirectory<'_>) -> Result<(), Fault> {
        use compression::{
            DEFLATE, GROUP_3, GROUP_4, JPEG, LZW, MODIFIED_HUFFMAN, NONE, OLD_DEFLATE, PACK_BITS, WEBP, ZSTD,
        };
        let name = match self.compression {
            // The decoder of JPEG supports no other number of samples.
            JPEG if !matches!(self.interleaved_samples(), 1 | 3 | 4) => "JPEG of 2 or more than 4 samples",
            // libtiff ignores the predictor here, other readers apply it.
            PACK_BITS if directory.number(tag::PREDICTOR).unwrap_or(1) != 1 => "PackBits with a predictor",
            NONE | LZW | JPEG | DEFLATE | PACK_BITS | OLD_DEFLATE | ZSTD | WEBP => return Ok(()),
            MODIFIED_HUFFMAN | GROUP_3 | GROUP_4 if self.bits != 1 => "CCITT of more than 1 bit per sample",
            GROUP_3 if directory.number(tag::T4_OPTIONS).unwrap_or(0) & 2 != 0 => {
                "CCITT group 3 with uncompressed parts"
            }
            GROUP_4 if directory.number(tag::T6_OPTIONS).unwrap_or(0) & 2 != 0 => {
                "CCITT group 4 with uncompressed parts"
            }
            MODIFIED_HUFFMAN | GROUP_3 | GROUP_4 => return Ok(()),
            6 => "old-style JPEG (compression 6)",
            34661 => "JBIG",
            34712 | 33003 | 33005 => "JPEG 2000",
            34925 => "LZMA",
            34887 => "LERC",
            34676 | 34677 => "SGI LogLuv",
            32809 => "ThunderScan",
            32766 => "NeXT",
            other => return Err(Fault::unsupported(format!("TIFF compression {other}"))),
        };
        Err(Fault::unsupported(format!("a TIFF file compressed with {name}")))
    }

    /// Returns `true` if the compression is a CCITT fax code.
    pub(super) fn is_fax(&self) -> bool {
        matches!(
            self.compression,
            compression::MODIFIED_HUFFMAN | compression::GROUP_3 | compression::GROUP_4
        )
    }

    /// Returns the number of strips or tiles of one plane.
    pub(super) fn chunks(&self) -> usize {
        self.width.div_ceil(self.chunk[0]) * self.height.div_ceil(self.chunk[1])
    }

    /// Returns the number of samples that are stored next to each other for a pixel.
    pub(super) fn interleaved_samples(&self) -> usize {
        if self.is_planar { 1 } else { self.samples }
    }
}

/// Returns the type of the samples, if it is supported at this number of bits.
fn sample_format(directory: &TiffDirectory<'_>, bits: u32) -> Result<SampleFormat, Fault> {
    let formats = directory.numbers(tag::SAMPLE_FORMAT)?;
    let format = formats.first().copied().unwrap_or(1);
    if formats.iter().any(|&other| other != format) {
        return Err(Fault::unsupported("a TIFF file with different sample formats"));
    }
    match (format, bits) {
        (1 | 4, _) => Ok(SampleFormat::Unsigned),
        (2, 8..=64) => Ok(SampleFormat::Signed),
        (3, 16 | 32 | 64) => Ok(SampleFormat::Float),
        (2, _) => Err(Fault::unsupported(format!("a TIFF file of signed integers of {bits} bits"))),
        (3, _) => Err(Fault::unsupported(format!("a TIFF file of floats of {bits} bits"))),
        _ => Err(Fault::unsupported("a TIFF file of complex numbers")),
    }
}
