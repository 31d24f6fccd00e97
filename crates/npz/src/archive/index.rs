//! An index of the members of an archive, with a few bytes per member.

use std::hash::BuildHasher;

use bitnpz_npy::{OutOfMemory, with_room};
use foldhash::fast::RandomState;
use hashbrown::HashTable;

use super::directory::Directory;
use crate::error::{Error, ErrorKind, Result};
use crate::limits::Limits;
use crate::name;
use crate::record::central_header::{self, CentralEntry};
use crate::record::{extra, local_header};
use crate::source::ByteSource;

/// Finds the entry of a member in the central directory, by number or by name.
///
/// The directory itself is only copied if the source is not in memory.
#[derive(Debug)]
pub(super) struct NameIndex {
    directory: Directory,
    /// The directory's bytes, if the source is not in memory.
    copy: Option<Vec<u8>>,
    /// The offset of each entry in the directory.
    entries: Vec<u32>,
    /// The numbers of the members, by the identity of their names.
    names: HashTable<u32>,
    /// Seeded at random, so that nobody can prepare an archive whose names collide.
    hasher: RandomState,
    /// For each member, the offset of the next member in the file; `None` if that is always the next number.
    next: Option<Vec<u64>>,
}

/// So many bytes before a large central directory are requested with it at most.
const MOST_BEFORE: u64 = 8 << 20;

impl NameIndex {
    /// Reads and checks the central directory in one pass.
    pub(super) fn read(source: &ByteSource, limits: &Limits) -> Result<Self> {
        let directory = Directory::find(source, limits)?;
        let bytes = match source {
            ByteSource::Ranges(reader) => {
                // What describes the members lies before it, and grows with it.
                let before = (directory.len / 2).min(MOST_BEFORE);
                reader.get_with_before(directory.start..directory.start + directory.len, before)?
            }
            _ => source.get(directory.start, directory.len)?,
        };
        // Allocate for no more entries than fit into the directory, whatever the end record claims.
        let max_count = bytes.len() / (central_header::LEN + 1);
        let count = usize::try_from(directory.entries).unwrap_or(usize::MAX).min(max_count);
        let mut entries = with_room(count)?;
        let mut hashes = with_room(count)?;
        let hasher = RandomState::default();
        let mut extents = Extents { end: 0, in_order: true };
        let mut position = 0;
        for number in 0..directory.entries {
            let at = directory.start + position as u64;
            let Some(entry) = CentralEntry::parse(&bytes[position..]) else {
                let message = format!("expected the entry of member {number}, found other bytes");
                return Err(Error::corrupt(message).at(at));
            };
            let name = name::decode(entry.name, entry.header.flags);
            let Some(name) = name else {
                let lossy = String::from_utf8_lossy(entry.name);
                return Err(Error::from(ErrorKind::BadName).of(&lossy).at(at));
            };
            extra::check(entry.extra, entry.name)
                .map_err(|message| Error::corrupt(message).of(&name).at(at))?;
            extents.push(&entry, &directory).map_err(|error| error.of(&name).at(at))?;
            hashes.push(hasher.hash_one(name::identity(&name)));
            entries.push(u32::try_from(position).map_err(|_| too_many(number))?);
            position += entry.len;
        }
        if position != bytes.len() {
            let error = Error::inconsistent("the central directory's size", position, bytes.len());
            return Err(error.at(directory.start));
        }
        let names = names(&hashes, &entries, &bytes, &directory)?;
        let next = if extents.in_order { None } else { Some(next_starts(&bytes, &entries, &directory)?) };
        let copy = source.bytes().is_none().then(|| bytes.into_owned());
        Ok(Self { directory, copy, entries, names, hasher, next })
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns the offset of the central directory.
    pub(super) fn start(&self) -> u64 {
        self.directory.start
    }

    /// Returns the CRC-32 of the central directory.
    pub(super) fn directory_crc32(&self, source: &ByteSource) -> u32 {
        crc32fast::hash(self.bytes(source).unwrap_or_default())
    }

    /// Returns the number of bytes before the archive that its offsets do not count.
    pub(super) fn prefix(&self) -> u64 {
        self.directory.prefix
    }

    pub(super) fn entry<'a>(&'a self, source: &'a ByteSource, number: usize) -> Option<CentralEntry<'a>> {
        let position = *self.entries.get(number)? as usize;
        CentralEntry::parse(self.bytes(source)?.get(position..)?)
    }

    /// Returns the number of the member of this name, with or without `.npy`.
    pub(super) fn find(&self, source: &ByteSource, name: &str) -> Option<usize> {
        let key = name::identity(name);
        let same = |&number: &u32| {
            let entry = self.entry(source, number as usize);
            entry.is_some_and(|entry| key_of(&entry).is_some_and(|name| name::identity(&name) == key))
        };
        self.names.find(self.hasher.hash_one(key), same).map(|&number| number as usize)
    }

    /// Returns the offset of the next member in the file, or of the central directory after the last one.
    pub(super) fn next_start(&self, source: &ByteSource, number: usize) -> u64 {
        match &self.next {
            Some(next) => next[number],
            None => self
                .entry(source, number + 1)
                .map_or(self.start(), |entry| entry.header.offset + self.prefix()),
        }
    }

    fn bytes<'a>(&'a self, source: &'a ByteSource) -> Option<&'a [u8]> {
        let start = usize::try_from(self.directory.start).ok()?;
        let len = usize::try_from(self.directory.len).ok()?;
        self.copy.as_deref().or_else(|| source.bytes()?.get(start..)?.get(..len))
    }
}

/// The number of members that are inserted into one part of the table of names: small enough that the part stays in the
/// cache.
const MEMBERS_PER_PART: usize = 8192;

/// Makes the table of members by name, and rejects duplicate names.
///
/// Members are inserted in the order of their place in the table, part by part. In the order of the directory, nearly every
/// access to a large table would miss the cache.
fn names(hashes: &[u64], entries: &[u32], bytes: &[u8], directory: &Directory) -> Result<HashTable<u32>> {
    let name = |number: u32| {
        let entry = CentralEntry::parse(&bytes[entries[number as usize] as usize..]);
        entry.as_ref().and_then(key_of).unwrap_or_default()
    };
    let mut names = HashTable::new();
    let no_memory = |_| OutOfMemory::of::<u32>(hashes.len());
    names.try_reserve(hashes.len(), |&number: &u32| hashes[number as usize]).map_err(no_memory)?;
    let parts = (hashes.len() / MEMBERS_PER_PART).next_power_of_two();
    // The low bits of a hash determine its place in the table.
    let shift = (hashes.len() * 8 / 7).next_power_of_two().ilog2().saturating_sub(parts.ilog2());
    let part =
        |hash: u64| usize::try_from((hash >> shift) % parts as u64).expect("less than the number of parts");
    let mut starts = vec![0; parts + 1];
    hashes.iter().for_each(|&hash| starts[part(hash) + 1] += 1);
    for part in 0..parts {
        starts[part + 1] += starts[part];
    }
    let mut order = with_room(hashes.len())?;
    order.resize(hashes.len(), 0);
    for (number, &hash) in (0_u32..).zip(hashes) {
        let place = &mut starts[part(hash)];
        order[*place] = number;
        *place += 1;
    }
    for number in order {
        let hash = hashes[number as usize];
        let same = |&other: &u32| {
            hashes[other as usize] == hash && name::identity(&name(other)) == name::identity(&name(number))
        };
        match names.entry(hash, same, |&other| hashes[other as usize]) {
            hashbrown::hash_table::Entry::Occupied(_) => {
                let at = directory.start + u64::from(entries[number as usize]);
                return Err(Error::from(ErrorKind::Duplicate).of(&name(number)).at(at));
            }
            hashbrown::hash_table::Entry::Vacant(slot) => slot.insert(number),
        };
    }
    Ok(names)
}

fn key_of<'a>(entry: &CentralEntry<'a>) -> Option<std::borrow::Cow<'a, str>> {
    name::decode(entry.name, entry.header.flags)
}

fn too_many(number: u64) -> Error {
    ErrorKind::Limit { limit: "members", allowed: u32::MAX.into(), found: number }.into()
}

/// Detects whether members lie in the file in the order of the directory. If they do, none overlaps another.
struct Extents {
    /// The smallest possible end of the previous member.
    end: u64,
    in_order: bool,
}

impl Extents {
    fn push(&mut self, entry: &CentralEntry<'_>, directory: &Directory) -> Result<()> {
        let (start, end) = extent(entry, directory)?;
        self.in_order &= start >= self.end;
        self.end = end;
        Ok(())
    }
}

/// Returns the offset of a member and its smallest possible end: its local header may have an extra field.
fn extent(entry: &CentralEntry<'_>, directory: &Directory) -> Result<(u64, u64)> {
    let header = &entry.header;
    let min_header_len = (local_header::LEN + entry.name.len()) as u64;
    let start = header.offset.checked_add(directory.prefix);
    let end = start.and_then(|start| start.checked_add(min_header_len)?.checked_add(header.compressed_size));
    match (start, end) {
        (Some(start), Some(end)) if end <= directory.start => Ok((start, end)),
        _ => {
            let found = format!("{} from byte {}", header.compressed_size, header.offset);
            Err(Error::inconsistent("the member's bytes", "bytes before the central directory", found))
        }
    }
}

/// Returns for each member the offset of the next one in the file, and rejects members that overlap.
fn next_starts(bytes: &[u8], entries: &[u32], directory: &Directory) -> Result<Vec<u64>> {
    let mut extents = with_room(entries.len())?;
    for (number, &position) in entries.iter().enumerate() {
        let entry = CentralEntry::parse(&bytes[position as usize..]);
        let entry = entry.ok_or_else(|| Error::corrupt("the central directory changed while it was read"))?;
        let (start, end) = extent(&entry, directory)?;
        extents.push((start, end, number));
    }
    extents.sort_unstable();
    let mut next = with_room(entries.len())?;
    next.resize(entries.len(), directory.start);
    for pair in extents.windows(2) {
        let ((_, end, number), (start, ..)) = (pair[0], pair[1]);
        if end > start {
            let expected = format!("at least {end}");
            return Err(Error::inconsistent(
                "the next member's offset",
                expected,
                "two members that share bytes",
            )
            .at(start));
        }
        next[number] = start;
    }
    Ok(next)
}
