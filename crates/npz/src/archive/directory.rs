//! Finds the central directory.

use crate::error::{Error, ErrorKind, Result};
use crate::limits::Limits;
use crate::record::end_record::{self, EndRecord, Locator};
use crate::source::ByteSource;

/// The location of the central directory.
#[derive(Debug)]
pub(super) struct Directory {
    pub(super) start: u64,
    pub(super) len: u64,
    pub(super) entries: u64,
    /// The number of bytes before the archive that its offsets do not count.
    pub(super) prefix: u64,
}

impl Directory {
    pub(super) fn find(source: &ByteSource, limits: &Limits) -> Result<Self> {
        let (end_offset, end) = find_end(source)?;
        let (end, directory_end) = match find_zip64(source, end_offset, &end)? {
            Some((zip64, offset)) => (zip64, offset),
            None => (end, end_offset),
        };
        if end.disk != 0 || end.directory_disk != 0 || end.entries_here != end.entries {
            let what = "an archive on several disks".to_owned();
            return Err(Error::from(ErrorKind::Unsupported { what }).at(end_offset));
        }
        check_limit(end.entries, "members", limits.members)?;
        check_limit(end.directory_size, "directory_bytes", limits.directory_bytes)?;
        let start = directory_end.checked_sub(end.directory_size);
        let prefix = start.and_then(|start| start.checked_sub(end.directory_offset));
        let (Some(start), Some(prefix)) = (start, prefix) else {
            let expected = format!("at most {directory_end} minus its size of {}", end.directory_size);
            let error = Error::inconsistent("the central directory's offset", expected, end.directory_offset);
            return Err(error.at(end_offset));
        };
        Ok(Self { start, len: end.directory_size, entries: end.entries, prefix })
    }
}

fn check_limit(found: u64, limit: &'static str, allowed: u64) -> Result<()> {
    if found > allowed { Err(ErrorKind::Limit { limit, allowed, found }.into()) } else { Ok(()) }
}

/// Finds the only end record whose comment ends where the archive does.
fn find_end(source: &ByteSource) -> Result<(u64, EndRecord)> {
    let tail_len = source.len().min((end_record::LEN + usize::from(u16::MAX)) as u64);
    let tail_start = source.len() - tail_len;
    let tail = source.get(tail_start, tail_len)?;
    let mut last = None;
    let mut found = None;
    for start in 0..tail.len().saturating_sub(3) {
        if !tail[start..].starts_with(b"PK\x05\x06") {
            continue;
        }
        last = Some(tail_start + start as u64);
        if let Some(record) = EndRecord::parse(&tail[start..]) {
            let offset = tail_start + start as u64;
            if let Some((first, _)) = found.replace((offset, record)) {
                let error = Error::inconsistent("the end record", format!("one, at byte {first}"), "another");
                return Err(error.at(offset));
            }
        }
    }
    match (found, last) {
        // CPython takes the last signature for the end record, whatever follows it.
        (Some((offset, _)), Some(last)) if offset != last => {
            let expected = format!("the last one of the file, found it at byte {offset}");
            Err(Error::inconsistent("the end record", expected, "the signature of another in its comment")
                .at(last))
        }
        (Some(found), _) => Ok(found),
        (None, last) => {
            let message = match last {
                _ if tail.is_empty() => "expected an end record, found an empty file",
                None => "expected an end record at the end of the file, found none",
                Some(_) => "expected the end record's comment to end the file, found other bytes after it",
            };
            Err(ErrorKind::NotZip { message }.into())
        }
    }
}

/// Finds the zip64 end record, if there is one, and its offset.
fn find_zip64(source: &ByteSource, end_offset: u64, end: &EndRecord) -> Result<Option<(EndRecord, u64)>> {
    let locator_len = end_record::LOCATOR_LEN as u64;
    let locator = match end_offset.checked_sub(locator_len) {
        Some(offset) => Locator::parse(&source.get(offset, locator_len)?).map(|locator| (offset, locator)),
        None => None,
    };
    let Some((locator_offset, locator)) = locator else {
        if end.needs_zip64() {
            let error = Error::inconsistent("the zip64 end record", "one, as the end record says", "none");
            return Err(error.at(end_offset));
        }
        return Ok(None);
    };
    if locator.disk != 0 || locator.disks > 1 {
        let what = "an archive on several disks".to_owned();
        return Err(Error::from(ErrorKind::Unsupported { what }).at(locator_offset));
    }
    // The record ends where the locator starts. Its extensible part is not supported, as nobody writes it.
    let offset = locator_offset.checked_sub(end_record::ZIP64_LEN as u64);
    let record = match offset {
        Some(offset) => EndRecord::parse_zip64(&source.get(offset, end_record::ZIP64_LEN as u64)?),
        None => None,
    };
    let (Some(offset), Some((zip64, len))) = (offset, record) else {
        let error = Error::inconsistent("the zip64 end record", "one before its locator", "other bytes");
        return Err(error.at(locator_offset));
    };
    if len != end_record::ZIP64_LEN as u64 {
        return Err(
            Error::inconsistent("the zip64 end record's length", end_record::ZIP64_LEN, len).at(offset)
        );
    }
    // The locator's offset counts from the start of the archive, which may have a prefix.
    let directory_end = zip64.directory_offset.checked_add(zip64.directory_size);
    if Some(locator.offset) != directory_end || locator.offset > offset {
        let expected = directory_end.map_or("an offset of 64 bits".to_owned(), |end| end.to_string());
        let error = Error::inconsistent("the zip64 end record's offset", expected, locator.offset);
        return Err(error.at(locator_offset));
    }
    if !end.agrees(&zip64) {
        let error = Error::inconsistent("the end record", "what the zip64 end record says", "something else");
        return Err(error.at(end_offset));
    }
    Ok(Some((zip64, offset)))
}
