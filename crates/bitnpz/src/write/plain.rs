//! The `plain` encoding: arrays as they are, deflated by what knows their rows where they have two values.

use std::cell::RefCell;
use std::io::Write;

use bitnpz_bitmap::{BitmapView, DeflateEncoder};
use bitnpz_npy::{DynArrayView, with_room};
use bitnpz_npz::{CompressedMember, Compression, Writer};

use super::ledger::Ledger;
use super::sink::Sink;
use crate::error::{Error, Result};
use crate::interrupt;
use crate::names;
use crate::packed::{PackedImages, PackedKind, normalize_bools, unpack_into};
use crate::value::swap;

/// A header takes about this many bytes, deflated.
const FEW: usize = 48;

/// Larger arrays are not compressed as a whole but in pieces, on all cores and in memory for a few of them.
const STREAMED: usize = 16 << 20;

/// About how large a piece is, in bytes.
const PIECE: usize = 1 << 20;

/// An array to be written as it is.
pub(super) struct PlainArray<'a> {
    pub(super) key: &'a str,
    /// Its place in the order of keys.
    pub(super) place: usize,
    pub(super) array: &'a DynArrayView<'a>,
    /// Its packed rows, if it has two values.
    pub(super) packed: Option<PackedImages>,
    /// How many images it is.
    pub(super) images: usize,
}

thread_local! {
    /// The last encoder used, and the header that its streams start with.
    static ENCODER: RefCell<Option<(Vec<u8>, DeflateEncoder)>> = const { RefCell::new(None) };
}

/// Whether an array's pixels lie in its file as their rows do, one byte each.
pub(super) fn fits(array: &DynArrayView<'_>) -> bool {
    array.dtype().item_size() == 1 && array.shape().len() >= 2 && !array.header().fortran_order
}

/// Writes an array whose key is claimed.
pub(super) fn write(zip: &mut Writer<Sink>, ledger: &mut Ledger, plain: PlainArray<'_>) -> Result<()> {
    let PlainArray { key, place, array, packed, images } = plain;
    let blame = |error: bitnpz_npz::Error| Error::from(error).with_key(key);
    let items = normalize_bools(array.dtype(), array.data())?;
    let array = &DynArrayView::new(array.header().clone(), &items)?;
    let (number, compression) = (zip.len(), zip.options().compression);
    let deflates = matches!(compression, Compression::Deflate { .. });
    let streams = array.data().len() > STREAMED && !matches!(compression, Compression::Zstd { .. });
    match packed {
        Some(PackedImages { kind, rows, .. }) if deflates && fits(array) => {
            let weight = rows.len();
            let encoder = encoder(array, &kind, rows, compression).map_err(|error| error.with_key(key))?;
            zip.add_compressed(&names::of_array(key), weight, encoder).map_err(blame)?;
        }
        _ if streams => {
            let head = array.header().to_bytes()?;
            let mut stream = zip.stream(&names::of_array(key), head.clone()).map_err(blame)?;
            for piece in array.data().chunks(PIECE) {
                interrupt::check()?;
                stream.write_all(piece).map_err(|error| blame(error.into()))?;
            }
            stream.finish(&head).map_err(blame)?;
        }
        _ => zip.add(&names::of_array(key), array.to_npy()?).map_err(blame)?,
    }
    ledger.note_plain(number, place, images);
    Ok(())
}

/// What deflates the array of these packed rows, on any thread. Our encoder knows outlines; noise and dither, which it
/// makes about as large as their packed rows, may be smaller by `compression`.
fn encoder(
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
        if ours.compressed_size() <= rows.len() / 4 * 3 + FEW {
            return Ok(ours);
        }
        // In an item of one byte a pixel is a byte.
        let mut npy = with_room(header.len() + height * width)?;
        npy.extend_from_slice(&header);
        npy.resize(header.len() + height * width, 0);
        let lanes = bits.map(|bits| swap(&dtype, bits));
        unpack_into(&rows, width, dtype.item_size(), lanes, &mut npy[header.len()..]);
        let theirs = CompressedMember::new(npy, compression)?;
        Ok(if theirs.compressed_size() < ours.compressed_size() { theirs } else { ours })
    })
}
