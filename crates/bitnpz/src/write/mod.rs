//! Writing an archive.
//!
//! `output` is the archive being written, with its ledger. What each encoding writes into it lies above: `plain` (with `bilevel`
//! and `trial`), `small`, `waiting`, `stack_writer` and `sets`. That has the open image sets: of a stack (`set_stack`), of several
//! (`shared_set`, and `taken_stacks` of another archive), and of images with keys of their own. `writer` starts and finishes an
//! archive; what users add to it is in `add`, `extend`, `append`, `merge`, `copy`, `threshold`, `remove` and `resume`. `choice`
//! decides what images become: of a set, packed rows or an ordinary array. `train` makes a model for several archives.

mod add;
mod append;
mod array_stream;
mod bilevel;
mod checkpoint;
mod choice;
mod copy;
mod extend;
mod ledger;
mod merge;
mod merge_sources;
mod open_stacks;
mod order_log;
mod output;
mod plain;
mod remove;
mod resume;
mod set_names;
mod set_stack;
mod sets;
mod shared_set;
mod small;
mod source;
mod spill;
mod split;
mod stack;
mod stack_writer;
mod take_sets;
mod taken_images;
mod taken_stacks;
mod target;
mod threshold;
mod train;
mod trial;
mod waiting;
mod writer;

use std::path::{Path, PathBuf};

use crate::error::Result;

pub use copy::Added;
pub use ledger::Summary;
pub(crate) use merge_sources::MOST_LABELS;
pub(crate) use remove::Remaining;
pub use stack_writer::StackWriter;
pub use threshold::Threshold;
pub use writer::Writer;

/// Removes the temporary files that killed writers have left in a folder, and returns their paths. Those of running writers stay.
///
/// On systems with files without names, as Linux, a killed writer leaves one only if it is killed in the moment in which it
/// replaces a file.
///
/// # Errors
///
/// If the folder cannot be read, or a file in it cannot be removed.
pub fn clean(folder: impl AsRef<Path>) -> Result<Vec<PathBuf>> {
    Ok(bitnpz_npz::clean(folder)?)
}
