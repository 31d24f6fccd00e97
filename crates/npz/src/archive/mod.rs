//! Reads archives.

mod ahead;
mod data;
mod directory;
mod index;
mod inflate;
pub(crate) mod lzma;
mod member;
mod part;
mod reader;

use std::borrow::Cow;
use std::fmt;
use std::fs::File;
use std::ops::Range;
use std::path::Path;
use std::time::SystemTime;

use bitnpz_npy::{DynArray, DynArrayView};

use crate::disk_cache::DiskCache;
use crate::error::{Error, ErrorKind, Result};
use crate::limits::Limits;
use crate::range_cache::{KeptBytes, RangeCache};
use crate::ranges::{RangeReader, ReadAt};
use crate::source::ByteSource;
use ahead::Ahead;
use data::MemberData;
use index::NameIndex;
pub(crate) use inflate::DEFLATE_RATIO;
pub use member::Member;
pub use reader::MemberReader;

/// So many local headers are requested together, which takes a few megabytes if members are short.
const HEADERS_AT_ONCE: usize = 1024;

/// The way in which the file of an archive is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Access {
    /// Reads through a memory map. This is fastest, and stored members can be used in place. If another process truncates
    /// the file while it is open, the system ends this process (SIGBUS).
    #[default]
    Mapped,
    /// Reads at positions of the file. If it is truncated while it is open, reads return errors.
    Positional,
}

/// Options for opening an archive.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct OpenOptions {
    /// The way in which the file is read.
    pub access: Access,
    /// The largest sizes accepted.
    pub limits: Limits,
    /// Where the ranges of a file that is read by range are kept.
    pub cache: RangeCache,
    /// Where its ranges are kept on disk, if anywhere.
    pub disk_cache: Option<DiskCache>,
}

impl OpenOptions {
    /// Sets the way in which the file is read.
    #[must_use]
    pub fn with_access(mut self, access: Access) -> Self {
        self.access = access;
        self
    }

    /// Sets the limits.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets where the ranges of a file that is read by range are kept.
    #[must_use]
    pub fn with_cache(mut self, cache: RangeCache) -> Self {
        self.cache = cache;
        self
    }

    /// Sets where the ranges of a file that is read by range are kept on disk.
    #[must_use]
    pub fn with_disk_cache(mut self, cache: DiskCache) -> Self {
        self.disk_cache = Some(cache);
        self
    }
}

/// Identifies the content of an archive's file, to detect that another file has taken its path. Archives with different
/// members have different central directories, which contain the members' checksums.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Identity {
    /// The file's size in bytes.
    pub size: u64,
    /// The time of its last modification, if the system provides it.
    pub modified: Option<SystemTime>,
    /// The CRC-32 of its central directory.
    pub directory_crc32: u32,
}

/// An open archive.
///
/// Opening reads and checks the central directory, and keeps a few bytes per member. Reading a [`Member`] takes
/// `&self`, uses no shared file position, and verifies size and CRC.
///
/// ```
/// use bitnpz_npz::{Archive, WriteOptions, Writer};
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("notes.npz");
/// let mut writer = Writer::new(std::fs::File::create(&path)?, &WriteOptions::default());
/// writer.add("a.txt", b"first".to_vec())?;
/// writer.add("b.txt", b"second".to_vec())?;
/// writer.finish()?;
///
/// let archive = Archive::open(&path)?;
/// assert_eq!(archive.len(), 2);
/// let member = archive.find("b.txt").expect("it was added");
/// assert_eq!(member.read()?, b"second");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Archive {
    source: ByteSource,
    index: NameIndex,
    limits: Limits,
}

impl fmt::Debug for Archive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = f.debug_struct("Archive");
        fields.field("bytes", &self.size()).field("members", &self.len()).finish_non_exhaustive()
    }
}

impl Archive {
    /// Opens an archive through a memory map, with the default limits.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, is not a valid archive, exceeds a limit, or could be read differently by two programs.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::open_with(path, &OpenOptions::default())
    }

    /// Opens an archive with these options.
    ///
    /// # Errors
    ///
    /// Same as [`open`](Self::open).
    ///
    /// ```
    /// use bitnpz_npz::{Access, Archive, OpenOptions, WriteOptions, Writer};
    ///
    /// let file = tempfile::NamedTempFile::new()?;
    /// Writer::new(file.reopen()?, &WriteOptions::default()).finish()?;
    /// let options = OpenOptions::default().with_access(Access::Positional);
    /// assert!(Archive::open_with(file.path(), &options)?.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn open_with(path: impl AsRef<Path>, options: &OpenOptions) -> Result<Self> {
        let source = match options.access {
            Access::Mapped => ByteSource::map(path.as_ref())?,
            Access::Positional => ByteSource::open(path.as_ref())?,
        };
        Self::from_source(source, &options.limits)
    }

    /// Opens an archive in an open file, which need not have a name.
    ///
    /// # Errors
    ///
    /// Same as [`open`](Self::open).
    pub fn open_file(file: File, options: &OpenOptions) -> Result<Self> {
        let source = match options.access {
            Access::Mapped => ByteSource::map_file(&file)?,
            Access::Positional => ByteSource::open_file(file)?,
        };
        Self::from_source(source, &options.limits)
    }

    /// Opens an archive in memory, with the default limits.
    ///
    /// # Errors
    ///
    /// Same as [`open`](Self::open).
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self> {
        Self::from_bytes_with(bytes, &Limits::default())
    }

    /// Opens an archive in memory, with these limits.
    ///
    /// # Errors
    ///
    /// Same as [`open`](Self::open).
    pub fn from_bytes_with(bytes: Vec<u8>, limits: &Limits) -> Result<Self> {
        Self::from_source(ByteSource::Memory(bytes), limits)
    }

    /// Opens an archive that is read by range, with two requests unless its central directory is large: for its length, and for
    /// its end.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn open_ranges(source: impl ReadAt + 'static, options: &OpenOptions) -> Result<Self> {
        let source: Box<dyn ReadAt> = match &options.disk_cache {
            Some(cache) => Box::new(cache.add(Box::new(source))),
            None => Box::new(source),
        };
        Self::from_source(ByteSource::Ranges(RangeReader::open(source, &options.cache)?), &options.limits)
    }

    /// Returns whether reads are requests, so that it pays to [`prefetch`](Self::prefetch).
    #[must_use]
    pub fn is_read_by_range(&self) -> bool {
        matches!(self.source, ByteSource::Ranges(_))
    }

    /// Reads ranges of the file at once and keeps them for a while, so that reading them needs no further requests. Returns them in
    /// ascending order, each with where it starts: but those in the end of the file, which was read when it was opened. Does
    /// nothing for files that are not read by range.
    ///
    /// # Errors
    ///
    /// If a range is not within the file, or reading fails.
    pub fn prefetch(&self, ranges: &mut [Range<u64>]) -> Result<Vec<(u64, KeptBytes)>> {
        let ByteSource::Ranges(reader) = &self.source else { return Ok(Vec::new()) };
        ranges.sort_unstable_by_key(|range| (range.start, range.end));
        if ranges.iter().any(|range| range.start > range.end || range.end > self.source.len()) {
            return Err(Error::corrupt(format!(
                "expected ranges of {} bytes, found others",
                self.source.len()
            )));
        }
        reader.prefetch(ranges.iter().cloned())
    }

    /// Returns what [`prefetch`](Self::prefetch) of these ranges would return, if that needs no request: all are kept. They are
    /// ascending and within the file.
    #[must_use]
    pub fn kept(&self, ranges: &[Range<u64>]) -> Option<Vec<(u64, KeptBytes)>> {
        match &self.source {
            ByteSource::Ranges(reader) => reader.kept(ranges.iter().cloned()),
            _ => Some(Vec::new()),
        }
    }

    fn from_source(source: ByteSource, limits: &Limits) -> Result<Self> {
        let index = NameIndex::read(&source, limits)?;
        Ok(Self { source, index, limits: limits.clone() })
    }

    /// Returns the size of the archive in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.source.len()
    }

    /// Returns the identity of the file's content. Two handles with the same identity have the same content.
    #[must_use]
    pub fn identity(&self) -> Identity {
        Identity {
            size: self.size(),
            modified: self.source.modified(),
            directory_crc32: self.index.directory_crc32(&self.source),
        }
    }

    /// Returns the number of members.
    #[must_use]
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Returns `true` if there are no members.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the limits that the archive was opened with.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Returns the member with this number, in the order of the central directory.
    #[must_use]
    pub fn member(&self, number: usize) -> Option<Member<'_>> {
        MemberData::new(&self.source, &self.index, &self.limits, number).map(Member::new)
    }

    /// Returns all members, in the order of the central directory.
    ///
    /// ```
    /// # use std::io::Cursor;
    /// # use bitnpz_npz::{Archive, WriteOptions, Writer};
    /// # let mut writer = Writer::new(Cursor::new(Vec::new()), &WriteOptions::default());
    /// # writer.add("a.npy", vec![1; 100])?;
    /// # writer.add("b.npy", vec![2; 200])?;
    /// # let archive = Archive::from_bytes(writer.finish()?.into_inner())?;
    /// let sizes: Vec<_> = archive.members().map(|member| (member.key().to_owned(), member.size())).collect();
    /// assert_eq!(sizes, [("a".to_owned(), 100), ("b".to_owned(), 200)]);
    /// # Ok::<(), bitnpz_npz::Error>(())
    /// ```
    pub fn members(&self) -> impl Iterator<Item = Member<'_>> {
        (0..self.len()).filter_map(|number| self.member(number))
    }

    /// Returns the member of this name, with or without `.npy`.
    ///
    /// ```
    /// # use std::io::Cursor;
    /// # use bitnpz_npz::{Archive, WriteOptions, Writer};
    /// # let mut writer = Writer::new(Cursor::new(Vec::new()), &WriteOptions::default());
    /// # writer.add("labels.npy", Vec::new())?;
    /// # let archive = Archive::from_bytes(writer.finish()?.into_inner())?;
    /// assert_eq!(archive.find("labels").expect("it was added").name(), "labels.npy");
    /// assert!(archive.find("images").is_none());
    /// # Ok::<(), bitnpz_npz::Error>(())
    /// ```
    #[must_use]
    pub fn find(&self, name: &str) -> Option<Member<'_>> {
        self.member(self.index.find(&self.source, name)?)
    }

    /// Returns bytes of the file, without verifying a CRC: borrowed if they are in memory, read otherwise.
    ///
    /// # Errors
    ///
    /// If the range is not within the file, or reading fails.
    pub fn slice(&self, range: Range<u64>) -> Result<Cow<'_, [u8]>> {
        self.source.get(range.start, range.end.saturating_sub(range.start))
    }

    /// Returns the number of bytes before the central directory that belong to no member. Archives may have such bytes,
    /// for example a program at their start, or members that were removed from the directory. Members whose local header is damaged
    /// count too.
    ///
    /// # Errors
    ///
    /// If the file cannot be read.
    pub fn gaps(&self) -> Result<u64> {
        let (mut members, mut ahead) = (0, Ahead::new(&self.source, Vec::new()));
        for number in 0..self.len() {
            if number.is_multiple_of(HEADERS_AT_ONCE) && self.is_read_by_range() {
                let headers = (number..self.len()).take(HEADERS_AT_ONCE);
                let headers = headers.filter_map(|number| Some(self.member(number)?.request(0..0)));
                ahead = Ahead::new(&self.source, self.prefetch(&mut headers.collect::<Vec<_>>())?);
            }
            match self.member(number).map(|member| member.len(&ahead)) {
                Some(Ok(len)) => members += len,
                Some(Err(error)) if matches!(error.kind(), ErrorKind::Io(_)) => return Err(error),
                _ => {}
            }
        }
        let (first, end) = (self.index.prefix(), self.index.start());
        Ok(first + (end - first).saturating_sub(members))
    }

    /// Reads the array of this name.
    ///
    /// # Errors
    ///
    /// If there is no member of this name, or it is damaged or not a supported array.
    ///
    /// ```
    /// use std::io::Cursor;
    /// use bitnpz_npy::DynArray;
    /// use bitnpz_npz::{Archive, WriteOptions, Writer};
    /// use ndarray::array;
    ///
    /// let labels = array![3_i64, 5, 8];
    /// let mut writer = Writer::new(Cursor::new(Vec::new()), &WriteOptions::default());
    /// writer.add_array("labels", &DynArray::from_ndarray(&labels).view())?;
    /// let archive = Archive::from_bytes(writer.finish()?.into_inner())?;
    /// assert_eq!(archive.array("labels")?.to_ndarray::<i64>()?, labels.into_dyn());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn array(&self, name: &str) -> Result<DynArray> {
        let member = self.find(name).ok_or_else(|| ErrorKind::NoSuchMember.into_error(name))?;
        let npy = member.read()?;
        let view = DynArrayView::parse(&npy, &self.limits.npy).map_err(|error| member.blame(error.into()))?;
        view.to_owned().map_err(|error| member.blame(error.into()))
    }

    /// Returns a view of the array of this name, or `None` if [`Member::bytes`] is.
    ///
    /// # Errors
    ///
    /// Same as [`array`](Self::array).
    pub fn array_view(&self, name: &str) -> Result<Option<DynArrayView<'_>>> {
        let member = self.find(name).ok_or_else(|| ErrorKind::NoSuchMember.into_error(name))?;
        let Some(npy) = member.bytes()? else { return Ok(None) };
        let view = DynArrayView::parse(npy, &self.limits.npy).map_err(|error| member.blame(error.into()))?;
        Ok(Some(view))
    }
}
