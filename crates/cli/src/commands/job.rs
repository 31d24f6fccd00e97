//! What a resumable pack was begun with: what goes on with it must be the same.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::failure::{Failure, Outcome};

/// Checks that what is at the path of a partial archive was begun with these inputs and options, and notes them where nothing was
/// begun.
pub(super) fn check(partial: &Path, job: &str) -> Outcome {
    let path = path(partial);
    if super::exists(partial)? && super::exists(&path)? {
        let begun = fs::read_to_string(&path).map_err(|error| Failure::at(&path, error))?;
        if begun == job {
            return Ok(());
        }
        let message =
            "it was begun with other inputs or options: give the same again, or remove it to start anew";
        return Err(Failure::at(partial, message));
    }
    write(&path, job).map_err(|error| Failure::at(&path, error))
}

/// Writes the note so that it is there for good before anything of the archive is.
fn write(path: &Path, job: &str) -> std::io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(job.as_bytes())?;
    file.sync_all()?;
    super::pack::sync_folder(path)
}

/// Removes the note of a job that is done.
pub(super) fn forget(partial: &Path) -> Outcome {
    let path = path(partial);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Failure::at(&path, error)),
        _ => Ok(()),
    }
}

fn path(partial: &Path) -> PathBuf {
    let mut name = partial.as_os_str().to_owned();
    name.push(".job");
    name.into()
}
