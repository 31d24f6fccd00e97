//! Finds what a path to be written to leads to.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// The longest chain of links to a missing file that is followed, as in Linux.
const MAX_LINKS: usize = 40;

/// The destination of a file that is being written.
#[derive(Debug)]
pub(crate) enum Target {
    /// The absolute path of a regular file to replace, or of no file yet.
    File(PathBuf),
    /// A pipe or a device such as `/dev/null`, which is written to and never replaced.
    Stream(File),
    /// No path: the caller takes the bytes.
    Unnamed,
}

impl Target {
    /// Finds the target of a path. Links are followed, so that the file they point to is replaced and not the link. The
    /// result does not depend on the current folder, which may change.
    pub(crate) fn find(path: &Path) -> io::Result<Self> {
        match fs::metadata(path) {
            Ok(found) if found.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
            Ok(found) if found.is_file() => Ok(Self::File(fs::canonicalize(path)?)),
            Ok(found) if is_stream(found.file_type()) => {
                Ok(Self::Stream(File::options().write(true).open(path)?))
            }
            Ok(_) => {
                let message =
                    "expected a file, a pipe or a character device to write to, found something else";
                Err(io::Error::new(io::ErrorKind::InvalidInput, message))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::File(resolve_missing(path)?)),
            Err(error) => Err(error),
        }
    }
}

/// Returns the path of the file that a path leads to through links, or at which it would be created; `None` if it leads to something
/// else, such as a folder, a device or a pipe.
///
/// # Errors
///
/// If the system does not say where the path leads.
pub fn file_at(path: impl AsRef<Path>) -> io::Result<Option<PathBuf>> {
    let path = path.as_ref();
    // A pipe is not opened: that waits for its reader.
    if fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        return Ok(None);
    }
    match Target::find(path)? {
        Target::File(path) => Ok(Some(path)),
        Target::Stream(_) | Target::Unnamed => Ok(None),
    }
}

#[cfg(unix)]
fn is_stream(kind: fs::FileType) -> bool {
    use std::os::unix::fs::FileTypeExt;
    kind.is_fifo() || kind.is_char_device()
}

#[cfg(not(unix))]
fn is_stream(_: fs::FileType) -> bool {
    false
}

/// Returns the absolute path at which a file would be created through this path, which leads to no file.
fn resolve_missing(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        let Ok(target) = fs::read_link(&path) else {
            let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
            return Ok(fs::canonicalize(folder_of(&path))?.join(name));
        };
        path = folder_of(&path).join(target);
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "expected a file, found too many links"))
}

/// Returns the folder of a path: its parent, or the current folder.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}
