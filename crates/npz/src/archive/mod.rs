//! Reading an archive.

mod directory;
mod index;
mod inflate;
pub(crate) mod lzma;
mod member;
mod reader;

use std::borrow::Cow;
use std::fmt;
use std::fs::File;
use std::ops::Range;
use std::path::Path;
use std::time::SystemTime;

use bitnpz_npy::{DynArray, DynArrayView};

use crate::error::{ErrorKind, Result};
use crate::limits::Limits;
use crate::source::ByteSource;
use index::NameIndex;
pub use member::Member;
pub use reader::MemberReader;

/// How an archive's file is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Access {
    /// Through a memory map: fastest, and stored members are used where they lie. A file that is truncated
    /// while it is open ends the process.
    #[default]
    Mapped,
    /// By positional reads: a file that is truncated while it is open gives errors.
    Positional,
}

/// How an archive is opened.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct OpenOptions {
    /// How its file is read.
    pub access: Access,
    /// How much it may ask for.
    pub limits: Limits,
}

impl OpenOptions {
    /// Read in this way.
    #[must_use]
    pub fn with_access(mut self, access: Access) -> Self {
        self.access = access;
        self
    }

    /// Within these limits.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }
}

/// What tells files apart that have one path, at different times: an archive whose members are others has another central
/// directory, as that has their checksums.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Identity {
    /// The file's size in bytes.
    pub size: u64,
    /// When it was changed last, if the system tells.
    pub modified: Option<SystemTime>,
    /// The CRC-32 of its central directory.
    pub directory_crc32: u32,
}

/// An open archive.
///
/// Opening reads the central directory once and keeps a few bytes per member; reading a [`Member`] takes
/// `&self`, uses no shared position in the file, and verifies size and CRC.
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
    /// Opens an archive through a memory map.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, is no archive, or could be read by two programs differently.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::open_with(path, OpenOptions::default())
    }

    /// Opens an archive as `options` say.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn open_with(path: impl AsRef<Path>, options: OpenOptions) -> Result<Self> {
        let source = match options.access {
            Access::Mapped => ByteSource::map(path.as_ref())?,
            Access::Positional => ByteSource::open(path.as_ref())?,
        };
        Self::from_source(source, options.limits)
    }

    /// Opens an archive that is an open file, which need not have a name.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn open_file(file: File, options: OpenOptions) -> Result<Self> {
        let source = match options.access {
            Access::Mapped => ByteSource::map_file(&file)?,
            Access::Positional => ByteSource::open_file(file)?,
        };
        Self::from_source(source, options.limits)
    }

    /// Opens an archive that is in memory.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self> {
        Self::from_bytes_with(bytes, Limits::default())
    }

    /// Opens an archive that is in memory, within these limits.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn from_bytes_with(bytes: Vec<u8>, limits: Limits) -> Result<Self> {
        Self::from_source(ByteSource::Memory(bytes), limits)
    }

    fn from_source(source: ByteSource, limits: Limits) -> Result<Self> {
        let index = NameIndex::read(&source, &limits)?;
        Ok(Self { source, index, limits })
    }

    /// The archive's size in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.source.len()
    }

    /// What tells whether another handle is of the same file as it was when it was opened.
    #[must_use]
    pub fn identity(&self) -> Identity {
        Identity {
            size: self.size(),
            modified: self.source.modified(),
            directory_crc32: self.index.directory_crc32(&self.source),
        }
    }

    /// The number of members.
    #[must_use]
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether there are no members.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What the archive may ask for.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The member with this number, in the order of the central directory.
    #[must_use]
    pub fn member(&self, number: usize) -> Option<Member<'_>> {
        Member::new(self, number)
    }

    /// All members, in the order of the central directory.
    pub fn members(&self) -> impl Iterator<Item = Member<'_>> {
        (0..self.len()).filter_map(|number| self.member(number))
    }

    /// The member of this name, with or without `.npy`.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<Member<'_>> {
        self.member(self.index.find(&self.source, name)?)
    }

    /// Bytes of the file: borrowed where they are in memory, else read. No CRC is verified.
    ///
    /// # Errors
    ///
    /// If the file has not so many, or reading fails.
    pub fn slice(&self, range: Range<u64>) -> Result<Cow<'_, [u8]>> {
        self.source.get(range.start, range.end.saturating_sub(range.start))
    }

    /// Bytes that belong to no member and no record, between them or before them: an archive may have some,
    /// such as a program before it, or members taken out of the directory.
    #[must_use]
    pub fn gaps(&self) -> u64 {
        let (first, end) = (self.index.prefix(), self.index.start());
        let members: u64 = self.members().filter_map(|member| member.len().ok()).sum();
        first + (end - first).saturating_sub(members)
    }

    /// The array of this name.
    ///
    /// # Errors
    ///
    /// If there is none, or it is damaged or not supported.
    pub fn array(&self, name: &str) -> Result<DynArray> {
        let member = self.find(name).ok_or_else(|| ErrorKind::NoSuchMember.into_error(name))?;
        let npy = member.read()?;
        let view = DynArrayView::parse(&npy, &self.limits.npy).map_err(|error| member.blame(error.into()))?;
        view.to_owned().map_err(|error| member.blame(error.into()))
    }

    /// The array of this name where it lies in memory, if [`Member::bytes`] has it.
    ///
    /// # Errors
    ///
    /// As [`array`](Self::array).
    pub fn array_view(&self, name: &str) -> Result<Option<DynArrayView<'_>>> {
        let member = self.find(name).ok_or_else(|| ErrorKind::NoSuchMember.into_error(name))?;
        let Some(npy) = member.bytes()? else { return Ok(None) };
        let view = DynArrayView::parse(npy, &self.limits.npy).map_err(|error| member.blame(error.into()))?;
        Ok(Some(view))
    }
}
