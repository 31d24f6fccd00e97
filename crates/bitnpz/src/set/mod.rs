//! Image sets: images that are encoded together.
//!
//! | member | content |
//! |---|---|
//! | `.bitnpz/sets.json` | the names of all sets, and the order of saving: `list` |
//! | `.bitnpz/<set>/set.json` | models, dtype, values, shape and segments: `description` |
//! | `.bitnpz/<set>/payload-<n>` | the payloads of segment n in blocks, with repeats and checksums: `block`, `lengths` |
//! | `.bitnpz/<set>/blocks-<n>` | how its blocks are laid out, and where each starts: `directory` |
//! | `.bitnpz/<set>/keys-<n>` | the keys, unless they follow a pattern: `keys` |
//! | `.bitnpz/models/<model>` | a model |
//!
//! Small directories and models are in `set.json` itself: `location`.
//!
//! Writing: `writer` collects images (`collected`) into segments; `encode` trains a model (`train`), encodes the images
//! (`payloads`) and puts them into blocks. Reading: `stored` finds an image's `segment`, its payload, and decodes it; blocks
//! that were read are kept in `kept_blocks`, and those that are read whole are checked by `block_checks`; `verify` reads all images. Sets of versions 1 to 3 have a
//! `payload_index` in place of blocks.

mod blob;
mod block;
mod block_checks;
mod checksum;
mod coded_image;
mod collected;
mod description;
mod directory;
mod distinct;
mod encode;
mod finished_set;
mod kept_blocks;
mod keys;
mod lengths;
mod limits;
mod list;
mod location;
mod model_bytes;
mod model_description;
mod numbers;
mod options;
mod payload_index;
mod payload_members;
mod payloads;
mod requests;
mod sample;
mod segment;
mod segment_blocks;
mod segment_keys;
mod shared_model;
mod stacks;
mod stored;
mod stored_payloads;
mod train;
mod verify;
mod window;
mod writer;

pub(crate) use block_checks::BlockChecks;
pub(crate) use coded_image::CodedImage;
pub(crate) use description::{Ones, Shape};
pub(crate) use finished_set::FinishedSet;
pub(crate) use keys::KeySet;
pub(crate) use limits::is_too_sparse;
pub(crate) use list::Sets;
pub(crate) use options::SetOptions;
pub use shared_model::Model;
pub(crate) use stacks::{StackShape, Stacks};
pub(crate) use stored::StoredSet;
pub(crate) use verify::Flaw;
pub(crate) use window::{Requested, Window};
pub(crate) use writer::{SetWriter, are_collected, images_at_once};

/// Stacks of fewer bytes of packed rows become ordinary arrays: the members of a set take about a kilobyte by themselves.
pub(crate) const SMALL_STACK: usize = 8192;
