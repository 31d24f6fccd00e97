//! A file whose bytes the caller brings: for programs that must not wait, such as those with asynchronous requests.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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
#[derive(Default)]
struct Pushed {
    /// The length of the file, and its end.
    end: Option<(u64, Vec<u8>)>,
    /// The bytes of ranges, by where they start.
    ranges: BTreeMap<u64, Vec<u8>>,
    needed: Option<Needed>,
}

impl fmt::Debug for PushedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PushedFile").field("needed", &self.lock().needed).finish_non_exhaustive()
    }
}

impl PushedFile {
    /// Returns what the call that failed last needs; `None` if it failed for another reason, or everything has been pushed.
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
        pushed.ranges.insert(start, bytes);
    }

    /// Forgets the ranges that were pushed: after a call that was successful. An open archive keeps what it has read last.
    pub fn forget(&self) {
        self.lock().ranges.clear();
    }

    fn lock(&self) -> MutexGuard<'_, Pushed> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pushed {
    /// Returns the bytes of a range; `None` if fewer have been pushed.
    fn get(&self, range: &Range<u64>) -> Option<&[u8]> {
        let len = usize::try_from(range.end - range.start).ok()?;
        self.ranges.get(&range.start)?.get(..len)
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
        let is_missing = |range: &&Range<u64>| pushed.get(range).is_none();
        let missing: Vec<_> = ranges.iter().filter(is_missing).cloned().collect();
        if !missing.is_empty() {
            return Err(pushed.need(Needed::Ranges(missing)));
        }
        pushed.needed = None;
        Ok(ranges.iter().filter_map(|range| pushed.get(range).map(<[u8]>::to_vec)).collect())
    }

    fn read_end(&self, most: u64) -> io::Result<(u64, Vec<u8>)> {
        let mut pushed = self.lock();
        match &pushed.end {
            Some(end) => Ok(end.clone()),
            None => Err(pushed.need(Needed::End(most))),
        }
    }
}
