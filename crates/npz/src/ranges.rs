//! Bytes that are read by range, as from an object store: with few requests, since each takes milliseconds.

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, TryLockError};
use std::{fmt, io};

use crate::error::{Error, Result};

/// The end of the file is read at once when it is opened: it has what opening needs of all but the largest archives.
const TAIL_BYTES: u64 = 256 << 10;

/// The most bytes of ranges that are kept for further reads.
const KEPT_BYTES: usize = 32 << 20;

/// Ranges that are no further apart are read as one, with so many bytes between them at most.
pub const READ_BETWEEN: u64 = 4 << 10;

/// So many ranges that are gone are left in the order of reading, besides as many as are there.
const MOST_GONE: usize = 64;

/// So often it is tried to lock the ranges that are kept: they are locked for microseconds.
const MOST_ATTEMPTS: usize = 10_000;

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
}

/// A file that is read by range, with its end and the ranges that were read last.
pub(crate) struct RangeReader {
    source: Box<dyn ReadAt>,
    len: u64,
    tail: Vec<u8>,
    kept: Mutex<KeptRanges>,
}

impl fmt::Debug for RangeReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RangeReader").field("len", &self.len).finish_non_exhaustive()
    }
}

impl RangeReader {
    /// Reads the end of the file.
    pub(crate) fn open(source: Box<dyn ReadAt>) -> Result<Self> {
        let (len, tail) = source.read_end(TAIL_BYTES)?;
        let start = len.saturating_sub(TAIL_BYTES);
        check_read(&(start..len), &tail)?;
        Ok(Self { source, len, tail, kept: Mutex::default() })
    }

    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// Returns the bytes of a range, which is within the file.
    pub(crate) fn get(&self, range: Range<u64>) -> Result<Cow<'_, [u8]>> {
        if let Some(bytes) = self.in_tail(&range) {
            return Ok(Cow::Borrowed(bytes));
        }
        if let Some(bytes) = self.kept().and_then(|kept| kept.get(&range).map(<[u8]>::to_vec)) {
            return Ok(Cow::Owned(bytes));
        }
        let bytes = self.request(std::slice::from_ref(&range))?.pop().unwrap_or_default();
        if bytes.len() <= KEPT_BYTES {
            self.keep(std::slice::from_ref(&range), [bytes.clone()]);
        }
        Ok(Cow::Owned(bytes))
    }

    /// Reads ranges, which are within the file and in ascending order, so that [`get`](Self::get) has them: with one request for
    /// those that are not there yet.
    pub(crate) fn prefetch(&self, ranges: impl Iterator<Item = Range<u64>>) -> Result<()> {
        let mut wanted: Vec<Range<u64>> = Vec::new();
        {
            let kept = self.kept();
            let is_there = |range: &Range<u64>| {
                self.in_tail(range).is_some() || kept.as_ref().is_some_and(|kept| kept.get(range).is_some())
            };
            for range in ranges.filter(|range| !is_there(range)) {
                match wanted.last_mut() {
                    Some(last) if range.start <= last.end + READ_BETWEEN => {
                        last.end = last.end.max(range.end);
                    }
                    _ => wanted.push(range),
                }
            }
        }
        if wanted.is_empty() {
            return Ok(());
        }
        self.keep(&wanted, self.request(&wanted)?);
        Ok(())
    }

    fn keep(&self, ranges: &[Range<u64>], read: impl IntoIterator<Item = Vec<u8>>) {
        let Some(mut kept) = self.kept() else { return };
        ranges.iter().zip(read).for_each(|(range, bytes)| kept.keep(range.start, bytes));
    }

    /// Returns the ranges that were read last; nothing if they stay locked, as in a process that was forked while a thread used
    /// them.
    fn kept(&self) -> Option<MutexGuard<'_, KeptRanges>> {
        for _ in 0..MOST_ATTEMPTS {
            match self.kept.try_lock() {
                Ok(kept) => return Some(kept),
                Err(TryLockError::Poisoned(kept)) => return Some(kept.into_inner()),
                Err(TryLockError::WouldBlock) => std::thread::yield_now(),
            }
        }
        None
    }

    fn in_tail(&self, range: &Range<u64>) -> Option<&[u8]> {
        let start = self.len - self.tail.len() as u64;
        let [start, end] =
            [range.start.checked_sub(start)?, range.end.checked_sub(start)?].map(usize::try_from);
        self.tail.get(start.ok()?..end.ok()?)
    }

    /// Reads ranges, and checks that they are as long as they should be.
    fn request(&self, ranges: &[Range<u64>]) -> Result<Vec<Vec<u8>>> {
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

/// The ranges that were read last. None is a part of another, so that those that start later end later.
#[derive(Default)]
struct KeptRanges {
    /// By where they start, each with its number in the order of reading.
    ranges: BTreeMap<u64, (u64, Vec<u8>)>,
    /// Their numbers and where they start, in the order of reading, and those of some that are gone.
    order: VecDeque<(u64, u64)>,
    bytes: usize,
    /// The number of the next.
    next: u64,
}

impl KeptRanges {
    /// Returns the bytes of a range that is a part of one that was read.
    fn get(&self, range: &Range<u64>) -> Option<&[u8]> {
        let (start, (_, bytes)) = self.ranges.range(..=range.start).next_back()?;
        let [start, end] = [range.start - start, range.end - start].map(usize::try_from);
        bytes.get(start.ok()?..end.ok()?)
    }

    /// Keeps a range, and as many of those before it as there is room for.
    fn keep(&mut self, start: u64, bytes: Vec<u8>) {
        let range = start..start + bytes.len() as u64;
        if bytes.len() > KEPT_BYTES || self.get(&range).is_some() {
            return;
        }
        // What is a part of it is kept with it.
        let starts: Vec<u64> = self.ranges.range(range.clone()).map(|(start, _)| *start).collect();
        for start in starts {
            let is_part =
                self.ranges.get(&start).is_some_and(|(_, bytes)| start + bytes.len() as u64 <= range.end);
            if is_part {
                self.remove(start);
            }
        }
        self.bytes += bytes.len();
        self.ranges.insert(start, (self.next, bytes));
        self.order.push_back((self.next, start));
        self.next += 1;
        while self.bytes > KEPT_BYTES {
            let (number, start) = self.order.pop_front().expect("ranges that are counted");
            if self.ranges.get(&start).is_some_and(|(other, _)| *other == number) {
                self.remove(start);
            }
        }
        if self.order.len() > 2 * self.ranges.len() + MOST_GONE {
            self.order
                .retain(|(number, start)| self.ranges.get(start).is_some_and(|(other, _)| other == number));
        }
    }

    fn remove(&mut self, start: u64) {
        self.bytes -= self.ranges.remove(&start).map_or(0, |(_, bytes)| bytes.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(range: Range<u64>) -> Vec<u8> {
        range.map(|place| place.to_le_bytes()[0]).collect()
    }

    #[test]
    fn long_ranges_are_found_among_short_ones() {
        let mut kept = KeptRanges::default();
        for start in (0..2000).step_by(20) {
            kept.keep(start, bytes(start..start + 10));
        }
        kept.keep(5, bytes(5..1500));
        assert_eq!(kept.get(&(600..1400)), Some(&bytes(600..1400)[..]));
        assert_eq!(kept.get(&(0..10)), Some(&bytes(0..10)[..]));
        assert_eq!(kept.get(&(1512..1515)), None);
        kept.keep(700, bytes(700..800));
        kept.keep(1490, bytes(1490..1600));
        assert_eq!(kept.get(&(1495..1600)), Some(&bytes(1495..1600)[..]));
        assert_eq!(kept.get(&(600..1400)), Some(&bytes(600..1400)[..]));
        let sum: usize = kept.ranges.values().map(|(_, bytes)| bytes.len()).sum();
        assert_eq!(kept.bytes, sum);
    }

    #[test]
    fn what_was_read_first_is_dropped_first() {
        let mut kept = KeptRanges::default();
        let most = KEPT_BYTES as u64;
        kept.keep(0, vec![1; 100]);
        kept.keep(200, vec![2; KEPT_BYTES - 150]);
        assert!(kept.get(&(0..100)).is_none() || kept.bytes <= KEPT_BYTES);
        kept.keep(2 * most, vec![3; KEPT_BYTES]);
        assert_eq!((kept.ranges.len(), kept.bytes), (1, KEPT_BYTES));
        kept.keep(0, vec![4; KEPT_BYTES + 1]);
        assert_eq!(kept.ranges.len(), 1, "too long");
        for start in 0..10_000 {
            kept.keep(start, vec![5; 2]);
        }
        assert!(kept.order.len() <= 2 * kept.ranges.len() + MOST_GONE + 1);
        assert!(kept.bytes <= KEPT_BYTES && kept.get(&(9_999..10_001)).is_some());
    }
}
