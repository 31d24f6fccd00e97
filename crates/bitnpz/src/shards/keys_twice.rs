//! Images of several shards that have the same key.

use std::collections::HashSet;
use std::hash::BuildHasher;
use std::sync::Arc;

use super::open_shards::{OpenShards, Part};
use crate::error::Result;
use crate::interrupt;
use crate::read::Images;

/// The hashes of so many keys are kept at a time: 75 MB at most. If there are more keys, all are read several times.
const KEYS_AT_ONCE: usize = 1 << 22;

/// An image whose key an image of an earlier shard has too.
pub(super) struct KeyTwice {
    pub(super) shard: usize,
    /// The image in the shard.
    pub(super) image: usize,
    pub(super) key: String,
    pub(super) earlier: usize,
}

impl OpenShards {
    /// Returns the images of this array, which have keys of their own, whose key an image of an earlier shard has too. Shards that
    /// cannot be read are left out.
    pub(super) fn keys_twice(&self, array: usize) -> Result<Vec<KeyTwice>> {
        let count: usize = self.manifest.shards().iter().map(|shard| shard.items[array]).sum();
        let passes = count.div_ceil(KEYS_AT_ONCE) as u64;
        let hasher = foldhash::quality::RandomState::default();
        let mut found = Vec::new();
        for pass in 0..passes {
            let mut seen = HashSet::with_capacity_and_hasher(0, foldhash::fast::FixedState::default());
            for shard in 0..self.manifest.shards().len() {
                interrupt::check()?;
                let Some(images) = self.keyed(shard, array) else { continue };
                for image in 0..images.len() {
                    let Some(key) = images.key(image) else { continue };
                    let hash = hasher.hash_one(bitnpz_npz::identity(&key));
                    // Keys that differ may have the same hash.
                    if hash % passes == pass
                        && !seen.insert(hash)
                        && let Some(earlier) = self.first_with(&key, shard, array)
                    {
                        found.push(KeyTwice { shard, image, key, earlier });
                    }
                }
            }
        }
        Ok(found)
    }

    /// Returns the first shard before this one that has an image with this key.
    fn first_with(&self, key: &str, shard: usize, array: usize) -> Option<usize> {
        (0..shard)
            .find(|&earlier| self.keyed(earlier, array).is_some_and(|images| images.find(key).is_some()))
    }

    /// Returns the images of a shard, if there are any and they can be read.
    fn keyed(&self, shard: usize, array: usize) -> Option<Arc<Images>> {
        match self.part(shard, array).ok()? {
            Part::Images(images) if self.manifest.shards()[shard].items[array] > 0 => Some(images),
            _ => None,
        }
    }
}
