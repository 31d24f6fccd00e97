//! A file that is replaced whole or not at all.

use std::fs::{self, File};
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::error::{Result, WriteFailure};
use crate::memory::check_room;
use crate::owner::keep_owner;
use crate::target::{Target, folder_of};
use crate::temporary::TemporaryFile;

/// The size of the write buffer: large enough that system calls cost little.
const WRITE_BUFFER_BYTES: usize = 1 << 18;

/// A file that gets its name, and replaces a file of that name, only when it is complete.
///
/// Until [`commit`](Self::commit) it is a temporary file in the same folder, without a name where the system allows this.
/// If it is dropped instead, it is removed, and an existing file is unchanged. A killed process leaves at most a named
/// temporary file, which [`clean`](crate::clean) and the next writer of the same path remove.
///
/// Pipes and devices receive everything on commit and are never replaced.
///
/// ```
/// use std::io::Write;
/// use bitnpz_npz::AtomicFile;
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("notes.txt");
/// let mut file = AtomicFile::create(&path)?;
/// file.write_all(b"all or nothing")?;
/// assert!(!path.exists());
/// file.commit()?;
/// assert_eq!(std::fs::read(&path)?, b"all or nothing");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct AtomicFile {
    file: BufWriter<TemporaryFile>,
    target: Target,
    /// The path as the caller gave it, for errors.
    path: PathBuf,
}

impl AtomicFile {
    /// Starts writing a file that will have this path.
    ///
    /// # Errors
    ///
    /// If no file can be created in its folder, or if the path leads to something that can neither be replaced nor written
    /// to: a folder, a socket, a disk.
    pub fn create(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        Self::start(path).map_err(|error| WriteFailure::at(path, error).into())
    }

    fn start(path: &Path) -> io::Result<Self> {
        let target = Target::find(path)?;
        let file = match &target {
            Target::File(path) => TemporaryFile::create(path)?,
            Target::Stream(_) | Target::Unnamed => {
                TemporaryFile::create(&std::env::temp_dir().join("stream"))?
            }
        };
        if let Target::File(path) = &target {
            inherit(file.file(), path)?;
        }
        Ok(Self { file: buffered(file)?, target, path: path.to_owned() })
    }

    /// Starts writing a file without a path, in the folder for temporary files. Get its content with
    /// [`copy_to`](Self::copy_to).
    ///
    /// # Errors
    ///
    /// If no file can be created there.
    pub fn unnamed() -> Result<Self> {
        let folder = std::env::temp_dir();
        let file = TemporaryFile::create(&folder.join("stream")).and_then(buffered);
        let file = file.map_err(|error| WriteFailure::at(&folder, error))?;
        Ok(Self { file, target: Target::Unnamed, path: folder })
    }

    /// Copies the content to `out` and removes the file.
    ///
    /// # Errors
    ///
    /// If reading or writing fails.
    pub fn copy_to(self, mut out: impl Write) -> Result<()> {
        let mut file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.rewind()?;
        io::copy(&mut file.file(), &mut out)?;
        Ok(out.flush()?)
    }

    /// Syncs what was written so far to disk, so that [`commit`](Self::commit) takes no time for it.
    ///
    /// # Errors
    ///
    /// If writing or syncing fails.
    pub fn sync(&mut self) -> Result<()> {
        let synced = self.file.flush().and_then(|()| self.file.get_ref().file().sync_all());
        synced.map_err(|error| WriteFailure::at(&self.path, error).into())
    }

    /// Syncs the file to disk and moves it to its path.
    ///
    /// # Errors
    ///
    /// If writing, syncing or renaming fails; an existing file is then unchanged. If only syncing the folder fails, the
    /// new file is in place, but may be lost if the machine crashes.
    pub fn commit(self) -> Result<()> {
        let Self { file, target, path } = self;
        finish(file, target, TemporaryFile::take_name).map_err(|error| WriteFailure::at(&path, error).into())
    }

    /// Does the same, unless there is a file of that name: of several processes that create one, one succeeds.
    ///
    /// # Errors
    ///
    /// As [`commit`](Self::commit), and if the file exists, of the kind [`io::ErrorKind::AlreadyExists`].
    pub fn commit_new(self) -> Result<()> {
        let Self { file, target, path } = self;
        let finished = finish(file, target, TemporaryFile::take_free_name);
        finished.map_err(|error| WriteFailure::at(&path, error).into())
    }
}

/// Moves a file, whose content is on disk already, to the place of another, durably. The path is that of a [file](crate::file_at); it
/// keeps its permissions, and its owner and group as far as this process may set them.
///
/// # Errors
///
/// If renaming fails, or syncing the folder.
pub fn replace_file(from: impl AsRef<Path>, path: impl AsRef<Path>) -> io::Result<()> {
    let (from, path) = (from.as_ref(), path.as_ref());
    inherit(&File::open(from)?, path)?;
    fs::rename(from, path)?;
    sync_folder_of(path)
}

/// Gives a file the permissions of the one that it will replace, and its owner and group as far as this process may; a file that
/// replaces none has those that it was created with.
fn inherit(file: &File, replaced: &Path) -> io::Result<()> {
    match fs::metadata(replaced) {
        Ok(old) => {
            keep_owner(file, &old);
            file.set_permissions(old.permissions())
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Adds a write buffer to a file.
fn buffered(file: TemporaryFile) -> io::Result<BufWriter<TemporaryFile>> {
    check_room(WRITE_BUFFER_BYTES).map_err(|error| io::Error::new(io::ErrorKind::OutOfMemory, error))?;
    Ok(BufWriter::with_capacity(WRITE_BUFFER_BYTES, file))
}

/// Writes everything, and calls `take_name` with the file and its path.
fn finish(
    file: BufWriter<TemporaryFile>,
    target: Target,
    take_name: impl FnOnce(TemporaryFile, &Path) -> io::Result<()>,
) -> io::Result<()> {
    let mut file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
    let path = match target {
        Target::File(path) => path,
        Target::Unnamed => {
            let message = "expected a file with a path, found an unnamed one: copy its bytes instead";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        Target::Stream(mut stream) => {
            file.rewind()?;
            io::copy(&mut file.file(), &mut stream)?;
            return stream.flush();
        }
    };
    file.file().sync_all()?;
    take_name(file, &path)?;
    sync_folder_of(path)
}

/// Syncs the folder of a file to disk, so that the creation or renaming of the file survives a crash of the machine. Does
/// nothing on Windows, nor where folders cannot be synced or this process may not read the folder: the file is in place.
///
/// # Errors
///
/// If syncing fails.
pub fn sync_folder_of(path: impl AsRef<Path>) -> io::Result<()> {
    if !cfg!(unix) {
        return Ok(());
    }
    match File::open(folder_of(path.as_ref())).and_then(|folder| folder.sync_all()) {
        Err(error) if is_unsupported(error.kind()) => Ok(()),
        synced => synced,
    }
}

fn is_unsupported(error: io::ErrorKind) -> bool {
    use io::ErrorKind::{InvalidInput, PermissionDenied, Unsupported};
    matches!(error, InvalidInput | PermissionDenied | Unsupported)
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes).map_err(|error| WriteFailure::at(&self.path, error))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush().map_err(|error| WriteFailure::at(&self.path, error))
    }
}

impl Seek for AtomicFile {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.file.seek(position).map_err(|error| WriteFailure::at(&self.path, error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(folder: &Path) -> Vec<String> {
        fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn appears_whole_or_not_at_all() {
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
    fn a_new_file_replaces_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        for (content, is_first) in [("first", true), ("second", false)] {
            let mut file = AtomicFile::create(&path).unwrap();
            file.write_all(content.as_bytes()).unwrap();
            assert_eq!(file.commit_new().is_ok(), is_first);
            assert_eq!(fs::read_to_string(&path).unwrap(), "first");
        }
        assert_eq!(files(folder.path()), ["a.json"]);
        let writers: Vec<_> = (0..50).map(|_| AtomicFile::create(folder.path().join("b")).unwrap()).collect();
        assert_eq!(writers.into_iter().map(AtomicFile::commit_new).filter(Result::is_ok).count(), 1);
    }

    #[test]
    fn removes_the_file_of_a_killed_writer() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npz");
        let left = folder.path().join(format!(".bitnpz.{:08x}.0.tmp", crc32fast::hash(b"a.npz")));
        fs::write(&left, "left by a killed writer").unwrap();
        for content in ["first", "second"] {
            let mut file = AtomicFile::create(&path).unwrap();
            file.write_all(content.as_bytes()).unwrap();
            file.commit().unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), content);
        }
        assert_eq!(files(folder.path()), ["a.npz"]);
    }

    #[cfg(unix)]
    #[test]
    fn writes_to_pipes_and_devices_and_never_replaces_them() {
        use std::os::unix::fs::FileTypeExt;
        use std::process::Command;
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let reader = std::thread::spawn({
            let pipe = pipe.clone();
            move || fs::read(pipe).unwrap()
        });
        let mut file = AtomicFile::create(&pipe).unwrap();
        file.write_all(b"one").unwrap();
        file.seek(SeekFrom::Start(0)).unwrap();
        file.write_all(b"two and more").unwrap();
        file.commit().unwrap();
        assert_eq!(reader.join().unwrap(), b"two and more");
        assert!(fs::metadata(&pipe).unwrap().file_type().is_fifo());
        assert_eq!(files(folder.path()), ["pipe"]);
        let mut file = AtomicFile::create("/dev/null").unwrap();
        file.write_all(b"nothing").unwrap();
        file.commit().unwrap();
        assert!(fs::metadata("/dev/null").unwrap().file_type().is_char_device());
        let socket = folder.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        for path in [socket.as_path(), folder.path()] {
            let error = AtomicFile::create(path).unwrap_err();
            assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn creates_the_file_that_a_dangling_link_points_to() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        symlink("second", path("first")).unwrap();
        symlink(path("a.npz"), path("second")).unwrap();
        let mut file = AtomicFile::create(path("first")).unwrap();
        file.write_all(b"new").unwrap();
        file.commit().unwrap();
        assert_eq!(fs::read(path("a.npz")).unwrap(), b"new");
        assert!(fs::symlink_metadata(path("first")).unwrap().is_symlink());
        symlink("circle", path("circle")).unwrap();
        AtomicFile::create(path("circle")).unwrap_err();
    }

    #[test]
    fn a_hundred_writers_can_write_one_file_at_once() {
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

    #[test]
    fn writers_remove_what_a_killed_one_left_and_nothing_of_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npz");
        fs::write(&path, "a file to replace, for which a name is needed").unwrap();
        let left = folder.path().join(format!(".bitnpz.{:08x}.0.tmp", crc32fast::hash(b"a.npz")));
        for _ in 0..300 {
            fs::write(&left, "left by a killed writer").unwrap();
            let write = || {
                let mut file = AtomicFile::create(&path)?;
                file.write_all(b"new")?;
                file.commit()
            };
            std::thread::scope(|scope| {
                let writers: Vec<_> = (0..8).map(|_| scope.spawn(write)).collect();
                writers.into_iter().for_each(|writer| writer.join().unwrap().unwrap());
            });
            assert_eq!(fs::read(&path).unwrap(), b"new");
        }
        assert_eq!(files(folder.path()), ["a.npz"]);
    }

    #[cfg(unix)]
    #[test]
    fn keeps_permissions_and_links() {
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

    /// Only root can give files away.
    #[cfg(unix)]
    #[test]
    fn keeps_the_owner_of_a_file_that_root_replaces() {
        use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npz");
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let is_root = chown(&path, Some(1234), Some(5678)).is_ok();
        let owner = |metadata: fs::Metadata| (metadata.uid(), metadata.gid(), metadata.mode() & 0o777);
        let expected = owner(fs::metadata(&path).unwrap());
        AtomicFile::create(&path).unwrap().commit().unwrap();
        assert_eq!(owner(fs::metadata(&path).unwrap()), expected, "as root: {is_root}");
        assert_eq!(fs::read(&path).unwrap(), b"");
    }

    /// A folder in which this process may create files, but not list them; root may always.
    #[cfg(unix)]
    #[test]
    fn a_folder_that_cannot_be_read_is_no_error() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("inner");
        fs::create_dir(&inner).unwrap();
        fs::set_permissions(&inner, fs::Permissions::from_mode(0o300)).unwrap();
        let mut file = AtomicFile::create(inner.join("a.npz")).unwrap();
        file.write_all(b"new").unwrap();
        file.commit().unwrap();
        assert_eq!(fs::read(inner.join("a.npz")).unwrap(), b"new");
        fs::set_permissions(&inner, fs::Permissions::from_mode(0o700)).unwrap();
        assert!(
            is_unsupported(io::ErrorKind::PermissionDenied) && !is_unsupported(io::ErrorKind::StorageFull)
        );
    }
}
