//! Bytes of an archive that are requested ahead of the reads that need them.

use std::borrow::Cow;
use std::ops::Range;

use crate::error::Result;
use crate::range_cache::KeptBytes;
use crate::source::ByteSource;

/// Bytes of an archive that were requested ahead of the reads that need them. They stay here: the cache need not have room for
/// them, nor keep them for long.
pub(super) struct Ahead<'a> {
    source: &'a ByteSource,
    /// In the order of the file, each with where it starts.
    pieces: Vec<(u64, KeptBytes)>,
}

impl<'a> Ahead<'a> {
    /// Returns what was requested of an archive, in the order of the file, each with where it starts.
    pub(super) fn new(source: &'a ByteSource, pieces: Vec<(u64, KeptBytes)>) -> Self {
        Self { source, pieces }
    }

    /// Requests a range, in place of what was requested before, if the archive is read by range.
    pub(super) fn request(&mut self, range: Range<u64>) -> Result<()> {
        if let ByteSource::Ranges(reader) = self.source {
            self.pieces = reader.prefetch(std::iter::once(range))?;
        }
        Ok(())
    }

    /// Returns what was requested from a place of the file on, if anything.
    pub(super) fn from(&self, place: u64) -> &[u8] {
        let behind = self.pieces.partition_point(|(start, _)| *start <= place);
        let piece = behind.checked_sub(1).map(|number| &self.pieces[number]);
        let rest = piece.and_then(|(start, bytes)| bytes.get(usize::try_from(place - start).ok()?..));
        rest.unwrap_or_default()
    }

    /// Fills a buffer with the bytes from a place of the file on: as much of it as was requested in one piece, or else all. Returns
    /// how much.
    pub(super) fn read(&self, place: u64, bytes: &mut [u8]) -> Result<usize> {
        let requested = self.from(place);
        if requested.is_empty() {
            self.source.read_exact_at(place, bytes)?;
            return Ok(bytes.len());
        }
        let len = bytes.len().min(requested.len());
        bytes[..len].copy_from_slice(&requested[..len]);
        Ok(len)
    }

    /// Returns bytes of the archive, which are read if they were not requested.
    pub(super) fn get(&self, start: u64, len: u64) -> Result<Cow<'_, [u8]>> {
        match usize::try_from(len).ok().and_then(|len| self.from(start).get(..len)) {
            Some(bytes) => Ok(Cow::Borrowed(bytes)),
            None => self.source.get(start, len),
        }
    }
}
