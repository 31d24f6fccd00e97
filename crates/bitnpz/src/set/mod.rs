//! Image sets: images that are encoded together, with one model.
//!
//! | member | content |
//! |---|---|
//! | `.bitnpz/sets.json` | the names of all sets, and the order of saving: `description` |
//! | `.bitnpz/<set>/set.json` | codec, dtype, values, shape and segments: `description` |
//! | `.bitnpz/<set>/model.npy` | the codec's model |
//! | `.bitnpz/<set>/payload-<n>.npy` | the payloads of segment n |
//! | `.bitnpz/<set>/index-<n>.npy` | the start of each payload, repeats and checksums: `payload_index` |
//! | `.bitnpz/<set>/keys-<n>.npy` | the keys, unless they follow a pattern: `keys` |
//!
//! Writing: `writer` collects images (`collected`) into segments; `encode` trains a model (`train`), encodes the images
//! (`payloads`) and makes the members. Reading: `stored` finds an image's `segment`, its payload, and decodes it; `verify` reads
//! them all.

mod blob;
mod checksum;
mod collected;
mod description;
mod encode;
mod keys;
mod limits;
mod numbers;
mod options;
mod payload_index;
mod payloads;
mod sample;
mod segment;
mod stored;
mod train;
mod verify;
mod writer;

pub(crate) use description::{Ones, Sets, Shape};
pub(crate) use keys::KeySet;
pub(crate) use options::SetOptions;
pub(crate) use stored::StoredSet;
pub(crate) use verify::Flaw;
pub(crate) use writer::{SetWriter, segment_images};

/// Stacks of fewer bytes of packed rows become ordinary arrays: the members of a set take about a kilobyte by themselves.
pub(crate) const SMALL_STACK: usize = 8192;
