//! Packed rows as frames of Zstandard (RFC 8878) with a dictionary, for those who want speed above all.

use std::fmt;
use std::sync::Arc;

use zstd::zstd_safe::{CCtx, CParameter, DCtx, compress_bound, get_error_name};

use super::model::Sample;
use crate::view::BitmapView;

/// What every frame starts with; payloads do without.
const MAGIC: [u8; 4] = [0x28, 0xB5, 0x2F, 0xFD];

const LEVEL: i32 = 19;

/// A block of a frame takes four bytes or more, and stands for at most so many (RFC 8878, 3.1.1.2).
const BLOCK: usize = 128 << 10;

/// A dictionary has this part of what it is for, within bounds.
const PART: usize = 64;
const SIZES: [usize; 2] = [256, 64 << 10];

/// What frames refer to.
pub(super) type Dictionary = Arc<[u8]>;

/// The bytes of a dictionary for images like these; none if they are too few for one.
pub(super) fn train(sample: &Sample<'_>) -> Vec<u8> {
    let rows: Vec<&[u8]> = sample.images.iter().map(BitmapView::as_bytes).collect();
    let bytes: usize = rows.iter().map(|rows| rows.len()).sum();
    let all = bytes.checked_div(rows.len()).unwrap_or(0) * sample.total;
    zstd::dict::from_samples(&rows, (all / PART).clamp(SIZES[0], SIZES[1])).unwrap_or_default()
}

/// A dictionary of these bytes, or what is wrong with them.
pub(super) fn read(bytes: &[u8]) -> Result<Dictionary, &'static str> {
    let dictionary: Dictionary = bytes.into();
    decompressor(&dictionary).map(|_| dictionary)
}

fn decompressor(dictionary: &Dictionary) -> Result<DCtx<'static>, &'static str> {
    let mut context = DCtx::try_create().ok_or("no memory for a decompressor")?;
    context.load_dictionary(dictionary).map_err(get_error_name)?;
    Ok(context)
}

/// Compresses images and decompresses them; keeps its memory, and what it made of a dictionary, from one to the next.
#[derive(Default)]
pub(super) struct ZstdCoder {
    compressor: Option<(Dictionary, CCtx<'static>)>,
    decompressor: Option<(Dictionary, DCtx<'static>)>,
    frame: Vec<u8>,
}

impl fmt::Debug for ZstdCoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ZstdCoder").finish_non_exhaustive()
    }
}

impl ZstdCoder {
    /// Appends the payload of packed rows: these themselves if there is no memory to make them smaller.
    pub(super) fn encode(&mut self, dictionary: &Dictionary, rows: &[u8], payload: &mut Vec<u8>) {
        match self.compress(dictionary, rows) {
            Some(frame) => payload.extend_from_slice(frame),
            None => payload.extend_from_slice(rows),
        }
    }

    /// The frame of packed rows, without its magic number; none if there is no memory for it.
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

    /// Whether a payload can stand for so many bytes of packed rows.
    pub(super) fn can_hold(payload: &[u8], rows: usize) -> bool {
        rows / BLOCK <= payload.len() / 4
    }

    /// Puts the packed rows of a payload into bytes of their length, or says what is wrong with the payload.
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
