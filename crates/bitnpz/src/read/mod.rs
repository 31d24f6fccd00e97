//! Reading an archive.

mod archive;
mod array_reader;
mod batch;
mod diff;
mod entry;
mod images;
mod item;
mod keys;
mod order;
mod rows;
mod spool;
mod stats;
mod stored_images;
mod verify;

pub use archive::{Archive, Content};
pub use array_reader::ArrayReader;
pub use diff::{Difference, DifferenceKind};
pub use entry::Entry;
pub use images::{Bitmaps, Images};
pub use item::{Item, OtherContent, OtherMember};
pub use keys::{Keys, Names};
pub(crate) use order::{Place, Places};
pub use stats::Stats;
pub(crate) use stored_images::StoredImages;
pub use verify::{Problem, Report};
