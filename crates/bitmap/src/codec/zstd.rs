//! The codec `zstd`: packed rows in Zstandard frames (RFC 8878) with a dictionary, the fastest to read.

use std::fmt;
use std::sync::Arc;

use zstd::zstd_safe::{CCtx, CParameter, DCtx, compress_bound, get_error_name};

use super::sample::Sample;
use crate::view::BitmapView;

/// The magic number at the start of every frame; payloads omit it.
const MAGIC: [u8; 4] = [0x28, 0xB5, 0x2F, 0xFD];

/// The highest level that zstd does not call ultra; how fast frames are read hardly depends on it.
const LEVEL: i32 = 19;

/// The most bytes that a block of a frame, of four bytes or more, decompresses to (RFC 8878, 3.1.1.2).
const MAX_BLOCK_BYTES: usize = 128 << 10;

/// A dictionary is given 1/64 of the packed rows of all images, so that it adds at most 1.6 % to them, within bounds:
/// zstd trains none smaller than 256 bytes (`ZDICT_DICTSIZE_MIN`), and every decoder has to load it.
const DICTIONARY_DIVISOR: usize = 64;
const DICTIONARY_BYTES: [usize; 2] = [256, 64 << 10];

/// A dictionary is trained on so many bytes at least. On fewer than it takes a part of, zstd 1.5.7 divides by zero, and a dictionary
/// would not pay anyway.
const MIN_SAMPLE_BYTES: usize = 1 << 10;

/// The dictionary that frames refer to.
pub(super) type Dictionary = Arc<[u8]>;

/// Trains a dictionary on a sample and returns its bytes; none if the images are too few for one.
pub(super) fn train(sample: &Sample<'_>) -> Vec<u8> {
    let rows: Vec<&[u8]> = sample.images.iter().map(BitmapView::as_bytes).collect();
    let bytes: usize = rows.iter().map(|rows| rows.len()).sum();
    if bytes < MIN_SAMPLE_BYTES {
        return Vec::new();
    }
    let all = bytes.checked_div(rows.len()).unwrap_or(0) * sample.total;
    let [least, most] = DICTIONARY_BYTES;
    zstd::dict::from_samples(&rows, (all / DICTIONARY_DIVISOR).clamp(least, most)).unwrap_or_default()
}

/// Reads a dictionary, or says what is wrong with it.
pub(super) fn read(bytes: &[u8]) -> Result<Dictionary, &'static str> {
    let dictionary: Dictionary = bytes.into();
    decompressor(&dictionary).map(|_| dictionary)
}

fn decompressor(dictionary: &Dictionary) -> Result<DCtx<'static>, &'static str> {
    let mut context = DCtx::try_create().ok_or("no memory for a decompressor")?;
    context.load_dictionary(dictionary).map_err(get_error_name)?;
    Ok(context)
}

/// Compresses and decompresses images; reuses its buffers, and the digested dictionary, from one to the next.
#[derive(Default)]
pub(super) struct ZstdCodec {
    compressor: Option<(Dictionary, CCtx<'static>)>,
    decompressor: Option<(Dictionary, DCtx<'static>)>,
    frame: Vec<u8>,
}

impl fmt::Debug for ZstdCodec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ZstdCodec").finish_non_exhaustive()
    }
}

impl ZstdCodec {
    /// Appends the payload of packed rows; the rows themselves if there is no memory to compress them.
    pub(super) fn encode(&mut self, dictionary: &Dictionary, rows: &[u8], payload: &mut Vec<u8>) {
        match self.compress(dictionary, rows) {
            Some(frame) => payload.extend_from_slice(frame),
            None => payload.extend_from_slice(rows),
        }
    }

    /// Compresses packed rows into a frame without its magic number; `None` if there is no memory for it.
    fn compress(&mut self, dictionary: &Dictionary, rows: &[u8]) -> Option<&[u8]> {
        let known = self.compressor.take().filter(|(known, _)| Arc::ptr_eq(known, dictionary));
        let compressor = || {
            let mut context = CCtx::try_create()?;
            let parameters = [
                CParameter::CompressionLevel(LEVEL),
                CParameter::ContentSizeFlag(false),
                CParameter::ChecksumFlag(false),
                CParameter::DictIdFlag(false),
            ];
            for parameter in parameters {
                context.set_parameter(parameter).expect("zstd has these parameters");
            }
            context.load_dictionary(dictionary).ok()?;
            Some((dictionary.clone(), context))
        };
        let (_, context) = self.compressor.insert(known.or_else(compressor)?);
        self.frame.clear();
        self.frame.try_reserve(compress_bound(rows.len())).ok()?;
        context.compress2(&mut self.frame, rows).ok()?;
        self.frame.strip_prefix(&MAGIC)
    }

    /// Returns whether a payload of this length can decompress to `row_bytes` bytes of packed rows.
    pub(super) fn can_hold(payload: &[u8], row_bytes: usize) -> bool {
        row_bytes / MAX_BLOCK_BYTES <= payload.len() / 4
    }

    /// Decompresses a payload into `rows`, or says what is wrong with it.
    pub(super) fn decode(
        &mut self,
        dictionary: &Dictionary,
        payload: &[u8],
        rows: &mut [u8],
    ) -> Result<(), &'static str> {
        let known = self.decompressor.take().filter(|(known, _)| Arc::ptr_eq(known, dictionary));
        let known = match known {
            Some(known) => known,
            None => (dictionary.clone(), decompressor(dictionary)?),
        };
        let (_, context) = self.decompressor.insert(known);
        self.frame.clear();
        self.frame.extend_from_slice(&MAGIC);
        self.frame.extend_from_slice(payload);
        let len = context.decompress(rows, &self.frame).map_err(get_error_name)?;
        if len == rows.len() { Ok(()) } else { Err("expected more packed rows, found the end of the frame") }
    }
}
