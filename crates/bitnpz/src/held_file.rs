//! A file that is to be replaced, unless somebody else has replaced it meanwhile.

use std::fs::{File, Metadata, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{io, thread};

use crate::error::Result;
use crate::interrupt;

/// A file is held locked while it is replaced; nobody waits longer for that.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

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
    /// [there](Self::is_there). Others hold the lock for moments; after a while it is done without, as where there are no locks:
    /// somebody may have locked the file for reasons of their own.
    pub(crate) fn lock_if_possible(&self) -> Result<()> {
        // Where there are no locks, it is done without.
        self.lock_within(LONGEST_WAIT).map(drop)
    }

    /// Locks the file until it is dropped, however long another one holds the lock.
    pub(crate) fn lock(&self) -> Result<io::Result<()>> {
        self.lock_within(Duration::MAX)
    }

    /// Tries to lock the file for so long, unless the call is interrupted.
    fn lock_within(&self, longest: Duration) -> Result<io::Result<()>> {
        let started = Instant::now();
        while started.elapsed() < longest {
            match self.file.try_lock() {
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(TryLockError::Error(error)) => return Ok(Err(error)),
                Ok(()) => return Ok(Ok(())),
            }
            interrupt::check()?;
            thread::sleep(Duration::from_millis(5));
        }
        Ok(Ok(()))
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
