//! One file per verb.

pub(crate) mod append;
pub(crate) mod clean;
pub(crate) mod completions;
pub(crate) mod convert;
#[cfg(feature = "demo")]
pub(crate) mod demo;
#[cfg(feature = "demo")]
mod glyphs;
pub(crate) mod info;
mod inputs;
pub(crate) mod ls;
pub(crate) mod pack;
pub(crate) mod salvage;
pub(crate) mod sheet;
pub(crate) mod unpack;
pub(crate) mod verify;
pub(crate) mod view;

use std::path::Path;
use std::{fs, io};

use bitnpz::{Archive, OpenOptions};

use crate::arguments::Read;
use crate::failure::Failure;

/// Opens an archive, or says which one could not be.
fn open(path: &Path, read: &Read) -> Result<Archive, Failure> {
    let options = OpenOptions::default().with_limits(read.limits());
    Archive::open_with(path, options).map_err(|error| Failure::at(path, error))
}

/// Whether there is something of this path, a link to nothing included. What cannot be told is an error, lest a file be taken
/// for none and replaced.
fn exists(path: &Path) -> Result<bool, Failure> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(Failure::at(path, error)),
    }
}

/// That there is nothing where something is to be written, unless it may be replaced. A device or a pipe is written to, and
/// stays.
fn check_free(path: &Path, force: bool) -> Result<(), Failure> {
    let is_stream = || fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir());
    if !force && exists(path)? && !is_stream() {
        return Err(Failure::at(path, "it is there already; --force replaces it"));
    }
    Ok(())
}

/// The size of what was written; none if it was written to a device or a pipe.
fn written(path: &Path) -> Option<u64> {
    fs::metadata(path).ok().filter(fs::Metadata::is_file).map(|found| found.len())
}
