//! The bytes of an archive: mapped, in memory, in a file, or read by range.

use std::borrow::Cow;
use std::fs::File;
use std::io;
use std::path::Path;
use std::time::SystemTime;

use bitnpz_npy::with_room;
use memmap2::Mmap;

use crate::error::{Error, ErrorKind, Result};
use crate::ranges::RangeReader;

/// The bytes of an archive, which any thread can read at any offset.
#[derive(Debug)]
pub(crate) enum ByteSource {
    Mapped(Mmap, Option<SystemTime>),
    Memory(Vec<u8>),
    File { file: File, len: u64, modified: Option<SystemTime> },
    Ranges(RangeReader),
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
        // SAFETY: the mapping is only read, and only through this type, and its bytes are parsed as untrusted
        // input: if another process changes them meanwhile, reads fail or give other bytes, which are checked
        // like all. If it truncates the file, the system ends this process (SIGBUS): the docs of
        // `Access::Mapped` warn of this and offer `Access::Positional`.
        #[allow(unsafe_code)]
        let map = unsafe { Mmap::map(file)? };
        Ok(Self::Mapped(map, metadata.modified().ok()))
    }

    /// Opens a file for positional reads.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        Self::open_file(open(path)?)
    }

    /// Uses an open file for positional reads.
    pub(crate) fn open_file(file: File) -> Result<Self> {
        let metadata = file.metadata()?;
        Ok(Self::File { file, len: metadata.len(), modified: metadata.modified().ok() })
    }

    /// Returns the file's time of modification when it was opened, if the system provides it.
    pub(crate) fn modified(&self) -> Option<SystemTime> {
        match self {
            Self::Mapped(_, modified) | Self::File { modified, .. } => *modified,
            Self::Memory(_) | Self::Ranges(_) => None,
        }
    }

    pub(crate) fn len(&self) -> u64 {
        match self {
            Self::Mapped(map, _) => map.len() as u64,
            Self::Memory(bytes) => bytes.len() as u64,
            Self::File { len, .. } => *len,
            Self::Ranges(reader) => reader.len(),
        }
    }

    /// Returns all bytes, if they are in memory.
    pub(crate) fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Mapped(map, _) => Some(map),
            Self::Memory(bytes) => Some(bytes),
            Self::File { .. } | Self::Ranges(_) => None,
        }
    }

    /// Returns `len` bytes at `offset`: borrowed if they are in memory, read otherwise.
    pub(crate) fn get(&self, offset: u64, len: u64) -> Result<Cow<'_, [u8]>> {
        let end =
            offset.checked_add(len).filter(|&end| end <= self.len()).ok_or_else(|| self.too_short(offset))?;
        let index = |position: u64| usize::try_from(position).map_err(|_| self.too_short(offset));
        if let Some(bytes) = self.bytes() {
            return Ok(Cow::Borrowed(&bytes[index(offset)?..index(end)?]));
        }
        if let Self::Ranges(reader) = self {
            return reader.get(offset..end);
        }
        let mut bytes = with_room(index(len)?).map_err(|error| Error::from(error).at(offset))?;
        bytes.resize(index(len)?, 0);
        self.read_exact_at(offset, &mut bytes)?;
        Ok(Cow::Owned(bytes))
    }

    /// Fills `bytes` from `offset`.
    pub(crate) fn read_exact_at(&self, offset: u64, bytes: &mut [u8]) -> Result<()> {
        match self {
            Self::File { file, len, .. } => {
                let read = read_exact_at(file, offset, bytes);
                read.map_err(|error| Error::from(shortened(error, *len)).at(offset))
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

/// Returns the error of a read within the length that the file had when it was opened.
fn shortened(error: io::Error, len: u64) -> io::Error {
    if error.kind() != io::ErrorKind::UnexpectedEof {
        return error;
    }
    let message =
        format!("expected a file of {len} bytes, as when it was opened, found fewer: load it again");
    io::Error::new(io::ErrorKind::StaleNetworkFileHandle, message)
}

/// Opens a file. Rejects a folder, which would open but give an unclear error when read.
fn open(path: &Path) -> Result<File> {
    let file = File::open(path).and_then(|file| {
        if file.metadata()?.is_dir() { Err(io::ErrorKind::IsADirectory.into()) } else { Ok(file) }
    });
    file.map_err(|error| ErrorKind::Open { path: path.to_owned(), error }.into())
}

#[cfg(unix)]
pub(crate) fn read_exact_at(file: &File, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, offset)
}

#[cfg(windows)]
pub(crate) fn read_exact_at(file: &File, mut offset: u64, mut bytes: &mut [u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, bytes, offset)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => (offset, bytes) = (offset + read as u64, &mut bytes[read..]),
        }
    }
    Ok(())
}

#[cfg(unix)]
pub(crate) fn write_all_at(file: &File, offset: u64, bytes: &[u8]) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, offset)
}

#[cfg(windows)]
pub(crate) fn write_all_at(file: &File, mut offset: u64, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match std::os::windows::fs::FileExt::seek_write(file, bytes, offset)? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            written => (offset, bytes) = (offset + written as u64, &bytes[written..]),
        }
    }
    Ok(())
}
