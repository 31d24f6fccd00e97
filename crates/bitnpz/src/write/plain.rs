//! The encoding `plain`: arrays as they are, compressed by the bitmap-aware deflate encoder where they have two values.

use std::cell::RefCell;
use std::io::Write;

use bitnpz_bitmap::{BitmapView, DeflateEncoder};
use bitnpz_npy::{DynArrayView, copy, with_room};
use bitnpz_npz::{CompressedMember, Compression};

use super::output::Output;
use crate::error::{Error, Result};
use crate::interrupt;
use crate::names;
use crate::packed::{PackedImages, PackedKind, normalize_bools, unpack_into};
use crate::value::swap;

/// The length of a header when it is deflated, about, in bytes.
const DEFLATED_HEADER_BYTES: usize = 48;

/// Larger arrays are compressed in pieces on all cores, so that only a few pieces are in memory.
const STREAMED_BYTES: usize = 16 << 20;

/// Whether an array is worth deflating is tried with so many samples of so many bytes.
const SAMPLES: usize = 4;
const SAMPLE_BYTES: usize = 64 << 10;

/// The length of such a piece in bytes: between two of them it is checked whether the call was interrupted.
const PIECE_BYTES: usize = 1 << 20;

/// An array to be written as it is.
pub(super) struct PlainArray<'a> {
    pub(super) key: &'a str,
    /// Its place in the order of saving.
    pub(super) place: usize,
    pub(super) array: &'a DynArrayView<'a>,
    /// Its packed rows, if it has two values.
    pub(super) packed: Option<PackedImages>,
    /// The number of images in it.
    pub(super) images: usize,
}

thread_local! {
    /// The last encoder used, and the header that its streams start with.
    static ENCODER: RefCell<Option<(Vec<u8>, DeflateEncoder)>> = const { RefCell::new(None) };
}

/// Returns whether each item of an array is one byte, in the order of its rows, so that its packed rows can be deflated.
pub(super) fn has_byte_rows(array: &DynArrayView<'_>) -> bool {
    array.dtype().item_size() == 1 && array.shape().len() >= 2 && !array.header().fortran_order
}

impl PlainArray<'_> {
    /// Writes the array, whose key is claimed.
    pub(super) fn write(self, output: &mut Output) -> Result<()> {
        let Self { key, place, array, packed, images } = self;
        let blame = |error: bitnpz_npz::Error| Error::from(error).with_key(key);
        let items = normalize_bools(array.dtype(), array.data())?;
        let array = &DynArrayView::new(array.header().clone(), &items)?;
        let has_parts = output.has_parts(array.header()) && packed.is_none() && images == 0;
        let (zip, name) = (&mut output.zip, names::of_array(key));
        let (number, compression) = (zip.len(), zip.options().compression);
        let deflates = matches!(compression, Compression::Deflate { .. });
        let streams = array.data().len() > STREAMED_BYTES && !matches!(compression, Compression::Zstd { .. });
        match packed {
            Some(PackedImages { kind, rows, .. }) if deflates && has_byte_rows(array) => {
                let weight = rows.len();
                let encode = deflate(array, &kind, rows, compression).map_err(|error| error.with_key(key))?;
                zip.add_compressed(&name, weight, encode).map_err(blame)?;
            }
            _ if streams || has_parts => {
                let head = array.header().to_bytes()?;
                let compression =
                    if has_parts { worthwhile(compression, array.data())? } else { compression };
                let stream = output.stream_array(&name, head.clone(), array.header(), compression);
                let mut stream = stream.map_err(blame)?;
                for piece in array.data().chunks(PIECE_BYTES) {
                    interrupt::check()?;
                    stream.write_all(piece).map_err(|error| blame(error.into()))?;
                }
                stream.finish(&head).map_err(blame)?;
            }
            _ => {
                let npy = array.to_npy().map_err(|error| Error::from(error).with_key(key))?;
                zip.add(&name, npy).map_err(blame)?;
            }
        }
        output.ledger.note_plain(number, place, images);
        Ok(())
    }
}

/// Returns the compression of an array's items: none if that makes them hardly smaller, so that they can be read in place.
fn worthwhile(compression: Compression, items: &[u8]) -> Result<Compression> {
    let (mut all, mut compressed) = (0, 0);
    for number in 0..SAMPLES {
        let start = items.len() / SAMPLES * number;
        let sample = &items[start..items.len().min(start + SAMPLE_BYTES)];
        all += sample.len();
        compressed += CompressedMember::new(copy(sample)?, compression)?.compressed_size();
    }
    Ok(if compressed > all / 16 * 15 { Compression::Stored } else { compression })
}

/// Returns a function that deflates the array of these packed rows, on any thread. The bitmap-aware encoder follows outlines;
/// noise and dither, which it makes about as large as their packed rows, may be smaller by `compression`.
fn deflate(
    array: &DynArrayView<'_>,
    kind: &PackedKind,
    rows: Vec<u8>,
    compression: Compression,
) -> Result<impl FnOnce() -> bitnpz_npz::Result<CompressedMember> + Send + 'static> {
    let header = array.header().to_bytes()?;
    let mut crc32 = crc32fast::Hasher::new();
    crc32.update(&header);
    crc32.update(array.data());
    let (crc32, size) = (crc32.finalize(), (header.len() + array.data().len()) as u64);
    let PackedKind { dtype, bits, width } = kind.clone();
    let height: usize = array.shape()[..array.shape().len() - 1].iter().product();
    let values = bits.map(|bits| u8::try_from(bits).expect("an item of one byte"));
    Ok(move || {
        let image = BitmapView::new(height, width, &rows).expect("rows that were packed");
        let mut data = with_room(header.len() + rows.len())?;
        ENCODER.with_borrow_mut(|cached| {
            let known = cached.take().filter(|(known, _)| *known == header);
            let (_, encoder) =
                cached.insert(known.unwrap_or_else(|| (header.clone(), DeflateEncoder::new(&header))));
            encoder.encode(image, values, &mut data);
        });
        let ours = CompressedMember::from_deflate(data, size, crc32);
        if ours.compressed_size() <= rows.len() / 4 * 3 + DEFLATED_HEADER_BYTES {
            return Ok(ours);
        }
        // Each pixel is a byte here.
        let mut npy = with_room(header.len() + height * width)?;
        npy.extend_from_slice(&header);
        npy.resize(header.len() + height * width, 0);
        let lanes = bits.map(|bits| swap(&dtype, bits));
        unpack_into(&rows, width, dtype.item_size(), lanes, &mut npy[header.len()..]);
        let theirs = CompressedMember::new(npy, compression)?;
        Ok(if theirs.compressed_size() < ours.compressed_size() { theirs } else { ours })
    })
}
