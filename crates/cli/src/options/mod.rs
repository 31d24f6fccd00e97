//! Groups of options that several verbs share.

mod archive;
mod input;
mod output;
mod write;

pub(crate) use archive::{ArchiveArgs, KeyArgs, LimitArgs};
pub(crate) use input::InputArgs;
pub(crate) use output::{FormatArgs, OutputArgs};
pub(crate) use write::WriteArgs;
