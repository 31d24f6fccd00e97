//! Sharded archives: sets of archives, the *shards*, that are read as one.
//!
//! A manifest lists the shards and the arrays that are cut over them.
//!
//! | module | for |
//! |---|---|
//! | `manifest` | the manifest: its text and what it means |
//! | `read_manifest` | reading it from a file |
//! | `describe` | the manifest of archives that are there |
//! | `found` | the arrays of an archive that is to be a shard |
//! | `labels` | arrays that shards store as images with keys of their own |
//! | `commit` | writing it in one step, so that readers see all shards of a set or none |
//! | `open_shards` | the shards that are open, opened when something is read of them |
//! | `sharded_archive` | reading: the public type |
//! | `verify_shard` | verifying a shard, and what the manifest says of it |
//! | `keys_twice` | verifying: images of several shards that have the same key |
//! | `names` | names of shards that nobody else has |
//! | `orphans` | shards that no manifest names |
//! | `shard` | cutting an archive into shards |

mod commit;
mod describe;
mod found;
mod keys_twice;
mod labels;
mod manifest;
mod names;
mod open_shards;
mod orphans;
mod read_manifest;
mod shard;
mod sharded_archive;
mod verify_shard;

pub use commit::{commit, replace};
pub use manifest::{MANIFEST_SUFFIX, Manifest, Shard, is_manifest};
pub use names::shard_path;
pub use open_shards::ShardStore;
pub use orphans::remove_orphans;
pub use shard::shard;
pub use sharded_archive::{ShardReport, ShardedArchive};
