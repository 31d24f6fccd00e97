//! One file per verb.

pub(crate) mod append;
pub(crate) mod completions;
pub(crate) mod convert;
pub(crate) mod demo;
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

use bitnpz::{Archive, OpenOptions};

use crate::arguments::Read;
use crate::failure::Failure;

/// Opens an archive, or says which one could not be.
fn open(path: &Path, read: &Read) -> Result<Archive, Failure> {
    let options = OpenOptions::default().with_limits(read.limits());
    Archive::open_with(path, options).map_err(|error| Failure::at(path, error))
}

/// Whether there is a file of this path. What cannot be told is an error, lest a file be taken for none and replaced.
fn exists(path: &Path) -> Result<bool, Failure> {
    path.try_exists().map_err(|error| Failure::at(path, error))
}

/// That there is nothing where something is to be written, unless it may be replaced.
fn check_free(path: &Path, force: bool) -> Result<(), Failure> {
    if !force && exists(path)? {
        return Err(Failure::at(path, "it is there already; --force replaces it"));
    }
    Ok(())
}
