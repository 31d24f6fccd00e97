//! Protects files and threads from forked processes; and the owners of files.

use std::fs::{File, Metadata};
use std::io;

/// The process that created a file or started a thread. A fork of it shares its open files and must neither write to nor
/// remove them; and it does not inherit threads, so it would wait for one forever.
#[derive(Clone, Copy, Debug)]
pub struct Owner(u32);

impl Owner {
    /// Returns the current process.
    #[must_use]
    pub fn current() -> Self {
        Self(std::process::id())
    }

    /// Returns whether the current process is the owner, and not a fork of it.
    #[must_use]
    pub fn is_current(self) -> bool {
        self.0 == std::process::id()
    }

    /// Checks that the current process is the owner.
    ///
    /// # Errors
    ///
    /// If the current process is a fork of the owner.
    pub fn check(self) -> io::Result<()> {
        if self.is_current() {
            return Ok(());
        }
        Err(io::Error::other(
            "this process is a fork of the one that writes the archive, and cannot continue it",
        ))
    }
}

/// Gives a file the owner and the group of another one, as far as this process may.
#[cfg(unix)]
pub(crate) fn keep_owner(file: &File, old: &Metadata) {
    use std::os::unix::fs::{MetadataExt, fchown};
    let is_like = |new: Metadata| (new.uid(), new.gid()) == (old.uid(), old.gid());
    if !file.metadata().is_ok_and(is_like) && fchown(file, Some(old.uid()), Some(old.gid())).is_err() {
        // Who is in the group may set it.
        drop(fchown(file, None, Some(old.gid())));
    }
}

#[cfg(not(unix))]
pub(crate) fn keep_owner(_: &File, _: &Metadata) {}
