//! Reading an archive.

mod archive;
mod array_reader;
mod batch;
mod diff;
mod entry;
mod image_set;
mod keys;
mod rows;
mod spool;
mod stats;
mod stored_images;
mod verify;

pub(crate) use archive::is_array;
pub use archive::{Archive, Content};
pub use array_reader::ArrayReader;
pub use diff::{Difference, DifferenceKind};
pub use entry::Entry;
pub use image_set::{Bitmaps, ImageSet};
pub use keys::Keys;
pub use stats::Stats;
pub(crate) use stored_images::StoredImages;
pub use verify::{Problem, Report};

/// What the names of members start with that are the library's own.
pub(crate) const RESERVED: &str = ".bitnpz/";
