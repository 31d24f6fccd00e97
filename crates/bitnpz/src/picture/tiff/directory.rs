//! The directories of a TIFF file: their tags and values.

use std::collections::BTreeMap;

use bitnpz_npy::with_room;

use super::super::fault::Fault;
use crate::interrupt;

/// The maximum number of directories: the pages that a TIFF file with 16-bit page numbers can have, so that a circle of
/// directories without entries ends.
const MAX_PAGES: usize = 1 << 16;
/// The length of a directory entry of a TIFF file; those of BigTIFF are longer.
const MIN_ENTRY_BYTES: usize = 12;
/// The maximum number of values of a tag: 128 MiB of memory, and one strip for each row of a very long picture.
const MAX_NUMBERS: usize = 1 << 24;

const ENDLESS: &str = "the directories of the TIFF file overlap or form a circle";

/// Returns `true` if bytes start with the signature of a TIFF or BigTIFF file.
pub(in super::super) fn is_tiff(bytes: &[u8]) -> bool {
    matches!(bytes, [b'I', b'I', 42 | 43, 0, ..] | [b'M', b'M', 0, 42 | 43, ..])
}

/// The bytes of a file and the format of its numbers.
#[derive(Clone, Copy, Debug)]
struct TiffFile<'a> {
    bytes: &'a [u8],
    is_big_endian: bool,
    is_big_tiff: bool,
}

/// The type and position of the values of a tag.
#[derive(Clone, Copy, Debug)]
struct TagEntry {
    /// The length of one value in bytes.
    size: usize,
    count: usize,
    /// The offset of the values in the file.
    start: usize,
}

/// A directory: the tags of one page.
#[derive(Debug)]
pub(super) struct TiffDirectory<'a> {
    file: TiffFile<'a>,
    entries: BTreeMap<u16, TagEntry>,
}

/// Reads all directories of a file, in order.
pub(super) fn pages(bytes: &[u8]) -> Result<Vec<TiffDirectory<'_>>, Fault> {
    let is_big_endian = bytes.first() == Some(&b'M');
    let mut file = TiffFile { bytes, is_big_endian, is_big_tiff: false };
    file.is_big_tiff = file.number(2, 2)? == 43;
    if file.is_big_tiff && file.number(4, 2)? != 8 {
        return Err("expected a BigTIFF file with offsets of 8 bytes".into());
    }
    let mut next = if file.is_big_tiff { file.number(8, 8)? } else { file.number(4, 4)? };
    let mut pages: Vec<TiffDirectory<'_>> = Vec::new();
    // The file has room for this many entries, unless directories overlap or form a circle.
    let mut entries_left = bytes.len() / MIN_ENTRY_BYTES;
    while next != 0 {
        if pages.len() == MAX_PAGES {
            return Err(ENDLESS.into());
        }
        if interrupt::check().is_err() {
            return Err("interrupted".into());
        }
        let (page, after) = file.directory(next, &mut entries_left)?;
        pages.push(page);
        next = after;
    }
    Ok(pages)
}

impl<'a> TiffFile<'a> {
    /// Returns the unsigned number of `size` bytes at an offset.
    fn number(&self, start: usize, size: usize) -> Result<u64, Fault> {
        let bytes = start.checked_add(size).and_then(|end| self.bytes.get(start..end));
        let bytes = bytes.ok_or("the TIFF file is truncated: a directory points beyond its end")?;
        let add = |number: u64, &byte: &u8| number << 8 | u64::from(byte);
        Ok(if self.is_big_endian { bytes.iter().fold(0, add) } else { bytes.iter().rev().fold(0, add) })
    }

    /// Reads the directory at an offset, and the offset of the next one.
    fn directory(self, offset: u64, entries_left: &mut usize) -> Result<(TiffDirectory<'a>, u64), Fault> {
        let start =
            usize::try_from(offset).map_err(|_| "a directory of the TIFF file lies beyond its end")?;
        let (count_size, entry_size, word) = if self.is_big_tiff { (8, 20, 8) } else { (2, 12, 4) };
        let count = self.number(start, count_size)?;
        let count = usize::try_from(count).ok().filter(|&count| count <= self.bytes.len() / entry_size);
        let count = count.ok_or("a directory of the TIFF file is longer than the file")?;
        *entries_left = entries_left.checked_sub(count).ok_or(ENDLESS)?;
        let mut entries = BTreeMap::new();
        for index in 0..count {
            let at = start + count_size + index * entry_size;
            let tag = u16::try_from(self.number(at, 2)?).unwrap_or_default();
            let size = match self.number(at + 2, 2)? {
                1 | 2 | 6 | 7 => 1,
                3 | 8 => 2,
                4 | 9 | 11 | 13 => 4,
                5 | 10 | 12 | 16..=18 => 8,
                _ => continue,
            };
            let count = usize::try_from(self.number(at + 4, word)?).unwrap_or(usize::MAX);
            let inline = at + 4 + word;
            let start = match count.checked_mul(size) {
                Some(bytes) if bytes <= word => inline,
                _ => usize::try_from(self.number(inline, word)?).unwrap_or(usize::MAX),
            };
            entries.entry(tag).or_insert(TagEntry { size, count, start });
        }
        let next = self.number(start + count_size + count * entry_size, word)?;
        Ok((TiffDirectory { file: self, entries }, next))
    }
}

impl<'a> TiffDirectory<'a> {
    /// Returns the bytes of the whole file.
    pub(super) fn bytes(&self) -> &'a [u8] {
        self.file.bytes
    }

    pub(super) fn is_big_endian(&self) -> bool {
        self.file.is_big_endian
    }

    pub(super) fn contains(&self, tag: u16) -> bool {
        self.entries.contains_key(&tag)
    }

    /// Returns the first value of a tag, or `None` if the tag is missing or damaged.
    pub(super) fn number(&self, tag: u16) -> Option<u64> {
        let entry = self.entries.get(&tag).filter(|entry| entry.count > 0)?;
        self.file.number(entry.start, entry.size).ok()
    }

    /// Returns all values of a tag; an empty list if the tag is missing.
    pub(super) fn numbers(&self, tag: u16) -> Result<Vec<u64>, Fault> {
        let Some(&TagEntry { size, count, start }) = self.entries.get(&tag) else { return Ok(Vec::new()) };
        if count > MAX_NUMBERS || count * size > self.file.bytes.len() {
            return Err(Fault::Message(format!(
                "tag {tag} of the TIFF file has {count} values, more than fit in the file or than 16,777,216"
            )));
        }
        let mut numbers = with_room(count)?;
        for index in 0..count {
            numbers.push(self.file.number(start.saturating_add(index * size), size)?);
        }
        Ok(numbers)
    }
}
