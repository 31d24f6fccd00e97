//! How the samples of a page lie in the file.

use super::super::fault::{Fault, check_size};
use super::directory::Directory;
use super::tag;

/// The most samples of a pixel: colours, and others that are passed by.
const SAMPLES: usize = 16;

/// What a sample is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Unsigned,
    Signed,
    Float,
}

/// How strips and tiles are compressed, as far as it matters here; the rest is left to the `tiff` crate.
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

/// A page, all its numbers checked.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) width: usize,
    pub(super) height: usize,
    /// Bits of a sample.
    pub(super) bits: u32,
    /// Samples of a pixel.
    pub(super) samples: usize,
    pub(super) format: Format,
    pub(super) compression: u64,
    /// Whether each sample has strips or tiles of its own.
    pub(super) is_planar: bool,
    pub(super) is_tiled: bool,
    /// Columns and rows of a strip or a tile.
    pub(super) chunk: [usize; 2],
}

impl Page {
    pub(super) fn new(directory: &Directory<'_>, limit: u64) -> Result<Self, Fault> {
        let size = |tag| {
            let number = directory.number(tag).and_then(|number| u32::try_from(number).ok());
            number.filter(|&number| number > 0).map(|number| number as usize)
        };
        let width = size(tag::WIDTH).ok_or("the TIFF file does not say how wide the picture is")?;
        let height = size(tag::LENGTH).ok_or("the TIFF file does not say how high the picture is")?;
        let all_bits = directory.numbers(tag::BITS)?;
        let bits = all_bits.first().copied().unwrap_or(1);
        if all_bits.iter().any(|&other| other != bits) {
            return Err(Fault::unread("a TIFF file of samples of different bits"));
        }
        let bits = u32::try_from(bits).ok().filter(|bits| matches!(bits, 1..=8 | 16 | 32 | 64));
        let bits = bits.ok_or_else(|| Fault::unread(format!("a TIFF file of {all_bits:?} bits")))?;
        let samples = directory.number(tag::SAMPLES).unwrap_or(1);
        let known = usize::try_from(samples).ok().filter(|samples| (1..=SAMPLES).contains(samples));
        let samples =
            known.ok_or_else(|| Fault::unread(format!("a TIFF file of {samples} samples for each pixel")))?;
        let is_tiled = directory.contains(tag::TILE_OFFSETS);
        let rows = size(tag::ROWS_PER_STRIP).map_or(height, |rows| rows.min(height));
        let chunk = match (is_tiled, size(tag::TILE_WIDTH), size(tag::TILE_LENGTH)) {
            (false, ..) => [width, rows],
            (true, Some(width), Some(length)) => [width, length],
            _ => return Err("the TIFF file does not say how large its tiles are".into()),
        };
        let page = Self {
            width,
            height,
            bits,
            samples,
            format: format(directory, bits)?,
            compression: directory.number(tag::COMPRESSION).unwrap_or(compression::NONE),
            is_planar: directory.number(tag::PLANAR) == Some(2) && samples > 1,
            is_tiled,
            chunk,
        };
        // As many bytes as the samples take once they are unpacked, at the least.
        let unpacked = u128::from(bits.div_ceil(8)) * samples as u128;
        check_size(width as u128 * height as u128 * unpacked, limit)?;
        check_size(chunk[0] as u128 * chunk[1] as u128 * unpacked, limit)?;
        page.check_compression(directory)?;
        Ok(page)
    }

    /// Fails with the name of what no decoder here knows.
    fn check_compression(&self, directory: &Directory<'_>) -> Result<(), Fault> {
        use compression::{
            DEFLATE, GROUP_3, GROUP_4, JPEG, LZW, MODIFIED_HUFFMAN, NONE, OLD_DEFLATE, PACK_BITS, WEBP, ZSTD,
        };
        let name = match self.compression {
            // Its decoder knows no other colours.
            JPEG if !matches!(self.samples_together(), 1 | 3 | 4) => "JPEG of other than 1, 3 or 4 samples",
            // libtiff passes the predictor by, others do not.
            PACK_BITS if directory.number(tag::PREDICTOR).unwrap_or(1) != 1 => "PackBits and a predictor",
            NONE | LZW | JPEG | DEFLATE | PACK_BITS | OLD_DEFLATE | ZSTD | WEBP => return Ok(()),
            MODIFIED_HUFFMAN | GROUP_3 | GROUP_4 if self.bits != 1 => "CCITT of more than 1 bit",
            GROUP_3 if directory.number(tag::T4_OPTIONS).unwrap_or(0) & 2 != 0 => {
                "CCITT group 3 with uncompressed parts"
            }
            GROUP_4 if directory.number(tag::T6_OPTIONS).unwrap_or(0) & 2 != 0 => {
                "CCITT group 4 with uncompressed parts"
            }
            MODIFIED_HUFFMAN | GROUP_3 | GROUP_4 => return Ok(()),
            6 => "JPEG as of 1992 (compression 6)",
            34661 => "JBIG",
            34712 | 33003 | 33005 => "JPEG 2000",
            34925 => "LZMA",
            34887 => "LERC",
            34676 | 34677 => "SGI LogLuv",
            32809 => "ThunderScan",
            32766 => "NeXT",
            other => return Err(Fault::unread(format!("TIFF compression {other}"))),
        };
        Err(Fault::unread(format!("a TIFF file compressed with {name}")))
    }

    /// Whether strips and tiles are those of a fax machine.
    pub(super) fn is_fax(&self) -> bool {
        matches!(
            self.compression,
            compression::MODIFIED_HUFFMAN | compression::GROUP_3 | compression::GROUP_4
        )
    }

    /// How many strips or tiles one plane has.
    pub(super) fn chunks(&self) -> usize {
        self.width.div_ceil(self.chunk[0]) * self.height.div_ceil(self.chunk[1])
    }

    /// The samples that lie side by side.
    pub(super) fn samples_together(&self) -> usize {
        if self.is_planar { 1 } else { self.samples }
    }
}

fn format(directory: &Directory<'_>, bits: u32) -> Result<Format, Fault> {
    let formats = directory.numbers(tag::SAMPLE_FORMAT)?;
    let format = formats.first().copied().unwrap_or(1);
    if formats.iter().any(|&other| other != format) {
        return Err(Fault::unread("a TIFF file of samples of different formats"));
    }
    match (format, bits) {
        (1 | 4, _) => Ok(Format::Unsigned),
        (2, 8..=64) => Ok(Format::Signed),
        (3, 16 | 32 | 64) => Ok(Format::Float),
        (2, _) => Err(Fault::unread(format!("a TIFF file of numbers of {bits} bits with a sign"))),
        (3, _) => Err(Fault::unread(format!("a TIFF file of fractions of {bits} bits"))),
        _ => Err(Fault::unread("a TIFF file of complex numbers")),
    }
}
