//! A file that has no name yet.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::error::Result;
use crate::owner::Owner;
use crate::target::folder_of;

/// A file that is gone when it is dropped, unless it has got a name.
///
/// Where the system has files without names it is one, and goes with its process however that ends. Elsewhere, and for a moment
/// before it takes another file's place, it has a name that follows from the one it is to have, so that what a killed process
/// has left is found again; and it is locked for as long as its writer lives, so that it is not taken for left.
#[derive(Debug)]
pub(crate) struct TemporaryFile {
    file: File,
    /// Its own name, if it has one.
    path: Option<PathBuf>,
    owner: Owner,
}

impl TemporaryFile {
    /// A file that is to have this path, from the root.
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        let owner = Owner::current();
        if let Some(file) = unnamed(folder_of(path)) {
            lock(&file);
            return Ok(Self { file, path: None, owner });
        }
        let make = |path: &Path| {
            let file = OpenOptions::new().read(true).write(true).create_new(true).open(path)?;
            // Another writer may have taken it for left before it was locked.
            Ok((lock(&file) != LockState::Others && is_at(&file, path)).then_some(file))
        };
        let (file, path) = with_free_name(path, make)?;
        lock_paths().push(path.clone());
        Ok(Self { file, path: Some(path), owner })
    }

    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    /// Gives it its path, in place of a file that has it.
    pub(crate) fn take_name(mut self, path: &Path) -> io::Result<()> {
        self.owner.check()?;
        if self.path.is_none() {
            if link(&self.file, path).is_ok() {
                return Ok(());
            }
            // A name cannot be taken from a file but by one that has a name.
            let (_, own) = with_free_name(path, |own| self.give_name(own).map(Some))?;
            lock_paths().push(own.clone());
            self.path = Some(own);
        }
        let Some(own) = &self.path else { return Ok(()) };
        fs::rename(own, path)?;
        forget_path(own);
        self.path = None;
        Ok(())
    }
}

impl TemporaryFile {
    /// Gives a file that has no name this one, if no other has it; where the system does not, a copy of the file.
    fn give_name(&self, own: &Path) -> io::Result<()> {
        match link(&self.file, own) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {}
            linked => return linked,
        }
        let mut copy = OpenOptions::new().write(true).create_new(true).open(own)?;
        let mut fill = || {
            lock(&copy);
            (&self.file).rewind()?;
            io::copy(&mut &self.file, &mut copy)?;
            copy.set_permissions(self.file.metadata()?.permissions())?;
            copy.sync_all()
        };
        fill().inspect_err(|_| drop(fs::remove_file(own)))
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        if let Some(path) = self.path.take().filter(|_| self.owner.check().is_ok()) {
            // Nobody is left to be told; the next writer tries again.
            drop(fs::remove_file(&path));
            forget_path(&path);
        }
    }
}

impl Write for TemporaryFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.owner.check()?;
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Seek for TemporaryFile {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.owner.check()?;
        self.file.seek(position)
    }
}

/// The names that this process has given to temporary files.
static TEMPORARY_PATHS: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

fn lock_paths() -> std::sync::MutexGuard<'static, Vec<PathBuf>> {
    TEMPORARY_PATHS.lock().unwrap_or_else(PoisonError::into_inner)
}

fn forget_path(path: &Path) {
    lock_paths().retain(|name| name != path);
}

/// Removes the temporary files of this process that have names: for a program that is about to be ended by a signal. What is being
/// written then fails.
pub fn remove_temporary_files() {
    for path in std::mem::take(&mut *lock_paths()) {
        drop(fs::remove_file(path));
    }
}

/// Removes temporary files from a folder that writers have left which were killed, and gives back their paths. Those of writers
/// that live are left alone.
///
/// Where the system has files without names, as Linux has, a writer that is killed leaves nothing, but in the moment in which it
/// replaces a file. A writer of the same file removes what was left too.
///
/// # Errors
///
/// If the folder cannot be read, or a file in it not be removed.
pub fn clean(folder: impl AsRef<Path>) -> Result<Vec<PathBuf>> {
    let mut removed = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if is_own_name(&path) && remove_if_left(&path)? {
            removed.push(path);
        }
    }
    removed.sort();
    Ok(removed)
}

const NAME_PREFIX: &str = ".bitnpz.";
const NAME_SUFFIX: &str = ".tmp";

/// The path of a temporary file for a file of this path.
fn own_name(path: &Path, number: u32) -> io::Result<PathBuf> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let name = crc32fast::hash(name.as_encoded_bytes());
    Ok(folder_of(path).join(format!("{NAME_PREFIX}{name:08x}.{number}{NAME_SUFFIX}")))
}

fn is_own_name(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    let middle =
        name.and_then(|name| name.strip_prefix(NAME_PREFIX)?.strip_suffix(NAME_SUFFIX)?.split_once('.'));
    middle.is_some_and(|(hash, number)| {
        hash.len() == 8 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()) && number.parse::<u32>().is_ok()
    })
}

/// Makes something of a name that is free, of those that a file of this path can have, once what was left there is removed.
fn with_free_name<T>(
    path: &Path,
    mut make: impl FnMut(&Path) -> io::Result<Option<T>>,
) -> io::Result<(T, PathBuf)> {
    let mut number = 0;
    loop {
        let own = own_name(path, number)?;
        match make(&own) {
            Ok(Some(made)) => return Ok((made, own)),
            Ok(None) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                number += u32::from(!remove_if_left(&own).unwrap_or(false));
            }
            Err(error) => return Err(error),
        }
    }
}

/// Removes a file if nobody has it locked. It is not used again: whoever may write to the folder could have put anything there.
fn remove_if_left(path: &Path) -> io::Result<bool> {
    let is_left = fs::symlink_metadata(path).is_ok_and(|found| found.is_file())
        && File::open(path).is_ok_and(|file| lock(&file) == LockState::Ours && is_at(&file, path));
    if is_left {
        fs::remove_file(path)?;
    }
    Ok(is_left)
}

/// A new file without a name in a folder, where the system has such files.
#[cfg(target_os = "linux")]
fn unnamed(folder: &Path) -> Option<File> {
    use std::os::unix::fs::OpenOptionsExt;
    // By this such a file gets a name.
    if !Path::new("/proc/self/fd").exists() {
        return None;
    }
    let flags = rustix::fs::OFlags::TMPFILE.bits().cast_signed();
    OpenOptions::new().read(true).write(true).custom_flags(flags).open(folder).ok()
}

#[cfg(not(target_os = "linux"))]
fn unnamed(_: &Path) -> Option<File> {
    None
}

/// Gives a file a name, if no other has it.
#[cfg(target_os = "linux")]
fn link(file: &File, path: &Path) -> io::Result<()> {
    use std::os::fd::AsRawFd;

    use rustix::fs::{AtFlags, CWD, linkat};
    let file = format!("/proc/self/fd/{}", file.as_raw_fd());
    Ok(linkat(CWD, file, CWD, path, AtFlags::SYMLINK_FOLLOW)?)
}

#[cfg(not(target_os = "linux"))]
fn link(_: &File, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Who has a file locked, now that we have tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LockState {
    Ours,
    Others,
    /// Its file system has no locks.
    None,
}

fn lock(file: &File) -> LockState {
    match file.try_lock() {
        Ok(()) => LockState::Ours,
        Err(TryLockError::WouldBlock) => LockState::Others,
        Err(TryLockError::Error(_)) => LockState::None,
    }
}

/// Whether it is this file that has this path.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let identity = |metadata: &fs::Metadata| (metadata.dev(), metadata.ino());
    matches!((file.metadata(), fs::symlink_metadata(path)), (Ok(ours), Ok(there)) if identity(&ours) == identity(&there))
}

#[cfg(not(unix))]
fn is_at(_: &File, path: &Path) -> bool {
    path.exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_what_killed_writers_left_removed_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for name in [".bitnpz.0123abcd.0.tmp", ".bitnpz.0123abcd.17.tmp"] {
            fs::write(path(name), "left").unwrap();
        }
        let others =
            [".bitnpz.x.tmp", ".bitnpz.0123abcd.tmp", "bitnpz.0123abcd.0.tmp", ".bitnpz.0123abcd.0.tmp.npz"];
        others.iter().for_each(|name| fs::write(path(name), "another's").unwrap());
        let living = path(".bitnpz.fedc3210.0.tmp");
        fs::write(&living, "living").unwrap();
        let held = File::open(&living).unwrap();
        assert_eq!(lock(&held), LockState::Ours);
        let removed = clean(folder.path()).unwrap();
        assert_eq!(removed, [path(".bitnpz.0123abcd.0.tmp"), path(".bitnpz.0123abcd.17.tmp")]);
        assert!(living.exists() && others.iter().all(|name| path(name).exists()));
        drop(held);
        assert_eq!(clean(folder.path()).unwrap(), [living]);
        assert!(clean(path("nowhere")).is_err());
    }
}
