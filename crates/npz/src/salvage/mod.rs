//! Copies members out of a damaged archive, with or without its central directory.

mod candidate;
mod search;

use std::io::Write;
use std::path::Path;

use bitnpz_npy::zeros;
use candidate::{Attempt, Candidate};
use search::Search;

use crate::error::{ErrorKind, Result};
use crate::limits::Limits;
use crate::method::Method;
use crate::record::extra;
use crate::source::ByteSource;
use crate::writer::Writer;

/// So many bytes are read at a time to see whether the disk gives them.
const READ_BYTES: usize = 1 << 20;

/// What became of the members of a damaged archive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Salvaged {
    /// The names of the members that are lost, each with the reason.
    pub gone: Vec<(String, String)>,
    /// The names of copied members whose two headers have different names, each with the other name. One of the two headers
    /// is damaged; the copy has both names.
    pub renamed: Vec<(String, String)>,
    /// The names, by either header, of damaged stored members that were copied as they are.
    pub changed: Vec<String>,
    /// The numbers of the members in the new archive, in the order of the damaged one's central directory. Members that it
    /// does not list come last.
    pub listed: Vec<usize>,
}

/// Copies every intact member of a damaged archive into another archive.
///
/// Members are found by their local headers and by the remains of the central directory. A member is intact if its bytes have
/// the size and the CRC of one of its headers. A stored member that is not is copied as well, with a new CRC, if `is_of_use`
/// says so of its name. Of a file that ends before its central directory nobody knows how many members it had: that is among
/// what is gone.
///
/// # Errors
///
/// If the file cannot be read, writing fails, or the search takes too long.
///
/// ```
/// use std::io::Cursor;
/// use bitnpz_npz::{Archive, Limits, WriteOptions, Writer, salvage};
///
/// let mut writer = Writer::new(Cursor::new(Vec::new()), &WriteOptions::default());
/// writer.add("a", b"first".to_vec())?;
/// writer.add("b", b"second".to_vec())?;
/// let bytes = writer.finish()?.into_inner();
/// let file = tempfile::NamedTempFile::new()?;
/// std::fs::write(file.path(), &bytes[..bytes.len() - 50])?;
/// assert!(Archive::open(file.path()).is_err());
///
/// let mut writer = Writer::new(Cursor::new(Vec::new()), &WriteOptions::default());
/// let salvaged = salvage(file.path(), &mut writer, &Limits::default(), |_| false)?;
/// assert!(salvaged.gone.is_empty());
/// let archive = Archive::from_bytes(writer.finish()?.into_inner())?;
/// assert_eq!(archive.find("b").expect("it is intact").read()?, b"second");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn salvage<W: Write>(
    path: impl AsRef<Path>,
    writer: &mut Writer<W>,
    limits: &Limits,
    is_of_use: impl Fn(&str) -> bool,
) -> Result<Salvaged> {
    check_readable(path.as_ref())?;
    let source = ByteSource::map(path.as_ref())?;
    let bytes = source.bytes().unwrap_or_default();
    let mut search = Search::new(bytes, limits.clone());
    let mut copier = Copier { bytes, writer, salvaged: Salvaged::default(), listed: Vec::new() };
    let candidates = search.candidates()?;
    let starts: Vec<usize> = candidates.keys().copied().collect();
    let is_cut_off = candidates.values().all(|candidate| candidate.central.is_none());
    // The end of the last intact member, and the end of all bytes that are accounted for.
    let (mut intact_end, mut known_end) = (0, 0);
    for (number, (start, candidate)) in candidates.into_iter().enumerate() {
        if start < intact_end {
            continue;
        }
        copier.note_unknown(known_end, start);
        let next = starts.get(number + 1).copied().unwrap_or_else(|| search.directory_start(start));
        known_end = next;
        let names = candidate.names();
        let attempts = candidate.attempts(start, next);
        let recovery = match search.first_intact(&attempts)? {
            Some(attempt) => {
                (intact_end, known_end) = (attempt.end(), attempt.end());
                Recovery::Intact(attempt)
            }
            None if names.iter().any(|name| is_of_use(name)) => {
                let mut stored = attempts.iter().filter(|attempt| attempt.is_stored());
                stored.find_map(|attempt| attempt.data(bytes)).map_or(Recovery::Lost, Recovery::Damaged)
            }
            None => Recovery::Lost,
        };
        copier.copy(&candidate, names, &recovery)?;
    }
    copier.note_unknown(known_end, search.directory_start(known_end));
    if is_cut_off {
        let why =
            "expected the central directory after the members, found the end: there may have been others";
        copier.salvaged.gone.push((format!("bytes {} and later", bytes.len()), why.to_owned()));
    }
    Ok(copier.finish())
}

/// Reads a file to its end: where a disk fails, a read is an error, but the system ends a process that has mapped the file.
fn check_readable(path: &Path) -> Result<()> {
    let source = ByteSource::open(path)?;
    let mut buffer = zeros(READ_BYTES)?;
    let mut start = 0;
    while start < source.len() {
        let piece = &mut buffer
            [..usize::try_from(source.len() - start).map_or(READ_BYTES, |left| left.min(READ_BYTES))];
        source.read_exact_at(start, piece)?;
        start += piece.len() as u64;
    }
    Ok(())
}

/// What can be recovered of a member.
enum Recovery<'a> {
    /// All of it.
    Intact(Attempt),
    /// The bytes of a damaged stored member.
    Damaged(&'a [u8]),
    /// Nothing.
    Lost,
}

/// Copies members from the damaged archive to the new one, and keeps the report.
struct Copier<'a, W> {
    bytes: &'a [u8],
    writer: &'a mut Writer<W>,
    salvaged: Salvaged,
    /// The numbers of copied members, each with the offset of its entry in the damaged directory.
    listed: Vec<(usize, usize)>,
}

impl<W: Write> Copier<'_, W> {
    fn copy(&mut self, candidate: &Candidate, names: [String; 2], recovery: &Recovery<'_>) -> Result<()> {
        let first = self.writer.len();
        match recovery {
            Recovery::Intact(attempt) => {
                let data = attempt.data(self.bytes).unwrap_or_default();
                self.write(names, attempt.method, attempt.size, attempt.crc32, data)?;
            }
            Recovery::Damaged(data) => {
                self.salvaged.changed.extend(names.clone());
                self.write(names, Method::STORED, data.len() as u64, crc32fast::hash(data), data)?;
            }
            Recovery::Lost => {
                let [name, _] = names;
                let why = "expected the size and CRC that its headers say, found other bytes";
                self.salvaged.gone.push((name, why.to_owned()));
            }
        }
        self.listed.extend((first..self.writer.len()).map(|member| (candidate.entry(), member)));
        Ok(())
    }

    /// Writes a member under both of its names, so that it is found by either.
    fn write(
        &mut self,
        [name, other]: [String; 2],
        method: Method,
        size: u64,
        crc32: u32,
        data: &[u8],
    ) -> Result<()> {
        let mut add = |name: &str| match self.writer.add_raw(name, method, size, crc32, data) {
            Err(error) if matches!(error.kind(), ErrorKind::Duplicate | ErrorKind::BadName) => {
                Ok(Some(error.to_string()))
            }
            added => added.map(|()| None),
        };
        if let Some(why) = add(&name)? {
            self.salvaged.gone.push((name.clone(), why));
        }
        if other != name {
            add(&other)?;
            self.salvaged.renamed.push((name, other));
        }
        Ok(())
    }

    /// Reports bytes that belong to no known member.
    fn note_unknown(&mut self, start: usize, end: usize) {
        // Up to the alignment they are padding.
        if end > start + usize::from(extra::STORED_ALIGNMENT) {
            let why =
                "expected the header of a member before these bytes, found none: their content is unknown";
            self.salvaged.gone.push((format!("bytes {start} to {end}"), why.to_owned()));
        }
    }

    fn finish(mut self) -> Salvaged {
        self.listed.sort_by_key(|&(entry, _)| entry);
        self.salvaged.listed = self.listed.into_iter().map(|(_, member)| member).collect();
        self.salvaged
    }
}
