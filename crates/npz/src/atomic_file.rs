//! A file that appears whole or not at all.

use std::fs::{self, File};
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::error::Result;

/// A file that takes its name, and the place of a file that has it, only when it is whole.
///
/// Until [`commit`](Self::commit) it is a temporary file in the same folder; dropped without, it is gone and
/// what was there before is as it was. A process that is killed leaves at most the temporary file behind.
#[derive(Debug)]
pub struct AtomicFile {
    file: BufWriter<NamedTempFile>,
    path: PathBuf,
}

impl AtomicFile {
    /// Starts a file that is to have this path.
    ///
    /// # Errors
    ///
    /// If no file can be made in its folder, or the path is that of a folder.
    pub fn create(path: impl AsRef<Path>) -> Result<Self> {
        // A link is followed, so that what it points to is replaced and not the link.
        let path = fs::canonicalize(&path).unwrap_or_else(|_| path.as_ref().to_path_buf());
        if path.is_dir() {
            // Else it is the last step that fails.
            return Err(io::Error::from(io::ErrorKind::IsADirectory).into());
        }
        let mut builder = tempfile::Builder::new();
        builder.prefix(".bitnpz.").suffix(".tmp");
        let permissions = permissions_for(&path);
        if let Some(permissions) = permissions.clone() {
            builder.permissions(permissions);
        }
        let file = builder.tempfile_in(folder_of(&path))?;
        // What the umask took away from the permissions of the file to be replaced is given back.
        if let (Some(permissions), true) = (permissions, path.exists()) {
            file.as_file().set_permissions(permissions)?;
        }
        Ok(Self { file: BufWriter::with_capacity(1 << 18, file), path })
    }

    /// Makes the file durable and gives it its name.
    ///
    /// # Errors
    ///
    /// If writing, syncing or renaming fails; then the old file, if there was one, is as it was.
    pub fn commit(self) -> Result<()> {
        let file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.as_file().sync_all()?;
        file.persist(&self.path).map_err(|error| error.error)?;
        // The name itself is durable once the folder is.
        if cfg!(unix) {
            File::open(folder_of(&self.path))?.sync_all()?;
        }
        Ok(())
    }
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Those of the file to be replaced, or else what the umask leaves of all.
#[cfg(unix)]
fn permissions_for(path: &Path) -> Option<fs::Permissions> {
    use std::os::unix::fs::PermissionsExt;
    let old = fs::metadata(path).map(|metadata| metadata.permissions());
    Some(old.unwrap_or_else(|_| fs::Permissions::from_mode(0o666)))
}

#[cfg(not(unix))]
fn permissions_for(_: &Path) -> Option<fs::Permissions> {
    None
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
