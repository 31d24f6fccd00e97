//! Deflating an array of two values, one byte each, from its packed rows.

use std::cell::RefCell;
use std::num::NonZero;
use std::ops::Range;

use bitnpz_bitmap::{BitmapView, DeflateEncoder};
use bitnpz_npy::{DynArrayView, Header, with_room};
use bitnpz_npz::{CompressedMember, Compression};

use super::trial::{SAMPLED_BYTES, SmallTrials, best_level, samples, size_at};
use crate::error::Result;
use crate::interrupt;
use crate::packed::{PackedImages, PackedKind, pack, unpack_into};
use crate::value::swap;

/// The length of a header when it is deflated, about, in bytes.
const DEFLATED_HEADER_BYTES: usize = 48;

/// The bitmap-aware encoder is preferred to libdeflate if it comes out larger by at most this part, because it is faster.
const PREFERENCE: usize = 50;

/// The next level of libdeflate is used if it comes out smaller by this part, as with hatching.
const GAIN_OF_NEXT_LEVEL: usize = 6;

thread_local! {
    /// The last encoder used, and the header that its streams start with.
    static ENCODER: RefCell<Option<(Vec<u8>, DeflateEncoder)>> = const { RefCell::new(None) };
}

/// Returns whether each item of an array is one byte, in the order of its rows, so that its packed rows can be deflated.
pub(super) fn has_byte_rows(array: &DynArrayView<'_>) -> bool {
    array.dtype().item_size() == 1 && array.shape().len() >= 2 && !array.header().fortran_order
}

/// Packs the rows of an array that is to be deflated. Last axes of length 1, as in shape `(n, height, width, 1)`, do not count:
/// rows of one pixel would be far from those above them.
pub(super) fn pack_rows(array: &DynArrayView<'_>) -> Result<PackedImages> {
    let shape = array.shape();
    let ones = shape.iter().skip(2).rev().take_while(|&&side| side == 1).count();
    if ones == 0 || array.header().fortran_order {
        return pack(array);
    }
    let header = Header::new(array.dtype().clone(), shape[..shape.len() - ones].to_vec());
    // An error says where in the whole array it is.
    pack(&DynArrayView::new(header, array.data())?).or_else(|_| pack(array))
}

/// An array of two values that is to be deflated: by the bitmap-aware encoder, which follows outlines, or by libdeflate, which
/// finds repeats anywhere, as in noise, dither, hatching or images that are repeated.
pub(super) struct BilevelArray {
    /// The bytes before the items.
    header: Vec<u8>,
    kind: PackedKind,
    /// The number of rows, and their bits.
    height: usize,
    rows: Vec<u8>,
    /// The length and the CRC-32 of the header and the items.
    size: u64,
    crc32: u32,
    /// The level of libdeflate.
    level: u8,
}

/// What deflates an array.
enum Compressor {
    /// The bitmap-aware encoder.
    Ours,
    /// libdeflate, at this level.
    Theirs(u8),
}

impl BilevelArray {
    /// Takes the packed rows of an array that [has byte rows](has_byte_rows).
    pub(super) fn new(array: &DynArrayView<'_>, packed: PackedImages, level: u8) -> Result<Self> {
        let PackedImages { shape, kind, rows } = packed;
        let header = array.header().to_bytes()?;
        let mut crc32 = crc32fast::Hasher::new();
        crc32.update(&header);
        crc32.update(array.data());
        Ok(Self {
            size: (header.len() + array.data().len()) as u64,
            crc32: crc32.finalize(),
            height: shape[..shape.len() - 1].iter().product(),
            header,
            kind,
            rows,
            level,
        })
    }

    /// Returns the length of the packed rows in bytes.
    pub(super) fn row_bytes(&self) -> usize {
        self.rows.len()
    }

    /// Returns a function that deflates the array, on any thread, with the compressor that samples of it or trials with small
    /// arrays before it suggest.
    pub(super) fn deflate(
        self,
        trials: &mut SmallTrials,
    ) -> Result<impl FnOnce() -> bitnpz_npz::Result<CompressedMember> + Send + 'static> {
        let is_small = self.height * self.kind.width < SAMPLED_BYTES;
        let tried = if is_small && trials.is_due() { Some(self.try_both(trials)?) } else { None };
        let tries_both = trials.is_behind();
        Ok(move || match tried {
            Some(member) => Ok(member),
            None if is_small => self.deflate_small(tries_both),
            None => match self.compressor()? {
                Compressor::Ours => self.ours(),
                Compressor::Theirs(level) => self.theirs(level),
            },
        })
    }

    /// Deflates the array with both compressors, and notes what they made of it.
    fn try_both(&self, trials: &mut SmallTrials) -> Result<CompressedMember> {
        let (ours, theirs) = (self.ours()?, self.theirs(self.level)?);
        trials.note(ours.compressed_size(), theirs.compressed_size());
        if ours.compressed_size() <= theirs.compressed_size() {
            return Ok(ours);
        }
        // It may be the only array.
        Ok(smaller(theirs, self.theirs(self.level + 1)?))
    }

    /// Deflates a small array with both compressors, or with one if the stream is not about as large as the packed rows.
    fn deflate_small(&self, tries_both: bool) -> bitnpz_npz::Result<CompressedMember> {
        let ours = self.ours()?;
        if !tries_both && ours.compressed_size() <= self.rows.len() / 4 * 3 + DEFLATED_HEADER_BYTES {
            return Ok(ours);
        }
        Ok(smaller(ours, self.theirs(self.level)?))
    }

    /// Deflates an array of many pixels on so many threads, if samples of it suggest the bitmap-aware encoder. The call can be
    /// interrupted.
    pub(super) fn deflate_on(&self, threads: NonZero<usize>) -> Result<Option<CompressedMember>> {
        let Compressor::Ours = self.compressor()? else { return Ok(None) };
        let (encoder, mut data) = (DeflateEncoder::new(&self.header), Vec::new());
        let image = self.image(0..self.height);
        encoder.encode_large(threads, image, self.values(), &mut data, interrupt::check)?;
        Ok(Some(CompressedMember::from_deflate(data, self.size, self.crc32)))
    }

    /// Returns the compressor that makes samples of a large array smaller.
    fn compressor(&self) -> bitnpz_npz::Result<Compressor> {
        let mut encoder = DeflateEncoder::new(&[]);
        let (mut stream, mut items) = (Vec::new(), Vec::new());
        for range in samples(self.height, self.kind.width) {
            let image = self.image(range.clone());
            encoder.encode(image, self.values(), &mut stream);
            items.push(self.items(&[], range)?);
        }
        let items: Vec<_> = items.iter().map(Vec::as_slice).collect();
        let theirs = size_at(&items, self.level)?;
        if stream.len() <= theirs + theirs / PREFERENCE {
            return Ok(Compressor::Ours);
        }
        Ok(Compressor::Theirs(best_level(&items, self.level, theirs, GAIN_OF_NEXT_LEVEL)?))
    }

    /// Deflates the array with the bitmap-aware encoder.
    fn ours(&self) -> bitnpz_npz::Result<CompressedMember> {
        let mut data = with_room(self.header.len() + self.rows.len())?;
        ENCODER.with_borrow_mut(|cached| {
            let known = cached.take().filter(|(known, _)| *known == self.header);
            let new = || (self.header.clone(), DeflateEncoder::new(&self.header));
            let (_, encoder) = cached.insert(known.unwrap_or_else(new));
            encoder.encode(self.image(0..self.height), self.values(), &mut data);
        });
        Ok(CompressedMember::from_deflate(data, self.size, self.crc32))
    }

    /// Deflates the array with libdeflate.
    fn theirs(&self, level: u8) -> bitnpz_npz::Result<CompressedMember> {
        CompressedMember::new(self.items(&self.header, 0..self.height)?, Compression::Deflate { level })
    }

    /// Returns some rows as a bitmap.
    fn image(&self, range: Range<usize>) -> BitmapView<'_> {
        BitmapView::new(range.len(), self.kind.width, self.packed(range)).expect("rows that were packed")
    }

    fn packed(&self, range: Range<usize>) -> &[u8] {
        let each = self.kind.width.div_ceil(8);
        &self.rows[range.start * each..range.end * each]
    }

    /// Returns the items of some rows, after a head.
    fn items(&self, head: &[u8], range: Range<usize>) -> bitnpz_npz::Result<Vec<u8>> {
        let PackedKind { dtype, bits, width } = &self.kind;
        // Each item is a byte.
        let len = head.len() + range.len() * width;
        let mut items = with_room(len)?;
        items.extend_from_slice(head);
        items.resize(len, 0);
        let lanes = bits.map(|bits| swap(dtype, bits));
        unpack_into(self.packed(range), *width, dtype.item_size(), lanes, &mut items[head.len()..]);
        Ok(items)
    }

    fn values(&self) -> [u8; 2] {
        self.kind.bits.map(|bits| u8::try_from(bits).expect("an item of one byte"))
    }
}

fn smaller(one: CompressedMember, other: CompressedMember) -> CompressedMember {
    if other.compressed_size() < one.compressed_size() { other } else { one }
}
