//! A file that is to be replaced, unless somebody else has replaced it meanwhile.

use std::fs::{File, Metadata};
use std::io;
use std::path::{Path, PathBuf};

/// A file as it was when it was opened.
#[derive(Debug)]
pub(crate) struct HeldFile {
    file: File,
    path: PathBuf,
    opened: Metadata,
}

impl HeldFile {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        // The working directory may be another one when it is replaced.
        Ok(Self { opened: file.metadata()?, file, path: std::path::absolute(path)? })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    /// Locks the file until it is dropped. Whoever replaces a file locks it first: of several, the first one finds it still
    /// [there](Self::is_there).
    pub(crate) fn lock(&self) -> io::Result<()> {
        self.file.lock()
    }

    /// Returns whether its path still leads to this file, and nobody has written to it.
    pub(crate) fn is_there(&self) -> bool {
        let content = |found: &Metadata| (found.len(), found.modified().ok());
        is_at(&self.file, &self.path)
            && self.file.metadata().is_ok_and(|now| content(&now) == content(&self.opened))
    }
}

/// Returns whether this path leads to this file.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let identity = |found: &Metadata| (found.dev(), found.ino());
    matches!((file.metadata(), std::fs::metadata(path)), (Ok(ours), Ok(there)) if identity(&ours) == identity(&there))
}

/// A file that is open cannot be replaced there.
#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> bool {
    true
}
