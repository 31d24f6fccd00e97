//! The list of the ranges that a cache on disk has of a file.

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::thread;
use std::time::Duration;

/// Longer ranges are listed in pieces, so that reading a part of one reads little more.
pub(super) const PIECE_BYTES: usize = 64 << 10;

/// A record has where a range starts and ends, the CRC-32 of its bytes, and the CRC-32 of these three: little-endian.
const RECORD_BYTES: usize = 24;

/// So often it is tried to lock the list, which others lock for moments, a millisecond apart.
const MOST_ATTEMPTS: usize = 100;

/// The list, and how much of it was read.
#[derive(Debug)]
pub(super) struct RangesList {
    file: File,
    read: u64,
    /// The ranges by where they start. One can be a part of another: it was read again when bytes of the longer one were damaged, or
    /// by a process that did not know of that.
    ranges: BTreeMap<u64, Entry>,
}

/// Where a range ends, the checksum of its bytes, and whether this process has compared it.
#[derive(Clone, Copy, Debug)]
struct Entry {
    end: u64,
    crc: u32,
    is_checked: bool,
}

/// A range that is listed, with its checksum.
pub(super) type Listed = (Range<u64>, u32);

/// A range that was found, with its checksum, or none if this process has compared it.
pub(super) type Found = (Range<u64>, Option<u32>);

impl RangesList {
    pub(super) fn new(file: File) -> Self {
        Self { file, read: 0, ranges: BTreeMap::new() }
    }

    /// Returns the ranges that a range consists of together; `None` if a part is not there.
    pub(super) fn find(&self, wanted: &Range<u64>) -> Option<Vec<Found>> {
        let (mut found, mut place) = (Vec::new(), wanted.start);
        while place < wanted.end {
            // None that starts before has this place.
            let first = (place + 1).saturating_sub(PIECE_BYTES as u64);
            let mut near = self.ranges.range(first..=place).rev();
            let (&start, &Entry { end, crc, is_checked }) = near.find(|(_, entry)| entry.end > place)?;
            found.push((start..end, (!is_checked).then_some(crc)));
            place = end;
        }
        Some(found)
    }

    /// Notes that the bytes of a range have the right checksum.
    pub(super) fn note_checked(&mut self, start: u64) {
        if let Some(entry) = self.ranges.get_mut(&start) {
            entry.is_checked = true;
        }
    }

    /// Reads what other processes have added, and returns whether there is any.
    pub(super) fn update(&mut self) -> io::Result<bool> {
        let len = self.file.metadata()?.len();
        if len < self.read + RECORD_BYTES as u64 {
            return Ok(false);
        }
        self.file.seek(SeekFrom::Start(self.read))?;
        let mut records = Vec::new();
        (&self.file).take(len - self.read).read_to_end(&mut records)?;
        for record in records.chunks_exact(RECORD_BYTES) {
            self.read += RECORD_BYTES as u64;
            if let Some((range, crc)) = parse(record) {
                self.insert(range, crc);
            }
        }
        Ok(true)
    }

    /// Adds ranges whose bytes are written.
    pub(super) fn add(&mut self, ranges: &[Listed]) -> io::Result<()> {
        let mut records = Vec::with_capacity(ranges.len() * RECORD_BYTES);
        for (range, crc) in ranges {
            let start = records.len();
            records.extend(range.start.to_le_bytes());
            records.extend(range.end.to_le_bytes());
            records.extend(crc.to_le_bytes());
            records.extend(crc32fast::hash(&records[start..]).to_le_bytes());
        }
        // One that was stopped while it added stops nobody else: these ranges are not kept then.
        if !is_locked(&self.file)? {
            return Ok(());
        }
        let added = self.append(&records);
        self.file.unlock()?;
        added?;
        ranges.iter().for_each(|(range, crc)| self.insert(range.clone(), *crc));
        Ok(())
    }

    fn append(&mut self, records: &[u8]) -> io::Result<()> {
        // A process that was killed may have left a part of a record.
        let len = self.file.metadata()?.len() / RECORD_BYTES as u64 * RECORD_BYTES as u64;
        self.file.seek(SeekFrom::Start(len))?;
        self.file.write_all(records)
    }

    /// Forgets ranges whose bytes are not what they should be.
    pub(super) fn forget(&mut self, ranges: &[Found]) {
        for (range, _) in ranges {
            self.ranges.remove(&range.start);
        }
    }

    fn insert(&mut self, range: Range<u64>, crc: u32) {
        // Of two records of a range the later is of what was written last.
        let stays = |entry: &Entry| entry.end > range.end || (entry.end == range.end && entry.crc == crc);
        if !self.ranges.get(&range.start).is_some_and(stays) {
            self.ranges.insert(range.start, Entry { end: range.end, crc, is_checked: false });
        }
    }

    pub(super) fn file(&self) -> &File {
        &self.file
    }
}

/// Returns the range of a record; `None` if it is damaged.
fn parse(record: &[u8]) -> Option<Listed> {
    let number = |at: usize| Some(u64::from_le_bytes(record.get(at..at + 8)?.try_into().ok()?));
    let checksum = |at: usize| Some(u32::from_le_bytes(record.get(at..at + 4)?.try_into().ok()?));
    let (start, end) = (number(0)?, number(8)?);
    let is_piece = start < end && end - start <= PIECE_BYTES as u64;
    (checksum(20)? == crc32fast::hash(&record[..20]) && is_piece).then_some((start..end, checksum(16)?))
}

/// Locks a file that others lock for moments, and returns whether it is locked.
fn is_locked(file: &File) -> io::Result<bool> {
    for _ in 0..MOST_ATTEMPTS {
        match file.try_lock() {
            Ok(()) => return Ok(true),
            Err(TryLockError::Error(error)) if error.kind() != io::ErrorKind::Interrupted => {
                return Err(error);
            }
            Err(_) => thread::sleep(Duration::from_millis(1)),
        }
    }
    Ok(false)
}
