//! The directories of a TIFF file: tags and their numbers.

use std::collections::BTreeMap;

use bitnpz_npy::with_room;

use super::super::fault::Fault;
use crate::interrupt;

/// At most so many directories are read.
const PAGES: usize = 1 << 16;
/// The least bytes of an entry of a directory.
const ENTRY: usize = 12;
/// At most so many numbers of one tag.
const NUMBERS: usize = 1 << 24;

const ENDLESS: &str = "the directories of this TIFF file have no end";

/// Whether bytes begin as those of a TIFF or a BigTIFF file.
pub(in super::super) fn is_tiff(bytes: &[u8]) -> bool {
    matches!(bytes, [b'I', b'I', 42 | 43, 0, ..] | [b'M', b'M', 0, 42 | 43, ..])
}

/// The bytes of a file, how its numbers are written, and whether it is a BigTIFF.
#[derive(Clone, Copy, Debug)]
struct File<'a> {
    bytes: &'a [u8],
    is_big_endian: bool,
    is_big_tiff: bool,
}

/// Where the values of a tag lie.
#[derive(Clone, Copy, Debug)]
struct Entry {
    /// The bytes of one value.
    size: usize,
    count: usize,
    start: usize,
}

/// One directory.
#[derive(Debug)]
pub(super) struct Directory<'a> {
    file: File<'a>,
    entries: BTreeMap<u16, Entry>,
}

/// Reads all directories, one after the other.
pub(super) fn pages(bytes: &[u8]) -> Result<Vec<Directory<'_>>, Fault> {
    let is_big_endian = bytes.first() == Some(&b'M');
    let mut file = File { bytes, is_big_endian, is_big_tiff: false };
    file.is_big_tiff = file.number(2, 2)? == 43;
    if file.is_big_tiff && file.number(4, 2)? != 8 {
        return Err("expected a BigTIFF file of offsets of 8 bytes".into());
    }
    let mut next = if file.is_big_tiff { file.number(8, 8)? } else { file.number(4, 4)? };
    let mut pages: Vec<Directory<'_>> = Vec::new();
    // Each entry has bytes of its own, unless directories overlap or go in a circle.
    let mut entries_left = bytes.len() / ENTRY;
    while next != 0 {
        if pages.len() == PAGES {
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

impl<'a> File<'a> {
    /// The number of so many bytes at a place.
    fn number(&self, start: usize, size: usize) -> Result<u64, Fault> {
        let bytes = start.checked_add(size).and_then(|end| self.bytes.get(start..end));
        let bytes = bytes.ok_or("the TIFF file is cut off: a directory leads beyond its end")?;
        let add = |number: u64, &byte: &u8| number << 8 | u64::from(byte);
        Ok(if self.is_big_endian { bytes.iter().fold(0, add) } else { bytes.iter().rev().fold(0, add) })
    }

    /// The directory at a place, and the place of the next.
    fn directory(self, place: u64, entries_left: &mut usize) -> Result<(Directory<'a>, u64), Fault> {
        let start = usize::try_from(place).map_err(|_| "a directory lies beyond the end of the TIFF file")?;
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
            entries.entry(tag).or_insert(Entry { size, count, start });
        }
        let next = self.number(start + count_size + count * entry_size, word)?;
        Ok((Directory { file: self, entries }, next))
    }
}

impl<'a> Directory<'a> {
    /// The bytes of the whole file.
    pub(super) fn bytes(&self) -> &'a [u8] {
        self.file.bytes
    }

    pub(super) fn is_big_endian(&self) -> bool {
        self.file.is_big_endian
    }

    pub(super) fn contains(&self, tag: u16) -> bool {
        self.entries.contains_key(&tag)
    }

    /// The first number of a tag, if it is there.
    pub(super) fn number(&self, tag: u16) -> Option<u64> {
        let entry = self.entries.get(&tag).filter(|entry| entry.count > 0)?;
        self.file.number(entry.start, entry.size).ok()
    }

    /// All numbers of a tag; none if it is not there.
    pub(super) fn numbers(&self, tag: u16) -> Result<Vec<u64>, Fault> {
        let Some(&Entry { size, count, start }) = self.entries.get(&tag) else { return Ok(Vec::new()) };
        if count > NUMBERS || count * size > self.file.bytes.len() {
            return Err(Fault::Message(format!(
                "tag {tag} of the TIFF file has {count} values, more than it can have"
            )));
        }
        let mut numbers = with_room(count)?;
        for index in 0..count {
            numbers.push(self.file.number(start.saturating_add(index * size), size)?);
        }
        Ok(numbers)
    }
}
