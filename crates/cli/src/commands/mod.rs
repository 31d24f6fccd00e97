//! One file per verb, with its arguments; and what several verbs share.

pub(crate) mod append;
pub(crate) mod clean;
pub(crate) mod commit;
pub(crate) mod completions;
pub(crate) mod convert;
mod copy;
#[cfg(feature = "demo")]
pub(crate) mod demo;
pub(crate) mod diff;
mod files;
mod filter;
pub(crate) mod gc;
#[cfg(feature = "demo")]
mod glyphs;
pub(crate) mod info;
mod inputs;
mod labels;
pub(crate) mod ls;
pub(crate) mod man;
pub(crate) mod merge;
mod notes;
pub(crate) mod pack;
mod packer;
mod packing;
mod partial;
mod problem;
pub(crate) mod rm;
pub(crate) mod salvage;
pub(crate) mod shard;
mod sharded;
pub(crate) mod sheet;
pub(crate) mod split;
pub(crate) mod stats;
pub(crate) mod unpack;
mod unpacked_paths;
pub(crate) mod verify;
pub(crate) mod view;
mod walk;
