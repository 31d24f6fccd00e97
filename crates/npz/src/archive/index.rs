//! The members of an archive, in a few bytes each.

use std::hash::BuildHasher;

use bitnpz_npy::{OutOfMemory, with_room};
use foldhash::fast::RandomState;
use hashbrown::HashTable;

use super::directory::Directory;
use crate::error::{Error, ErrorKind, Result};
use crate::limits::Limits;
use crate::name;
use crate::record::central_header::{self, CentralEntry};
use crate::record::{extra, flags, local_header};
use crate::source::ByteSource;

/// Where each member's entry starts in the central directory, in order and by name.
///
/// The directory itself stays where it is, if that is in memory.
#[derive(Debug)]
pub(super) struct NameIndex {
    directory: Directory,
    /// The directory's bytes, if the source is not in memory.
    held: Option<Vec<u8>>,
    /// Where each entry starts.
    entries: Vec<u32>,
    /// The numbers of members, by what tells their names apart.
    names: HashTable<u32>,
    /// Seeded at random, so that no archive can be made for its names to collide.
    hasher: RandomState,
    /// For each member where the next one in the file starts; not kept if that is the next number.
    next: Option<Vec<u64>>,
}

impl NameIndex {
    /// Reads and checks the central directory, in one pass.
    pub(super) fn read(source: &ByteSource, limits: &Limits) -> Result<Self> {
        let directory = Directory::find(source, limits)?;
        let bytes = source.get(directory.start, directory.len)?;
        // No more entries than have room, whatever the end record says.
        let room = bytes.len() / (central_header::LEN + 1);
        let count = usize::try_from(directory.entries).unwrap_or(usize::MAX);
        let mut entries = with_room(count.min(room))?;
        let mut hashes = with_room(count.min(room))?;
        let hasher = RandomState::default();
        let mut extents = Extents { end: 0, in_order: true };
        let mut position = 0;
        for number in 0..directory.entries {
            let at = directory.start + position as u64;
            let Some(entry) = CentralEntry::parse(&bytes[position..]) else {
                let message = format!("expected the entry of member {number}, found other bytes");
                return Err(Error::corrupt(message).at(at));
            };
            let name = name::decode(entry.name, entry.header.flags & flags::UTF8 != 0);
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
        let held = source.bytes().is_none().then(|| bytes.into_owned());
        Ok(Self { directory, held, entries, names, hasher, next })
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Where the central directory starts.
    pub(super) fn start(&self) -> u64 {
        self.directory.start
    }

    /// The CRC-32 of the central directory.
    pub(super) fn directory_crc32(&self, source: &ByteSource) -> u32 {
        crc32fast::hash(self.bytes(source).unwrap_or_default())
    }

    /// The bytes before the archive that its offsets do not count.
    pub(super) fn prefix(&self) -> u64 {
        self.directory.prefix
    }

    pub(super) fn entry<'a>(&'a self, source: &'a ByteSource, number: usize) -> Option<CentralEntry<'a>> {
        let position = *self.entries.get(number)? as usize;
        CentralEntry::parse(self.bytes(source)?.get(position..)?)
    }

    /// The number of the member of this name, with or without `.npy`.
    pub(super) fn find(&self, source: &ByteSource, name: &str) -> Option<usize> {
        let key = name::identity(name);
        let same = |&number: &u32| {
            let entry = self.entry(source, number as usize);
            entry.is_some_and(|entry| key_of(&entry).is_some_and(|name| name::identity(&name) == key))
        };
        self.names.find(self.hasher.hash_one(key), same).map(|&number| number as usize)
    }

    /// Where the next member in the file starts, or the central directory.
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
        self.held.as_deref().or_else(|| source.bytes()?.get(start..)?.get(..len))
    }
}

/// How many members come together into the table of names.
const MEMBERS_PER_PART: usize = 8192;

/// The numbers of members by their names, none of which may come twice.
///
/// Members go in by the place that their hashes give them, so that of a large table one part after another is
/// filled: in the order of the directory nearly every access would be to memory that no cache has.
fn names(hashes: &[u64], entries: &[u32], bytes: &[u8], directory: &Directory) -> Result<HashTable<u32>> {
    let name = |number: u32| {
        let entry = CentralEntry::parse(&bytes[entries[number as usize] as usize..]);
        entry.as_ref().and_then(key_of).unwrap_or_default()
    };
    let mut names = HashTable::new();
    let no_memory = |_| OutOfMemory::of::<u32>(hashes.len());
    names.try_reserve(hashes.len(), |&number: &u32| hashes[number as usize]).map_err(no_memory)?;
    let parts = (hashes.len() / MEMBERS_PER_PART).next_power_of_two();
    // A place in the table is the low bits of a hash.
    let shift = (hashes.len() * 8 / 7).next_power_of_two().ilog2().saturating_sub(parts.ilog2());
    let part =
        |hash: u64| usize::try_from((hash >> shift) % parts as u64).expect("fewer than there are parts");
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
    name::decode(entry.name, entry.header.flags & flags::UTF8 != 0)
}

fn too_many(number: u64) -> Error {
    ErrorKind::Limit { limit: "members", allowed: u32::MAX.into(), found: number }.into()
}

/// Whether members come in the order of the directory, so that none can overlap another.
struct Extents {
    /// The end, at the least, of the member before.
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

/// Where a member starts, and the least place where it can end: its local header may be longer.
fn extent(entry: &CentralEntry<'_>, directory: &Directory) -> Result<(u64, u64)> {
    let header = &entry.header;
    let least = (local_header::LEN + entry.name.len()) as u64;
    let start = header.offset.checked_add(directory.prefix);
    let end = start.and_then(|start| start.checked_add(least)?.checked_add(header.compressed_size));
    match (start, end) {
        (Some(start), Some(end)) if end <= directory.start => Ok((start, end)),
        _ => {
            let found = format!("{} from byte {}", header.compressed_size, header.offset);
            Err(Error::inconsistent("the member's bytes", "some before the central directory", found))
        }
    }
}

/// For each member where the next one in the file starts, if no two share a byte.
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
            let expected = format!("none before byte {end}");
            return Err(Error::inconsistent("members that share bytes", expected, "another member").at(start));
        }
        next[number] = start;
    }
    Ok(next)
}
