//! Reading an archive.
//!
//! `contents` is what an open archive holds; `entry`, `images`, `places` and `keys` look at it; `archive` stands on top of these,
//! and what looks at whole archives (`verify`, `stats`, `diff`) on top of that.

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
mod open;
mod order;
mod packed_rows;
mod places;
mod report;
mod spool;
mod stats;
mod stored_images;
mod verify;

pub use archive::Archive;
pub use array_reader::ArrayReader;
pub(crate) use contents::SetArray;
pub use diff::{Difference, DifferenceKind};
pub use entry::Entry;
pub use get::Content;
pub use images::{Bitmaps, Images};
pub use item::{Item, OtherContent, OtherMember};
pub use keys::{Keys, Names};
pub(crate) use places::Place;
pub use report::{Problem, Report};
pub use stats::Stats;
pub(crate) use stored_images::StoredImages;
