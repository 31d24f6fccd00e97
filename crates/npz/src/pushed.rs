//! A file whose bytes the caller brings: for programs that must not wait, such as those with asynchronous requests.

use std::fmt;
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::range_cache::KeptRanges;
use crate::ranges::ReadAt;

/// What a [`PushedFile`] waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Needed {
    /// The length of the file, and so many bytes at its end, or all if it has fewer.
    End(u64),
    /// The bytes of these ranges, which are in ascending order and do not touch. They can be requested at the same time.
    Ranges(Vec<Range<u64>>),
}

/// A file whose bytes the caller brings: it does no input or output itself, and never waits.
///
/// A call that needs bytes which are not there fails with an error of the kind [`WouldBlock`](io::ErrorKind::WouldBlock).
/// [`needed`](Self::needed) says which; once they have been pushed, the call is repeated, from its start. Opening an archive takes
/// one or two rounds, and reading images as many, however many they are. What was pushed is kept until [`forget`](Self::forget).
///
/// ```
/// use bitnpz_npz::{Archive, Needed, OpenOptions, PushedFile};
///
/// # use std::io::Cursor;
/// # use bitnpz_npz::{WriteOptions, Writer};
/// # let mut writer = Writer::new(Cursor::new(Vec::new()), &WriteOptions::default());
/// # writer.add("a", b"some text".to_vec())?;
/// # let bytes = writer.finish()?.into_inner();
/// let file = PushedFile::default();
/// let archive = loop {
///     match Archive::open_ranges(file.clone(), &OpenOptions::default()) {
///         Ok(archive) => break archive,
///         // An asynchronous program would await a request here.
///         Err(error) => match file.needed() {
///             Some(Needed::End(most)) => {
///                 let start = bytes.len().saturating_sub(most as usize);
///                 file.push_end(bytes.len() as u64, bytes[start..].to_vec());
///             }
///             Some(Needed::Ranges(ranges)) => {
///                 for range in ranges {
///                     file.push(range.start, bytes[range.start as usize..range.end as usize].to_vec());
///                 }
///             }
///             None => return Err(error),
///         },
///     }
/// };
/// assert_eq!(archive.find("a").expect("it was added").read()?, b"some text");
/// # Ok::<(), bitnpz_npz::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct PushedFile(Arc<Mutex<Pushed>>);

/// What was pushed, and what is needed.
struct Pushed {
    /// The length of the file, and its end.
    end: Option<(u64, Vec<u8>)>,
    ranges: KeptRanges,
    /// By all calls that have failed, as those of threads that read at the same time.
    needed: Option<Needed>,
}

impl Default for Pushed {
    fn default() -> Self {
        Self { end: None, ranges: KeptRanges::new(usize::MAX), needed: None }
    }
}

/// The number of the file: there is one.
const FILE: u64 = 0;

impl fmt::Debug for PushedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PushedFile").field("needed", &self.lock().needed).finish_non_exhaustive()
    }
}

impl PushedFile {
    /// Returns what calls that have failed need; `None` if they failed for another reason, or everything has been pushed.
    #[must_use]
    pub fn needed(&self) -> Option<Needed> {
        self.lock().needed.clone()
    }

    /// Brings the length of the file and the bytes at its end.
    pub fn push_end(&self, len: u64, bytes: Vec<u8>) {
        let mut pushed = self.lock();
        pushed.end = Some((len, bytes));
        if matches!(pushed.needed, Some(Needed::End(_))) {
            pushed.needed = None;
        }
    }

    /// Brings the bytes of a range that is needed, which starts here.
    pub fn push(&self, start: u64, bytes: Vec<u8>) {
        let pushed = &mut *self.lock();
        if let Some(Needed::Ranges(ranges)) = &mut pushed.needed {
            ranges.retain(|range| range.start != start || range.end - start > bytes.len() as u64);
            if ranges.is_empty() {
                pushed.needed = None;
            }
        }
        pushed.ranges.keep(FILE, start, Arc::new(bytes));
    }

    /// Forgets the ranges that were pushed, and those that are needed: after a call that was successful. An open archive keeps what it
    /// has read last.
    pub fn forget(&self) {
        let mut pushed = self.lock();
        pushed.ranges.remove_file(FILE);
        pushed.needed = None;
    }

    fn lock(&self) -> MutexGuard<'_, Pushed> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pushed {
    /// Returns the bytes of a range; `None` if fewer have been pushed.
    fn get(&self, range: &Range<u64>) -> Option<Vec<u8>> {
        match range.is_empty() {
            true => Some(Vec::new()),
            false => self.ranges.get(FILE, range).map(|bytes| bytes.to_vec()),
        }
    }

    /// Needs ranges, besides those that are needed.
    fn need_ranges(&mut self, missing: impl Iterator<Item = Range<u64>>) -> io::Error {
        let mut ranges = match self.needed.take() {
            Some(Needed::Ranges(ranges)) => ranges,
            _ => Vec::new(),
        };
        ranges.extend(missing);
        ranges.sort_unstable_by_key(|range| range.start);
        ranges.dedup_by(|next, last| {
            let is_joined = next.start <= last.end;
            if is_joined {
                last.end = last.end.max(next.end);
            }
            is_joined
        });
        self.need(Needed::Ranges(ranges))
    }

    fn need(&mut self, needed: Needed) -> io::Error {
        self.needed = Some(needed);
        io::Error::new(
            io::ErrorKind::WouldBlock,
            "expected bytes that were pushed, found none: push what is needed",
        )
    }
}

impl ReadAt for PushedFile {
    fn len(&self) -> io::Result<u64> {
        let mut pushed = self.lock();
        let len = pushed.end.as_ref().map(|(len, _)| *len);
        len.ok_or_else(|| pushed.need(Needed::End(0)))
    }

    fn read_ranges(&self, ranges: &[Range<u64>]) -> io::Result<Vec<Vec<u8>>> {
        let mut pushed = self.lock();
        let found: Vec<_> = ranges.iter().map(|range| pushed.get(range)).collect();
        if found.iter().any(Option::is_none) {
            let missing = ranges.iter().zip(&found).filter(|(_, bytes)| bytes.is_none());
            return Err(pushed.need_ranges(missing.map(|(range, _)| range.clone())));
        }
        Ok(found.into_iter().flatten().collect())
    }

    fn read_end(&self, most: u64) -> io::Result<(u64, Vec<u8>)> {
        let mut pushed = self.lock();
        match &pushed.end {
            Some(end) => Ok(end.clone()),
            None => Err(pushed.need(Needed::End(most))),
        }
    }
}

#[cfg(test)]
#[expect(clippy::single_range_in_vec_init, reason = "one range is needed")]
mod tests {
    use super::*;

    #[test]
    fn what_one_thread_needs_is_told_whatever_others_find() {
        let file = PushedFile::default();
        assert!(file.read_end(100).is_err());
        assert_eq!(file.needed(), Some(Needed::End(100)));
        file.push_end(1000, vec![0; 100]);
        assert_eq!(file.needed(), None);
        let bytes = |range: Range<u64>| range.map(|place| place.to_le_bytes()[0]).collect::<Vec<_>>();
        let read = |ranges: &[Range<u64>]| file.read_ranges(ranges).map_err(|error| error.kind());
        file.push(50, bytes(50..60));
        assert_eq!(read(&[10..20, 50..55]), Err(io::ErrorKind::WouldBlock));
        assert_eq!(read(&[50..60]), Ok(vec![bytes(50..60)]));
        assert_eq!(file.needed(), Some(Needed::Ranges(vec![10..20])));
        // And whatever others need.
        assert_eq!(read(&[5..6, 15..30, 55..70]), Err(io::ErrorKind::WouldBlock));
        assert_eq!(file.needed(), Some(Needed::Ranges(vec![5..6, 10..30, 55..70])));
        for range in [5..6, 10..29, 55..70] {
            file.push(range.start, bytes(range));
        }
        assert_eq!(file.needed(), Some(Needed::Ranges(vec![10..30])), "too few were pushed");
        file.push(10, bytes(10..30));
        assert_eq!(file.needed(), None);
        for ranges in [[10..20, 50..55], [15..30, 56..70], [5..6, 7..7]] {
            assert_eq!(read(&ranges), Ok(ranges.clone().map(bytes).to_vec()));
        }
        assert!(read(&[80..90]).is_err() && read(&[10..20]).is_ok());
        file.forget();
        assert_eq!(file.needed(), None);
        assert!(read(&[10..20]).is_err());
    }
}
