//! Tests of the library against NumPy and the reference decoder.

#[global_allocator]
static ALLOCATOR: bitnpz_oracle::Counting = bitnpz_oracle::Counting;

mod append_encoding;
mod append_images;
mod axes;
mod batches;
mod choice;
mod claims;
#[cfg(feature = "picture")]
mod damaged_pictures;
mod errors;
mod extend;
mod failures;
mod golden;
mod hostile;
mod keys;
mod labels;
mod merge;
mod numpy;
mod order;
#[cfg(feature = "picture")]
mod pictures;
mod plain_sizes;
mod progress;
mod ranges;
mod salvage;
mod set_size;
mod sets;
mod shard_contents;
mod shard_keys;
mod shards;
mod shards_agree;
mod shards_in_stores;
mod shared_sets;
mod split;
mod stack_changes;
mod stored_array;
mod support;
