//! Reading an archive.
//!
//! `contents` holds the members and image sets of an open archive. `entry`, `images`, `places` and `keys` read from it;
//! `archive` and `get` join these in the public type, and `verify`, `stats` and `diff` read whole archives.

mod archive;
mod array_reader;
mod batch;
mod check;
mod contents;
mod diff;
mod entry;
mod get;
mod images;
mod item;
mod keys;
mod member_items;
mod open;
mod open_options;
mod order;
mod outputs;
mod packed_rows;
mod pixels;
mod places;
mod report;
mod sharded_images;
mod share;
mod spool;
mod stats;
mod stored_array;
mod stored_images;
mod verify;

pub use archive::Archive;
pub use array_reader::ArrayReader;
pub(crate) use check::check_array;
pub(crate) use contents::SetArray;
pub use diff::{Difference, DifferenceKind};
pub use entry::Entry;
pub use get::Content;
pub(crate) use images::ShardedImages;
pub use images::{Bitmaps, Images};
pub use item::{Item, OtherContent, OtherMember};
pub use keys::{Keys, Names};
pub use open_options::OpenOptions;
pub(crate) use places::ItemPlace;
pub use report::{Problem, Report};
pub(crate) use sharded_images::SHARDS_AT_ONCE;
pub use stats::Stats;
pub(crate) use stored_array::ShardedItems;
pub use stored_array::StoredArray;
pub(crate) use stored_images::StoredImages;
