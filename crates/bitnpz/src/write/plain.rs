//! The encoding `plain`: arrays as they are, deflated.

use bitnpz_npy::{DynArrayView, copy};
use bitnpz_npz::{CompressedMember, Compression};

use super::array_stream::NewArray;
use super::bilevel::{BilevelArray, has_byte_rows};
use super::output::Output;
use super::trial::{best_level, may_gain, samples, size_at};
use crate::error::Result;
use crate::names;
use crate::packed::{PackedImages, normalize_bools};

/// Larger arrays are compressed in pieces on all cores, so that only a few pieces are in memory.
const STREAMED_BYTES: usize = 16 << 20;

/// Arrays of so many bytes that become very small are compressed in pieces, too. They are deflated by zlib then, which makes
/// them smaller than libdeflate does in the same time.
const STREAMED_IF_TINY_BYTES: usize = 256 << 10;

/// For smaller arrays, no level but the one asked for is tried.
const SAMPLED_FROM_BYTES: usize = 128 << 10;

/// The next level is used for arrays that it makes smaller by this part.
const GAIN_OF_NEXT_LEVEL: usize = 32;

/// The length of such a piece in bytes: between two of them it is checked whether the call was interrupted.
const PIECE_BYTES: usize = 1 << 20;

/// An array to be written as it is.
pub(super) struct PlainArray<'a> {
    pub(super) key: &'a str,
    /// Its place in the order of saving.
    pub(super) place: usize,
    pub(super) array: &'a DynArrayView<'a>,
    /// Its [packed rows](super::bilevel::pack_rows), if it has two values.
    pub(super) packed: Option<PackedImages>,
    /// The number of images in it.
    pub(super) images: usize,
}

impl PlainArray<'_> {
    /// Writes the array, whose key is claimed.
    pub(super) fn write(self, output: &mut Output) -> Result<()> {
        let key = self.key;
        self.add(output).map_err(|error| error.with_key(key))
    }

    fn add(self, output: &mut Output) -> Result<()> {
        let Self { key, place, array, packed, images } = self;
        let items = normalize_bools(array.dtype(), array.data())?;
        let array = &DynArrayView::new(array.header().clone(), &items)?;
        let (number, name) = (output.zip.len(), names::of_array(key));
        let &bitnpz_npz::WriteOptions { compression, threads, .. } = output.zip.options();
        let (is_large, is_other) = (array.data().len() > STREAMED_BYTES, packed.is_none());
        let bilevel = match (packed, compression) {
            (Some(packed), Compression::Deflate { level }) if has_byte_rows(array) => {
                Some(BilevelArray::new(array, packed, level)?)
            }
            _ => None,
        };
        let deflated = match &bilevel {
            Some(bilevel) if is_large => bilevel.deflate_on(threads)?,
            _ => None,
        };
        match (bilevel, deflated) {
            (_, Some(member)) => {
                let held_bytes = member.compressed_size();
                output.zip.add_compressed(&name, held_bytes, || Ok(member))?;
            }
            (Some(bilevel), None) if !is_large => {
                let held_bytes = bilevel.row_bytes();
                let deflate = bilevel.deflate(&mut output.trials)?;
                output.zip.add_compressed(&name, held_bytes, deflate)?;
            }
            _ => {
                let has_parts = is_other && output.has_parts(array.header());
                let is_read_in_part = has_parts && images == 0;
                let choose = if is_read_in_part { worthwhile } else { with_best_level };
                let chosen = choose(array.data(), compression)?;
                if is_read_in_part || is_streamed(array, compression, chosen) {
                    let member = NewArray { key, place, kind: None, in_parts: has_parts };
                    let mut stream = output.start_array(member, array.header(), chosen)?;
                    array.data().chunks(PIECE_BYTES).try_for_each(|piece| stream.write(piece))?;
                    return stream.finish(array.header(), images);
                }
                output.zip.add_with(&name, array.to_npy()?, chosen)?;
            }
        }
        output.ledger.note_array(number, place, None, images);
        Ok(())
    }
}

/// Returns whether an array is compressed in pieces: where this compression is asked for, and that is chosen for it.
fn is_streamed(array: &DynArrayView<'_>, asked: Compression, chosen: Compression) -> bool {
    let streamed_from = if chosen == asked { STREAMED_BYTES } else { STREAMED_IF_TINY_BYTES };
    array.data().len() > streamed_from && !matches!(asked, Compression::Zstd { .. })
}

/// Returns the compression of an array's items: none if that makes them hardly smaller, so that they can be read in place.
fn worthwhile(items: &[u8], compression: Compression) -> bitnpz_npz::Result<Compression> {
    let (mut all, mut compressed) = (0, 0);
    for range in samples(items.len(), 1) {
        all += range.len();
        compressed += CompressedMember::new(copy(&items[range])?, compression)?.compressed_size();
    }
    Ok(if compressed > all / 16 * 15 { Compression::Stored } else { compression })
}

/// Returns the compression of an array's items at the level that samples of them suggest.
fn with_best_level(items: &[u8], compression: Compression) -> bitnpz_npz::Result<Compression> {
    let Compression::Deflate { level } = compression else { return Ok(compression) };
    if items.len() < SAMPLED_FROM_BYTES {
        return Ok(compression);
    }
    let samples: Vec<_> = samples(items.len(), 1).map(|range| &items[range]).collect();
    let asked = size_at(&samples, level)?;
    if items.len() > STREAMED_IF_TINY_BYTES && may_gain(&samples, level, asked) {
        return Ok(Compression::Deflate { level: level + 1 });
    }
    Ok(Compression::Deflate { level: best_level(&samples, level, asked, GAIN_OF_NEXT_LEVEL)? })
}
