//! Files that are replaced by a rename.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use bitnpz::sync_folder_of;

/// Returns the path of the file that a path leads to through links, or of the file that would be created; `None` if it
/// leads to something else, such as a folder, a device or a pipe.
pub(super) fn target_of(path: &Path) -> io::Result<Option<PathBuf>> {
    match fs::metadata(path) {
        Ok(found) if !found.is_file() => return Ok(None),
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut path = path.to_owned();
    // There is no circle of links: the system has followed them.
    while let Ok(next) = fs::read_link(&path) {
        path = path.parent().unwrap_or(Path::new("")).join(next);
    }
    Ok(Some(path))
}

/// Gives a file the permissions of the one that it will replace, if there is one.
pub(super) fn keep_permissions(path: &Path, replaced: &Path) -> io::Result<()> {
    match fs::metadata(replaced) {
        Ok(found) => fs::set_permissions(path, found.permissions()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Moves a file, which is on disk already, to the place of another, durably.
pub(super) fn rename(path: &Path, target: &Path) -> io::Result<()> {
    fs::rename(path, target)?;
    sync_folder_of(target)
}
