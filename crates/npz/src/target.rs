//! What a file is to be written to.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// Links to links to nothing are followed so often, as the system does.
const MAX_LINKS: usize = 40;

/// What a file is to be written to.
#[derive(Debug)]
pub(crate) enum Target {
    /// A path from the root that leads to a regular file, which is replaced, or to nothing.
    File(PathBuf),
    /// A pipe or a device such as `/dev/null`, which takes what is written and is never replaced.
    Stream(File),
    /// Nothing that has a path.
    Unnamed,
}

impl Target {
    /// What is at a path. A link is followed, so that what it points to is written and not the link; whatever folder the
    /// process goes to, the path stays.
    pub(crate) fn find(path: &Path) -> io::Result<Self> {
        match fs::metadata(path) {
            Ok(found) if found.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
            Ok(found) if found.is_file() => Ok(Self::File(fs::canonicalize(path)?)),
            Ok(found) if is_stream(found.file_type()) => {
                Ok(Self::Stream(File::options().write(true).open(path)?))
            }
            Ok(_) => {
                let message =
                    "expected a file, a pipe or a character device to write to, found another thing";
                Err(io::Error::new(io::ErrorKind::InvalidInput, message))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::File(nothing_at(path)?)),
            Err(error) => Err(error),
        }
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

/// Where a file would be that is made at this path, which leads to nothing.
fn nothing_at(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        let Ok(target) = fs::read_link(&path) else {
            let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
            return Ok(fs::canonicalize(folder_of(&path))?.join(name));
        };
        path = folder_of(&path).join(target);
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "expected a file, found links that lead nowhere"))
}

pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}
