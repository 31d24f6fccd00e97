//! A file that is read by range, and whose ranges are kept on disk.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::SystemTime;

use super::folder::{CacheFolder, is_removed, open_private};
use super::ranges_list::{Found, PIECE_BYTES, RangesList};
use crate::brief_lock::lock_briefly;
use crate::owner::Owner;
use crate::ranges::ReadAt;
use crate::source::{read_exact_at, write_all_at};

/// What is known of a file before it is asked.
#[derive(Clone, Debug)]
pub(super) struct KnownFile {
    pub(super) version: String,
    pub(super) len: u64,
}

/// A file that is read by range, and whose ranges are kept on disk.
pub(crate) struct CachedReader {
    cache: Arc<CacheFolder>,
    source: Box<dyn ReadAt>,
    known: Option<KnownFile>,
    /// `None` until the version is known, and if the cache cannot be used.
    kept: Mutex<Option<Kept>>,
    /// The end of the file, if it came from the cache: before anything else is requested, it is compared with that of the file, so
    /// that bytes of two versions are never mixed.
    cached_end: OnceLock<Vec<u8>>,
    is_checked: AtomicBool,
    /// Ranges that were read of a file that is not accepted yet; `None` once it is.
    waiting: Mutex<Option<Waiting>>,
    owner: Owner,
}

/// Ranges by where they start.
type Waiting = Vec<(u64, Vec<u8>)>;

/// A file of which the version is known before it is asked, such as a shard by its manifest. Nothing is kept of it until whoever opens
/// it has seen that it is that file, and [accepts](Self::accept) it.
#[derive(Clone)]
pub struct KnownReader(Arc<CachedReader>);

impl KnownReader {
    pub(super) fn new(reader: CachedReader) -> Self {
        Self(Arc::new(reader))
    }

    /// Keeps what was read, and what is read from now on.
    pub fn accept(&self) {
        let waiting =
            lock_briefly(&self.0.waiting).and_then(|mut waiting| waiting.take()).unwrap_or_default();
        self.0.keep_now(waiting.iter().map(|(start, bytes)| (*start, &bytes[..])));
    }

    /// Forgets what the cache has of the file, which is not what it should be. Returns whether it had any.
    pub fn reject(&self) -> bool {
        if let Some(mut waiting) = lock_briefly(&self.0.waiting) {
            *waiting = Some(Vec::new());
        }
        if let Some(known) = &self.0.known {
            self.0.cache.remove(&known.version);
        }
        self.0.cached_end.get().is_some()
    }
}

impl ReadAt for KnownReader {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn version(&self) -> io::Result<Option<String>> {
        self.0.version()
    }

    fn read_ranges(&self, ranges: &[Range<u64>]) -> io::Result<Vec<Vec<u8>>> {
        self.0.read_ranges(ranges)
    }

    fn read_end(&self, most: u64) -> io::Result<(u64, Vec<u8>)> {
        self.0.read_end(most)
    }
}

/// The files of the cache for one version of a file.
struct Kept {
    data: File,
    list: RangesList,
    /// A fork shares the place in the list and its lock: it opens files of its own.
    owner: Owner,
}

impl Kept {
    fn open(cache: &CacheFolder, version: &str) -> io::Result<Self> {
        let data = open_private(&cache.path_of(version, "data"))?;
        // What was opened last stays longest.
        data.set_modified(SystemTime::now())?;
        let mut list = RangesList::new(open_private(&cache.path_of(version, "ranges"))?);
        list.update()?;
        Ok(Self { data, list, owner: Owner::current() })
    }

    /// Returns whether a file was removed, so that what is added to it is lost.
    fn is_removed(&self) -> bool {
        is_removed(&self.data) || is_removed(self.list.file())
    }

    /// Returns the bytes of a range, if they are here and whole.
    fn get(&mut self, wanted: &Range<u64>) -> Option<Vec<u8>> {
        let pieces = match self.list.find(wanted) {
            Some(pieces) => pieces,
            None if self.list.update().ok()? => self.list.find(wanted)?,
            None => return None,
        };
        let bytes = self.read(&pieces, wanted);
        if bytes.is_none() {
            self.list.forget(&pieces);
        }
        bytes
    }

    fn read(&mut self, pieces: &[Found], wanted: &Range<u64>) -> Option<Vec<u8>> {
        let len = |range: &Range<u64>| usize::try_from(range.end - range.start).ok();
        let mut bytes = Vec::with_capacity(len(wanted)?);
        let mut whole = Vec::new();
        for (range, crc) in pieces {
            let start = wanted.start + bytes.len() as u64;
            let part = start..wanted.end.min(range.end);
            let from = bytes.len();
            match crc {
                // Its checksum was right before: only what is wanted is read.
                None => {
                    bytes.resize(from + len(&part)?, 0);
                    read_exact_at(&self.data, part.start, &mut bytes[from..]).ok()?;
                }
                Some(crc) => {
                    whole.resize(len(range)?, 0);
                    read_exact_at(&self.data, range.start, &mut whole).ok()?;
                    if crc32fast::hash(&whole) != *crc {
                        return None;
                    }
                    self.list.note_checked(range.start);
                    let index = |place: u64| usize::try_from(place - range.start).ok();
                    bytes.extend(&whole[index(part.start)?..index(part.end)?]);
                }
            }
        }
        Some(bytes)
    }

    /// Keeps the bytes of ranges.
    fn keep<'b>(&mut self, ranges: impl Iterator<Item = (u64, &'b [u8])>) -> io::Result<u64> {
        let (mut pieces, mut sum) = (Vec::new(), 0);
        for (start, bytes) in ranges {
            write_all_at(&self.data, start, bytes)?;
            let starts = (start..).step_by(PIECE_BYTES);
            pieces.extend(
                starts
                    .zip(bytes.chunks(PIECE_BYTES))
                    .map(|(start, piece)| (start..start + piece.len() as u64, crc32fast::hash(piece))),
            );
            sum += bytes.len() as u64;
        }
        self.list.add(&pieces)?;
        Ok(sum)
    }
}

impl CachedReader {
    pub(super) fn new(cache: Arc<CacheFolder>, source: Box<dyn ReadAt>, known: Option<KnownFile>) -> Self {
        let is_known = known.is_some();
        Self {
            cache,
            source,
            known,
            kept: Mutex::new(None),
            cached_end: OnceLock::new(),
            is_checked: AtomicBool::new(false),
            waiting: Mutex::new(is_known.then(Vec::new)),
            owner: Owner::current(),
        }
    }

    /// Calls `work` with the files of the cache, if they can be used.
    fn with_kept<R>(&self, work: impl FnOnce(&mut Kept) -> Option<R>) -> Option<R> {
        let is_gone = |kept: &Kept| kept.is_removed() || !kept.owner.is_current();
        let mut kept = self.lock()?;
        if kept.as_ref().is_none_or(is_gone) {
            // To ask for the version may be a request, or wait for another thread.
            drop(kept);
            let version = self.version().ok()??;
            kept = self.lock()?;
            if kept.as_ref().is_none_or(is_gone) {
                *kept = Kept::open(&self.cache, &version).ok();
            }
        }
        work(kept.as_mut()?)
    }

    fn lock(&self) -> Option<MutexGuard<'_, Option<Kept>>> {
        match self.owner.is_current() {
            true => Some(self.kept.lock().unwrap_or_else(PoisonError::into_inner)),
            // It may have been locked when the process was forked.
            false => lock_briefly(&self.kept),
        }
    }

    /// Keeps ranges, at once or when the file is accepted.
    fn keep<'b>(&self, ranges: impl Iterator<Item = (u64, &'b [u8])>) {
        let Some(mut waiting) = lock_briefly(&self.waiting) else { return };
        match &mut *waiting {
            Some(waiting) => waiting.extend(ranges.map(|(start, bytes)| (start, bytes.to_vec()))),
            None => {
                drop(waiting);
                self.keep_now(ranges);
            }
        }
    }

    /// Keeps ranges. A disk that is full, or a folder that is gone, is no reason to fail.
    fn keep_now<'b>(&self, ranges: impl Iterator<Item = (u64, &'b [u8])>) {
        if let Some(added) = self.with_kept(|kept| kept.keep(ranges).ok()) {
            self.cache.note_added(added);
        }
    }
}

impl CachedReader {
    /// Checks that the file is the one whose end is in the cache. Threads that come at the same time each do: none goes on before.
    fn check_end(&self) -> io::Result<()> {
        let Some(end) = self.cached_end.get().filter(|_| !self.is_checked.load(Ordering::Acquire)) else {
            return Ok(());
        };
        let (_, found) = self.source.read_end(end.len() as u64)?;
        if found != *end {
            return Err(io::Error::new(
                io::ErrorKind::StaleNetworkFileHandle,
                "the file was replaced or changed after a part of it was read: load it again",
            ));
        }
        self.is_checked.store(true, Ordering::Release);
        Ok(())
    }
}

impl ReadAt for CachedReader {
    fn len(&self) -> io::Result<u64> {
        match &self.known {
            Some(known) => Ok(known.len),
            None => self.source.len(),
        }
    }

    fn version(&self) -> io::Result<Option<String>> {
        match &self.known {
            Some(known) => Ok(Some(known.version.clone())),
            None => self.source.version(),
        }
    }

    fn read_ranges(&self, ranges: &[Range<u64>]) -> io::Result<Vec<Vec<u8>>> {
        let mut found: Vec<Option<Vec<u8>>> = self
            .with_kept(|kept| Some(ranges.iter().map(|range| kept.get(range)).collect()))
            .unwrap_or_else(|| vec![None; ranges.len()]);
        let missing: Vec<Range<u64>> = ranges
            .iter()
            .zip(&found)
            .filter(|(_, found)| found.is_none())
            .map(|(range, _)| range.clone())
            .collect();
        if !missing.is_empty() {
            self.check_end()?;
            let read = self.source.read_ranges(&missing)?;
            let right =
                |(range, bytes): &(&Range<u64>, &Vec<u8>)| bytes.len() as u64 == range.end - range.start;
            let pairs = missing.iter().zip(&read).filter(right);
            self.keep(pairs.map(|(range, bytes)| (range.start, &bytes[..])));
            // What is too short or too few is for the caller to see.
            let mut read = read.into_iter();
            for place in found.iter_mut().filter(|place| place.is_none()) {
                *place = read.next();
            }
        }
        Ok(found.into_iter().flatten().collect())
    }

    fn read_end(&self, most: u64) -> io::Result<(u64, Vec<u8>)> {
        if let Some(KnownFile { len, .. }) = self.known {
            let end = len.saturating_sub(most)..len;
            if let Some(bytes) = self.with_kept(|kept| kept.get(&end)) {
                self.cached_end.get_or_init(|| bytes.clone());
                return Ok((len, bytes));
            }
        }
        // One request says which version it is, too.
        let (len, bytes) = self.source.read_end(most)?;
        if let Some(start) = len.checked_sub(bytes.len() as u64).filter(|_| !bytes.is_empty()) {
            self.keep(std::iter::once((start, &bytes[..])));
        }
        Ok((len, bytes))
    }
}
