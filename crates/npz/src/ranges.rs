//! Bytes that are read by range, as from an object store: with few requests, since each takes milliseconds.

use std::borrow::Cow;
use std::ops::Range;
use std::{fmt, io};

use crate::error::{Error, Result};
use crate::range_cache::{CachedFile, KeptBytes, RangeCache};

/// The end of the file is read at once when it is opened: it has what opening needs of all but the largest archives.
const TAIL_BYTES: u64 = 256 << 10;

/// Ranges that are no further apart are read as one, with so many bytes between them at most.
pub const READ_BETWEEN: u64 = 4 << 10;

/// A file that is read by range: in an object store, behind an HTTP server, or in another archive.
///
/// Ranges that are needed together are asked for together, so that an implementation can read them at the same time.
///
/// ```
/// use std::io;
/// use std::ops::Range;
///
/// struct Bytes(Vec<u8>);
///
/// impl bitnpz_npz::ReadAt for Bytes {
///     fn len(&self) -> io::Result<u64> {
///         Ok(self.0.len() as u64)
///     }
///
///     fn read_ranges(&self, ranges: &[Range<u64>]) -> io::Result<Vec<Vec<u8>>> {
///         let bytes = |range: &Range<u64>| self.0[range.start as usize..range.end as usize].to_vec();
///         Ok(ranges.iter().map(bytes).collect())
///     }
/// }
///
/// # use std::io::Cursor;
/// # use bitnpz_npz::{Archive, OpenOptions, WriteOptions, Writer};
/// # let mut writer = Writer::new(Cursor::new(Vec::new()), &WriteOptions::default());
/// # writer.add("a", b"some text".to_vec())?;
/// # let bytes = writer.finish()?.into_inner();
/// let archive = Archive::open_ranges(Bytes(bytes), &OpenOptions::default())?;
/// assert_eq!(archive.find("a").expect("it was added").read()?, b"some text");
/// # Ok::<(), bitnpz_npz::Error>(())
/// ```
#[expect(clippy::len_without_is_empty, reason = "a file without bytes is no archive")]
pub trait ReadAt: Send + Sync {
    /// Returns the length of the file in bytes.
    ///
    /// # Errors
    ///
    /// If the file cannot be reached.
    fn len(&self) -> io::Result<u64>;

    /// Returns the bytes of these ranges, each of which is within the file.
    ///
    /// # Errors
    ///
    /// If the file cannot be read.
    fn read_ranges(&self, ranges: &[Range<u64>]) -> io::Result<Vec<Vec<u8>>>;

    /// Returns the length of the file and its last `most` bytes, or all if it has fewer: what opening an archive asks for first.
    /// Implement it where one request answers both, as an HTTP server does; otherwise it takes two.
    ///
    /// # Errors
    ///
    /// If the file cannot be read.
    fn read_end(&self, most: u64) -> io::Result<(u64, Vec<u8>)> {
        let len = self.len()?;
        let end = len.saturating_sub(most)..len;
        if end.is_empty() {
            return Ok((len, Vec::new()));
        }
        let missing =
            || io::Error::new(io::ErrorKind::UnexpectedEof, "expected the bytes of a range, found none");
        Ok((len, self.read_ranges(&[end])?.pop().ok_or_else(missing)?))
    }

    /// Returns what tells this version of this file from all others, such as its address with the `ETag` that the last answer had.
    /// Nothing of a file is kept on disk ([`DiskCache`](crate::DiskCache)) that does not know it.
    ///
    /// # Errors
    ///
    /// If the file cannot be reached.
    fn version(&self) -> io::Result<Option<String>> {
        Ok(None)
    }
}

impl ReadAt for Box<dyn ReadAt> {
    fn len(&self) -> io::Result<u64> {
        (**self).len()
    }

    fn read_ranges(&self, ranges: &[Range<u64>]) -> io::Result<Vec<Vec<u8>>> {
        (**self).read_ranges(ranges)
    }

    fn read_end(&self, most: u64) -> io::Result<(u64, Vec<u8>)> {
        (**self).read_end(most)
    }

    fn version(&self) -> io::Result<Option<String>> {
        (**self).version()
    }
}

/// A file that is read by range, with its end and the ranges that were read last.
pub(crate) struct RangeReader {
    source: Box<dyn ReadAt>,
    len: u64,
    tail: Vec<u8>,
    kept: CachedFile,
}

impl fmt::Debug for RangeReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RangeReader").field("len", &self.len).finish_non_exhaustive()
    }
}

impl RangeReader {
    /// Reads the end of the file, of which further ranges are kept in this cache.
    pub(crate) fn open(source: Box<dyn ReadAt>, cache: &RangeCache) -> Result<Self> {
        let (len, tail) = source.read_end(TAIL_BYTES)?;
        let start = len.saturating_sub(TAIL_BYTES);
        check_read(&(start..len), &tail)?;
        Ok(Self { source, len, tail, kept: cache.add_file() })
    }

    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// Returns the bytes of a range, which is within the file.
    pub(crate) fn get(&self, range: Range<u64>) -> Result<Cow<'_, [u8]>> {
        if let Some(bytes) = self.in_tail(&range) {
            return Ok(Cow::Borrowed(bytes));
        }
        if let Some(bytes) = self.kept.get(&range) {
            return Ok(Cow::Owned(bytes));
        }
        let bytes = self.request(std::slice::from_ref(&range))?.pop().unwrap_or_default();
        self.kept.keep_copy(range.start, &bytes);
        Ok(Cow::Owned(bytes))
    }

    /// Returns the bytes of a range, which is within the file and was not read, and keeps some bytes before it: as many as are there
    /// and there is room for.
    pub(crate) fn get_with_before(&self, range: Range<u64>, before: u64) -> Result<Cow<'_, [u8]>> {
        let start = range.start.saturating_sub(before.min(self.kept.most_bytes()));
        let whole = start..range.end;
        if let (Some(bytes), Some(_)) = (self.in_tail(&range), self.in_tail(&whole)) {
            return Ok(Cow::Borrowed(bytes));
        }
        let mut read = self.request(&[whole])?.pop().unwrap_or_default();
        let bytes = read.split_off(usize::try_from(range.start - start).expect("in memory"));
        read.shrink_to_fit();
        self.kept.keep(std::iter::once((start, read.into())));
        Ok(Cow::Owned(bytes))
    }

    /// Reads ranges, which are within the file and in ascending order, so that [`get`](Self::get) has them: with one request for
    /// those that are not there yet. Returns those that are not in the end of the file, each with where it starts.
    pub(crate) fn prefetch(&self, ranges: impl Iterator<Item = Range<u64>>) -> Result<Vec<(u64, KeptBytes)>> {
        let found = self.kept.get_all(ranges.filter(|range| self.in_tail(range).is_none()));
        let mut missing: Vec<Range<u64>> = Vec::new();
        for (range, _) in found.iter().filter(|(_, bytes)| bytes.is_none()) {
            match missing.last_mut() {
                Some(last) if range.start <= last.end + READ_BETWEEN => {
                    last.end = last.end.max(range.end);
                }
                _ => missing.push(range.clone()),
            }
        }
        let read: Vec<KeptBytes> = match missing.is_empty() {
            true => Vec::new(),
            false => self.request(&missing)?.into_iter().map(KeptBytes::from).collect(),
        };
        self.kept.keep(missing.iter().map(|range| range.start).zip(read.iter().cloned()));
        let mut missing = missing.iter().zip(read).peekable();
        let found = found.into_iter().filter_map(|(wanted, bytes)| {
            if let Some(bytes) = bytes {
                return Some((wanted.start, bytes));
            }
            while missing.next_if(|(range, _)| range.end < wanted.end).is_some() {}
            let (range, bytes) = missing.peek()?;
            let index = |place: u64| usize::try_from(place - range.start).ok();
            Some((wanted.start, bytes.part(index(wanted.start)?..index(wanted.end)?)))
        });
        Ok(found.collect())
    }

    /// Returns what [`prefetch`](Self::prefetch) would return, if it needs no request.
    pub(crate) fn kept(&self, ranges: impl Iterator<Item = Range<u64>>) -> Option<Vec<(u64, KeptBytes)>> {
        self.kept.get_if_all(ranges.filter(|range| self.in_tail(range).is_none()))
    }

    /// Returns the bytes of a range in the end of the file, or of an empty one: what needs no request. Stores refuse empty ranges.
    fn in_tail(&self, range: &Range<u64>) -> Option<&[u8]> {
        if range.is_empty() {
            return Some(&[]);
        }
        let start = self.tail_start();
        let [start, end] =
            [range.start.checked_sub(start)?, range.end.checked_sub(start)?].map(usize::try_from);
        self.tail.get(start.ok()?..end.ok()?)
    }

    fn tail_start(&self) -> u64 {
        self.len - self.tail.len() as u64
    }

    /// Reads ranges that are not in the end of the file, of which some may reach into it.
    fn request(&self, ranges: &[Range<u64>]) -> Result<Vec<Vec<u8>>> {
        let tail_start = self.tail_start();
        let before_tail: Vec<_> = ranges.iter().map(|range| range.start..range.end.min(tail_start)).collect();
        let mut read = self.request_all(&before_tail)?;
        for (range, bytes) in ranges.iter().zip(&mut read) {
            bytes.extend_from_slice(
                self.in_tail(&(tail_start..range.end.max(tail_start))).unwrap_or_default(),
            );
        }
        Ok(read)
    }

    /// Reads ranges, and checks that they are as long as they should be.
    fn request_all(&self, ranges: &[Range<u64>]) -> Result<Vec<Vec<u8>>> {
        let read = self.source.read_ranges(ranges).map_err(|error| Error::from(error).at(ranges[0].start))?;
        if read.len() != ranges.len() {
            let message = format!("expected the bytes of {} ranges, found {}", ranges.len(), read.len());
            return Err(
                Error::from(io::Error::new(io::ErrorKind::UnexpectedEof, message)).at(ranges[0].start)
            );
        }
        ranges.iter().zip(&read).try_for_each(|(range, bytes)| check_read(range, bytes))?;
        Ok(read)
    }
}

/// Checks that a range has the bytes that were asked for.
fn check_read(range: &Range<u64>, bytes: &[u8]) -> Result<()> {
    let expected = range.end - range.start;
    if bytes.len() as u64 == expected {
        return Ok(());
    }
    let message = format!(
        "expected {expected} bytes from byte {} to byte {}, found {}: the file changed, or its reader is wrong",
        range.start,
        range.end,
        bytes.len()
    );
    Err(Error::from(io::Error::new(io::ErrorKind::UnexpectedEof, message)).at(range.start))
}
