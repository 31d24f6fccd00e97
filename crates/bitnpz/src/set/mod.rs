//! The `sets` encoding: image sets, whose images are payloads in one member, one after the other.
//!
//! | member | what it is |
//! |---|---|
//! | `.bitnpz/sets.json` | the names of the sets |
//! | `.bitnpz/<set>/set.json` | [`Description`] |
//! | `.bitnpz/<set>/model.npy` | the codec's model |
//! | `.bitnpz/<set>/payload-<n>.npy` | the payloads of segment n |
//! | `.bitnpz/<set>/index-<n>.npy` | [`Index`]: where each payload starts, repeats and checksums |
//! | `.bitnpz/<set>/keys-<n>.npy` | [`keys`], where they follow no pattern |

mod blob;
mod checksum;
mod description;
mod encode;
mod index;
mod keys;
mod numbers;
mod sample;
mod segment;
mod stored;
mod writer;

pub(crate) use description::{Ones, Sets, Shape};
pub(crate) use encode::SetOptions;
pub(crate) use keys::KeySet;
pub(crate) use stored::{Flaw, StoredSet};
pub(crate) use writer::{SetWriter, segment_images};

/// Stacks of fewer bytes of packed rows become ordinary arrays: the members of a set take about a kilobyte by themselves.
pub(crate) const SMALL_STACK: usize = 8192;
