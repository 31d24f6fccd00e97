//! A file that appears whole or not at all.

use std::fs::{self, File};
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::error::{Result, WriteFailure};
use crate::target::{Target, folder_of};
use crate::temporary::TemporaryFile;

/// A file that takes its name, and the place of a file that has it, only when it is whole.
///
/// Until [`commit`](Self::commit) it is a temporary file in the same folder, without a name where the system has such files;
/// dropped without, it is gone and what was there before is as it was. A process that is killed leaves at most a temporary
/// file that has a name, which [`clean`](crate::clean) and the next that writes a file of this name remove.
///
/// A pipe or a device takes all that was written when it is committed, and is never replaced.
#[derive(Debug)]
pub struct AtomicFile {
    file: BufWriter<TemporaryFile>,
    target: Target,
    /// As it was given.
    path: PathBuf,
}

impl AtomicFile {
    /// Starts a file that is to have this path.
    ///
    /// # Errors
    ///
    /// If no file can be made in its folder, or if something has the path that can neither be replaced nor written to: a
    /// folder, a socket, a disk.
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
            // A file that is replaced may be read by those who could read it before, a new one as the umask says.
            match fs::metadata(path) {
                Ok(old) => file.file().set_permissions(old.permissions())?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Self { file: BufWriter::with_capacity(1 << 18, file), target, path: path.to_owned() })
    }

    /// Starts a file without a path, in the folder for temporary files: [`copy_to`](Self::copy_to) gives what was written.
    ///
    /// # Errors
    ///
    /// If no file can be made there.
    pub fn unnamed() -> Result<Self> {
        let folder = std::env::temp_dir();
        let file = TemporaryFile::create(&folder.join("stream"));
        let file = file.map_err(|error| WriteFailure::at(&folder, error))?;
        Ok(Self { file: BufWriter::with_capacity(1 << 18, file), target: Target::Unnamed, path: folder })
    }

    /// Gives all that was written to `out`. The file takes no name.
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

    /// Makes the file durable and gives it its name.
    ///
    /// # Errors
    ///
    /// If writing, syncing or renaming fails; then the old file, if there was one, is as it was. If only the folder
    /// cannot be synced, the new file is there, but might not be after a crash of the machine.
    pub fn commit(self) -> Result<()> {
        let Self { file, target, path } = self;
        finish(file, target).map_err(|error| WriteFailure::at(&path, error).into())
    }
}

fn finish(file: BufWriter<TemporaryFile>, target: Target) -> io::Result<()> {
    let mut file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
    let path = match target {
        Target::File(path) => path,
        Target::Unnamed => {
            let message = "expected a path, found an archive without one: give it to what takes its bytes";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        Target::Stream(mut stream) => {
            file.rewind()?;
            io::copy(&mut file.file(), &mut stream)?;
            return stream.flush();
        }
    };
    file.file().sync_all()?;
    file.take_name(&path)?;
    // The name itself is durable once the folder is.
    if cfg!(unix) { File::open(folder_of(&path))?.sync_all() } else { Ok(()) }
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
    fn is_what_a_killed_writer_left_removed_by_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npz");
        let left = folder.path().join(format!(".bitnpz.{:08x}.0.tmp", crc32fast::hash(b"a.npz")));
        fs::write(&left, "left by one that was killed").unwrap();
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
    fn is_a_pipe_or_a_device_written_to_and_never_replaced() {
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
    fn does_a_link_to_nothing_lead_to_the_file_that_is_made() {
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
