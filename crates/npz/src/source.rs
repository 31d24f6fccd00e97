//! Where an archive's bytes are.

use std::borrow::Cow;
use std::fs::File;
use std::io;
use std::path::Path;
use std::time::SystemTime;

use bitnpz_npy::with_room;
use memmap2::Mmap;

use crate::error::{Error, ErrorKind, Result};

/// An archive's bytes, to be read from any place by any thread.
#[derive(Debug)]
pub(crate) enum ByteSource {
    Mapped(Mmap, Option<SystemTime>),
    Memory(Vec<u8>),
    File { file: File, len: u64, modified: Option<SystemTime> },
}

impl ByteSource {
    /// Maps a file into memory.
    pub(crate) fn map(path: &Path) -> Result<Self> {
        Self::map_file(&open(path)?)
    }

    /// Maps an open file into memory.
    pub(crate) fn map_file(file: &File) -> Result<Self> {
        let metadata = file.metadata()?;
        if metadata.len() == 0 {
            return Ok(Self::Memory(Vec::new()));
        }
        // SAFETY: this is the one door to the bytes of a mapping. They are only ever read, and parsed as what
        // anybody may have written: if another process changes them meanwhile, reads give an error or other
        // bytes, checked like all. If it truncates the file, the system ends this process (SIGBUS):
        // `Access::Mapped` says so, and that `Access::Positional` does not have this.
        #[allow(unsafe_code)]
        let map = unsafe { Mmap::map(file)? };
        Ok(Self::Mapped(map, metadata.modified().ok()))
    }

    /// Reads a file by positions, without mapping it.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        Self::open_file(open(path)?)
    }

    /// Reads an open file by positions, without mapping it.
    pub(crate) fn open_file(file: File) -> Result<Self> {
        let metadata = file.metadata()?;
        Ok(Self::File { file, len: metadata.len(), modified: metadata.modified().ok() })
    }

    /// When the file was changed last before it was opened, if the system tells.
    pub(crate) fn modified(&self) -> Option<SystemTime> {
        match self {
            Self::Mapped(_, modified) | Self::File { modified, .. } => *modified,
            Self::Memory(_) => None,
        }
    }

    pub(crate) fn len(&self) -> u64 {
        match self {
            Self::Mapped(map, _) => map.len() as u64,
            Self::Memory(bytes) => bytes.len() as u64,
            Self::File { len, .. } => *len,
        }
    }

    /// All bytes, if they are in memory.
    pub(crate) fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Mapped(map, _) => Some(map),
            Self::Memory(bytes) => Some(bytes),
            Self::File { .. } => None,
        }
    }

    /// The bytes at this place: borrowed if they are in memory, else read.
    pub(crate) fn get(&self, offset: u64, len: u64) -> Result<Cow<'_, [u8]>> {
        let end =
            offset.checked_add(len).filter(|&end| end <= self.len()).ok_or_else(|| self.too_short(offset))?;
        let index = |position: u64| usize::try_from(position).map_err(|_| self.too_short(offset));
        if let Some(bytes) = self.bytes() {
            return Ok(Cow::Borrowed(&bytes[index(offset)?..index(end)?]));
        }
        let mut bytes = with_room(index(len)?).map_err(|error| Error::from(error).at(offset))?;
        bytes.resize(index(len)?, 0);
        self.read_exact_at(offset, &mut bytes)?;
        Ok(Cow::Owned(bytes))
    }

    /// Fills `bytes` from this place.
    pub(crate) fn read_exact_at(&self, offset: u64, bytes: &mut [u8]) -> Result<()> {
        match self {
            Self::File { file, .. } => {
                read_exact_at(file, offset, bytes).map_err(|error| Error::from(error).at(offset))
            }
            _ => {
                bytes.copy_from_slice(&self.get(offset, bytes.len() as u64)?);
                Ok(())
            }
        }
    }

    fn too_short(&self, offset: u64) -> Error {
        Error::corrupt(format!("expected more bytes, found the end of the archive at {}", self.len()))
            .at(offset)
    }
}

/// A file. A folder opens too, and what comes of it later says little.
fn open(path: &Path) -> Result<File> {
    let file = File::open(path).and_then(|file| {
        if file.metadata()?.is_dir() { Err(io::ErrorKind::IsADirectory.into()) } else { Ok(file) }
    });
    file.map_err(|error| ErrorKind::Open { path: path.to_owned(), error }.into())
}

#[cfg(unix)]
fn read_exact_at(file: &File, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, offset)
}

#[cfg(windows)]
fn read_exact_at(file: &File, mut offset: u64, mut bytes: &mut [u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, bytes, offset)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => (offset, bytes) = (offset + read as u64, &mut bytes[read..]),
        }
    }
    Ok(())
}
