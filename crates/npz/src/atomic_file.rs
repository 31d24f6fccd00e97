//! A file that appears whole or not at all.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::owner::Owner;

/// A file that takes its name, and the place of a file that has it, only when it is whole.
///
/// Until [`commit`](Self::commit) it is a temporary file in the same folder; dropped without, it is gone and
/// what was there before is as it was. A process that is killed leaves at most the temporary file behind, which the next
/// that writes a file of this name removes.
#[derive(Debug)]
pub struct AtomicFile {
    file: BufWriter<Temporary>,
    path: PathBuf,
}

impl AtomicFile {
    /// Starts a file that is to have this path.
    ///
    /// # Errors
    ///
    /// If no file can be made in its folder, or the path is that of a folder.
    pub fn create(path: impl AsRef<Path>) -> Result<Self> {
        let path = resolve(path.as_ref())?;
        if path.is_dir() {
            // Else it is the last step that fails.
            return Err(io::Error::from(io::ErrorKind::IsADirectory).into());
        }
        let file = Temporary::create(&path)?;
        // A file that is replaced may be read by those who could read it before, a new one as the umask says.
        match fs::metadata(&path) {
            Ok(old) => file.file.set_permissions(old.permissions())?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
        Ok(Self { file: BufWriter::with_capacity(1 << 18, file), path })
    }

    /// Makes the file durable and gives it its name.
    ///
    /// # Errors
    ///
    /// If writing, syncing or renaming fails; then the old file, if there was one, is as it was. If only the folder
    /// cannot be synced, the new file is there, but might not be after a crash of the machine.
    pub fn commit(self) -> Result<()> {
        let mut file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.file.sync_all()?;
        file.owner.check()?;
        fs::rename(&file.path, &self.path)?;
        file.is_named = true;
        // The name itself is durable once the folder is.
        if cfg!(unix) {
            File::open(folder_of(&self.path))?.sync_all()?;
        }
        Ok(())
    }
}

/// The path from the root, whatever folder the process goes to; a link is followed, so that what it points to is replaced
/// and not the link.
fn resolve(path: &Path) -> io::Result<PathBuf> {
    match fs::canonicalize(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        path => return path,
    }
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    Ok(fs::canonicalize(folder_of(path))?.join(name))
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// A file that is removed when it is dropped, unless it has got its name.
///
/// Its own name follows from the one it is to have, so that what a killed process has left is found again; and it is locked
/// for as long as its writer lives, so that it is not taken for left.
#[derive(Debug)]
struct Temporary {
    file: File,
    path: PathBuf,
    owner: Owner,
    is_named: bool,
}

impl Temporary {
    fn create(path: &Path) -> io::Result<Self> {
        let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        let name = crc32fast::hash(name.as_encoded_bytes());
        let mut number = 0;
        loop {
            let path = folder_of(path).join(format!(".bitnpz.{name:08x}.{number}.tmp"));
            match OpenOptions::new().read(true).write(true).create_new(true).open(&path) {
                Ok(file) => {
                    // Another writer may have taken it for left before it was locked.
                    if lock(&file) != Lock::Others && is_at(&file, &path) {
                        return Ok(Self { file, path, owner: Owner::current(), is_named: false });
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    // It is removed and not used again: whoever may write to the folder could have put anything there.
                    let is_left = File::open(&path).is_ok_and(|file| {
                        lock(&file) == Lock::Ours && is_at(&file, &path) && fs::remove_file(&path).is_ok()
                    });
                    number += u32::from(!is_left);
                }
                Err(error) => return Err(error),
            }
        }
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.is_named && self.owner.check().is_ok() {
            // Nobody is left to be told; the next writer tries again.
            drop(fs::remove_file(&self.path));
        }
    }
}

impl Write for Temporary {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.owner.check()?;
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Seek for Temporary {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.owner.check()?;
        self.file.seek(position)
    }
}

/// Who has a file locked, now that we have tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lock {
    Ours,
    Others,
    /// Its file system has no locks.
    None,
}

fn lock(file: &File) -> Lock {
    match file.try_lock() {
        Ok(()) => Lock::Ours,
        Err(TryLockError::WouldBlock) => Lock::Others,
        Err(TryLockError::Error(_)) => Lock::None,
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

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Seek for AtomicFile {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.file.seek(position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(folder: &Path) -> Vec<String> {
        fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn does_a_file_appear_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npz");
        let mut dropped = AtomicFile::create(&path).unwrap();
        dropped.write_all(b"half").unwrap();
        drop(dropped);
        assert!(files(folder.path()).is_empty());
        for content in ["first", "second"] {
            let mut file = AtomicFile::create(&path).unwrap();
            file.write_all(content.as_bytes()).unwrap();
            assert_ne!(fs::read_to_string(&path).unwrap_or_default(), content);
            file.commit().unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), content);
        }
        assert_eq!(files(folder.path()), ["a.npz"]);
    }

    #[test]
    fn is_what_a_killed_writer_left_removed_by_the_next_and_that_of_a_living_one_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npz");
        let mut living = AtomicFile::create(&path).unwrap();
        living.write_all(b"living").unwrap();
        let left = folder.path().join(files(folder.path()).remove(0).replace(".0.", ".1."));
        fs::write(&left, "left by one that was killed").unwrap();
        let mut next = AtomicFile::create(&path).unwrap();
        assert_eq!(fs::read(&left).unwrap(), b"", "it has the place of what was left");
        next.write_all(b"next").unwrap();
        next.commit().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "next");
        living.commit().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "living");
        assert_eq!(files(folder.path()), ["a.npz"]);
    }

    #[test]
    fn can_a_hundred_writers_of_one_file_start_and_end_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npz");
        std::thread::scope(|scope| {
            for number in 0..100_u8 {
                let path = &path;
                scope.spawn(move || {
                    let mut file = AtomicFile::create(path).unwrap();
                    file.write_all(&[number; 3]).unwrap();
                    if number % 3 > 0 {
                        file.commit().unwrap();
                    }
                });
            }
        });
        let content = fs::read(&path).unwrap();
        assert!(content.len() == 3 && content.iter().all(|byte| *byte == content[0]));
        assert_eq!(files(folder.path()), ["a.npz"]);
    }

    #[cfg(unix)]
    #[test]
    fn are_permissions_and_links_kept() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("a.npz"), folder.path().join("link"));
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o646)).unwrap();
        symlink(&path, &link).unwrap();
        let mut file = AtomicFile::create(&link).unwrap();
        file.write_all(b"new").unwrap();
        file.commit().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o646);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    }
}
