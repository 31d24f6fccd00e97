//! Temporary files, which get their final name when they are complete.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use crate::brief_lock::lock_briefly;
use crate::error::Result;
use crate::owner::{Owner, keep_owner};
use crate::target::folder_of;

/// A temporary file, removed when dropped unless [`take_name`](Self::take_name) succeeded.
///
/// On Linux it has no name where the file system allows this, and disappears with its process, however that ends. Elsewhere,
/// and on Linux for the moment of replacing a file, it has a name that is derived from its final name, so that the file of a
/// killed process is found again. It is locked while its writer lives, so that nobody removes it as abandoned.
#[derive(Debug)]
pub(crate) struct TemporaryFile {
    file: File,
    /// The temporary name, if it has one.
    path: Option<PathBuf>,
    owner: Owner,
}

impl TemporaryFile {
    /// Creates a temporary file for this absolute path.
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        let owner = Owner::current();
        if let Some(file) = unnamed(folder_of(path)) {
            lock(&file);
            return Ok(Self { file, path: None, owner });
        }
        let (file, path) =
            with_free_name(path, |path| create_locked(OpenOptions::new().read(true).write(true), path))?;
        note_path(&path);
        Ok(Self { file, path: Some(path), owner })
    }

    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    /// Moves the file to its final path, and replaces a file that is there.
    pub(crate) fn take_name(mut self, path: &Path) -> io::Result<()> {
        self.owner.check()?;
        if self.path.is_none() {
            if link(&self.file, path).is_ok() {
                return Ok(());
            }
            // Only a rename replaces a file, and it needs a name to rename from.
            let ((), own) = with_free_name(path, |own| self.give_name(own))?;
            note_path(&own);
            self.path = Some(own);
        }
        let Some(own) = &self.path else { return Ok(()) };
        fs::rename(own, path)?;
        forget_path(own);
        self.path = None;
        Ok(())
    }

    /// Moves the file to its final path, if nothing is there.
    pub(crate) fn take_free_name(mut self, path: &Path) -> io::Result<()> {
        self.owner.check()?;
        if self.path.is_none() {
            match link(&self.file, path) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {}
                linked => return linked,
            }
            let ((), own) = with_free_name(path, |own| self.give_name(own))?;
            note_path(&own);
            self.path = Some(own);
        }
        let Some(own) = &self.path else { return Ok(()) };
        match fs::hard_link(own, path) {
            Ok(()) => self.drop_name(),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(error),
            // Where files cannot have two names, of two writers at the same moment the last one stays.
            Err(_) if fs::symlink_metadata(path).is_ok() => return Err(io::ErrorKind::AlreadyExists.into()),
            Err(_) => return self.take_name(path),
        }
        Ok(())
    }

    /// Links a file without a name to this path, if the path is free. Where the system cannot do that, copies the file. Returns `None`
    /// if another writer has removed the copy, so that it has to be made again.
    fn give_name(&mut self, own: &Path) -> io::Result<Option<()>> {
        match link(&self.file, own) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => self.copy_to(own),
            linked => linked.map(Some),
        }
    }

    /// Copies the file to this path, and goes on with the copy.
    fn copy_to(&mut self, own: &Path) -> io::Result<Option<()>> {
        let Some(mut copy) = create_locked(private().write(true), own)? else { return Ok(None) };
        let mut fill = || {
            (&self.file).rewind()?;
            io::copy(&mut &self.file, &mut copy)?;
            let found = self.file.metadata()?;
            keep_owner(&copy, &found);
            copy.set_permissions(found.permissions())?;
            copy.sync_all()
        };
        fill().inspect_err(|_| drop(fs::remove_file(own)))?;
        self.file = copy;
        Ok(Some(()))
    }
}

/// Creates a file, which is locked; `None` if another writer has removed it as abandoned before it was.
fn create_locked(options: &mut OpenOptions, path: &Path) -> io::Result<Option<File>> {
    let file = options.create_new(true).open(path)?;
    Ok((lock(&file) != LockState::Others && is_at(&file, path)).then_some(file))
}

/// Returns options that create files which nobody else can read.
#[cfg(unix)]
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

#[cfg(not(unix))]
fn private() -> OpenOptions {
    OpenOptions::new()
}

impl TemporaryFile {
    /// Removes the temporary name, if there is one.
    fn drop_name(&mut self) {
        if let Some(path) = self.path.take().filter(|_| self.owner.check().is_ok()) {
            // An error cannot be reported here; the next writer tries again.
            drop(fs::remove_file(&path));
            forget_path(&path);
        }
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        self.drop_name();
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

/// The paths of the temporary files of this process that have names.
static TEMPORARY_PATHS: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Calls `change` with these paths, unless this process was forked while another thread of the first one changed them.
fn change_paths<R>(change: impl FnOnce(&mut Vec<PathBuf>) -> R) -> Option<R> {
    lock_briefly(&TEMPORARY_PATHS).map(|mut paths| change(&mut paths))
}

fn note_path(path: &Path) {
    change_paths(|paths| paths.push(path.to_owned()));
}

fn forget_path(path: &Path) {
    change_paths(|paths| paths.retain(|name| name != path));
}

/// Removes the temporary files of this process that have names. Call this before a signal ends the program. Writers that
/// have not committed yet will fail.
pub fn remove_temporary_files() {
    for path in change_paths(std::mem::take).unwrap_or_default() {
        drop(fs::remove_file(path));
    }
}

/// Removes the temporary files of killed writers from a folder, and returns their paths. Files of running writers are kept.
///
/// On Linux, a killed writer leaves a file only if it was about to replace another. The next writer of the same path also
/// removes it.
///
/// # Errors
///
/// If the folder cannot be read, or a file cannot be removed.
pub fn clean(folder: impl AsRef<Path>) -> Result<Vec<PathBuf>> {
    let mut removed = abandoned(folder)?;
    let mut kept = Ok(());
    removed.retain(|path| {
        let is_removed = kept.as_ref().map_or(Ok(false), |()| remove_if_abandoned(path));
        is_removed.unwrap_or_else(|error| {
            kept = Err(error);
            false
        })
    });
    kept?;
    Ok(removed)
}

/// Returns the paths of the temporary files that [`clean`] removes.
///
/// # Errors
///
/// If the folder cannot be read.
pub fn abandoned(folder: impl AsRef<Path>) -> Result<Vec<PathBuf>> {
    let paths = fs::read_dir(folder)?.map(|entry| Ok(entry?.path()));
    let mut paths = paths.collect::<io::Result<Vec<_>>>()?;
    paths.retain(|path| is_temporary_name(path) && lock_abandoned(path).is_some());
    paths.sort();
    Ok(paths)
}

const NAME_PREFIX: &str = ".bitnpz.";
const NAME_SUFFIX: &str = ".tmp";

/// Returns the path of a temporary file for this final path. Numbers tell concurrent writers apart.
fn temporary_path(path: &Path, number: u32) -> io::Result<PathBuf> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let name = crc32fast::hash(name.as_encoded_bytes());
    Ok(folder_of(path).join(format!("{NAME_PREFIX}{name:08x}.{number}{NAME_SUFFIX}")))
}

/// Returns `true` if a path can come from [`temporary_path`].
fn is_temporary_name(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    let middle =
        name.and_then(|name| name.strip_prefix(NAME_PREFIX)?.strip_suffix(NAME_SUFFIX)?.split_once('.'));
    middle.is_some_and(|(hash, number)| {
        hash.len() == 8 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()) && number.parse::<u32>().is_ok()
    })
}

/// Calls `make` with the temporary paths for this final path until one is free, and removes abandoned files on the way.
fn with_free_name<T>(
    path: &Path,
    mut make: impl FnMut(&Path) -> io::Result<Option<T>>,
) -> io::Result<(T, PathBuf)> {
    let mut number = 0;
    loop {
        let own = temporary_path(path, number)?;
        match make(&own) {
            Ok(Some(made)) => return Ok((made, own)),
            Ok(None) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                number += u32::from(!remove_if_abandoned(&own).unwrap_or(false));
            }
            Err(error) => return Err(error),
        }
    }
}

/// Removes a file if nobody has locked it. The file is not reused: anyone with access to the folder could have put it there.
fn remove_if_abandoned(path: &Path) -> io::Result<bool> {
    // It stays locked until it is removed: nobody else removes it, and then what a writer has put in its place.
    let Some(_locked) = lock_abandoned(path) else { return Ok(false) };
    fs::remove_file(path)?;
    Ok(true)
}

/// Locks a file if nobody has locked it.
fn lock_abandoned(path: &Path) -> Option<File> {
    let file = fs::symlink_metadata(path).ok()?.is_file().then(|| File::open(path).ok())??;
    (lock(&file) == LockState::Ours && is_at(&file, path)).then_some(file)
}

/// Creates a file without a name in a folder, where the system supports this.
#[cfg(target_os = "linux")]
fn unnamed(folder: &Path) -> Option<File> {
    use std::os::unix::fs::OpenOptionsExt;
    // `link` names the file through this folder.
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

/// Gives a file a name, if the name is free.
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

/// The result of trying to lock a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LockState {
    Ours,
    Others,
    /// The file system has no locks.
    None,
}

fn lock(file: &File) -> LockState {
    match file.try_lock() {
        Ok(()) => LockState::Ours,
        Err(TryLockError::WouldBlock) => LockState::Others,
        Err(TryLockError::Error(_)) => LockState::None,
    }
}

/// Returns `true` if this path leads to this file.
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
    fn clean_removes_abandoned_files_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for name in [".bitnpz.0123abcd.0.tmp", ".bitnpz.0123abcd.17.tmp"] {
            fs::write(path(name), "abandoned").unwrap();
        }
        let others =
            [".bitnpz.x.tmp", ".bitnpz.0123abcd.tmp", "bitnpz.0123abcd.0.tmp", ".bitnpz.0123abcd.0.tmp.npz"];
        others.iter().for_each(|name| fs::write(path(name), "another's").unwrap());
        let locked = path(".bitnpz.fedc3210.0.tmp");
        fs::write(&locked, "of a running writer").unwrap();
        let file = File::open(&locked).unwrap();
        assert_eq!(lock(&file), LockState::Ours);
        assert_eq!(abandoned(folder.path()).unwrap().len(), 2);
        let removed = clean(folder.path()).unwrap();
        assert_eq!(removed, [path(".bitnpz.0123abcd.0.tmp"), path(".bitnpz.0123abcd.17.tmp")]);
        assert!(locked.exists() && others.iter().all(|name| path(name).exists()));
        drop(file);
        assert_eq!(clean(folder.path()).unwrap(), [locked]);
        assert!(clean(path("nowhere")).is_err());
    }

    #[test]
    fn what_has_a_name_is_locked_until_it_has_its_final_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npz");
        for copies in [false, true] {
            let mut file = TemporaryFile::create(&path).unwrap();
            file.write_all(b"new").unwrap();
            let own = temporary_path(&path, 0).unwrap();
            if file.path.is_none() {
                let named = if copies { file.copy_to(&own) } else { file.give_name(&own) };
                assert!(named.unwrap().is_some());
                file.path = Some(own.clone());
            }
            assert!(!remove_if_abandoned(&own).unwrap() && clean(folder.path()).unwrap().is_empty());
            file.take_name(&path).unwrap();
            assert_eq!(fs::read(&path).unwrap(), b"new");
            fs::remove_file(&path).unwrap();
        }
        // While one removes it, nobody else does.
        let left = temporary_path(&path, 0).unwrap();
        fs::write(&left, "abandoned").unwrap();
        let locked = lock_abandoned(&left).unwrap();
        assert!(!remove_if_abandoned(&left).unwrap() && left.exists());
        drop(locked);
        assert!(remove_if_abandoned(&left).unwrap() && !left.exists());
    }
}
