//! Writing an archive.

mod append;
mod copy;
mod extend;
mod ledger;
mod order_log;
mod plain;
mod remove;
mod resume;
mod salvage;
mod sets;
mod sink;
mod stack;
mod stack_writer;
mod threshold;
mod writer;

use std::path::{Path, PathBuf};

use crate::error::Result;

pub use copy::Added;
pub use stack_writer::StackWriter;
pub use threshold::Threshold;
pub use writer::{Summary, Writer};

/// Removes temporary files from a folder that writers have left which were killed, and gives back their paths. Those of writers
/// that live are left alone.
///
/// Where the system has files without names, as Linux has, a writer that is killed leaves nothing, but in the moment in which it
/// replaces a file.
///
/// # Errors
///
/// If the folder cannot be read, or a file in it not be removed.
pub fn clean(folder: impl AsRef<Path>) -> Result<Vec<PathBuf>> {
    Ok(bitnpz_npz::clean(folder)?)
}
