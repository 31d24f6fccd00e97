//! Images of several shards that have the same key.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::Arc;

use super::open_shards::{OpenShards, Part};
use crate::error::Result;
use crate::interrupt;
use crate::read::Images;

/// The hashes of so many keys are kept at a time: 150 MB at most. If there are more keys, all are read several times.
const KEYS_AT_ONCE: usize = 1 << 22;

/// So many of them are told of each shard; the others are counted.
const MOST_TOLD: usize = 100;

/// After so many keys it is checked whether the call was interrupted.
const KEYS_BETWEEN_CHECKS: usize = 1 << 12;

/// An image whose key an image of an earlier shard has too.
#[derive(Clone, Debug)]
pub(super) struct KeyTwice {
    pub(super) shard: usize,
    /// The image in the shard.
    pub(super) image: usize,
    pub(super) key: String,
    pub(super) earlier: usize,
}

impl OpenShards {
    /// Returns the images of this array, which have keys of their own, whose key an image of an earlier shard has too, and how many
    /// more each shard has. Shards that cannot be read are left out.
    pub(super) fn keys_twice(&self, array: usize) -> Result<(Vec<KeyTwice>, Vec<usize>)> {
        let count: usize = self.manifest.shards().iter().map(|shard| shard.items[array]).sum();
        let passes = count.div_ceil(KEYS_AT_ONCE) as u64;
        let hasher = foldhash::quality::RandomState::default();
        let (mut found, mut counts) = (Vec::new(), vec![0_usize; self.manifest.shards().len()]);
        for pass in 0..passes {
            let mut first = HashMap::with_hasher(foldhash::fast::FixedState::default());
            for (shard, count) in counts.iter_mut().enumerate() {
                let Some(images) = self.keyed(shard, array) else { continue };
                for image in 0..images.len() {
                    if image % KEYS_BETWEEN_CHECKS == 0 {
                        interrupt::check()?;
                    }
                    let Some(key) = images.key(image) else { continue };
                    let hash = hasher.hash_one(bitnpz_npz::identity(&key));
                    if hash % passes == pass {
                        let earlier = *first.entry(hash).or_insert(shard);
                        if earlier == shard {
                            continue;
                        }
                        *count += 1;
                        if *count <= MOST_TOLD {
                            found.push(KeyTwice { shard, image, key, earlier });
                        }
                    }
                }
            }
        }
        let more = counts.into_iter().map(|count| count.saturating_sub(MOST_TOLD)).collect();
        Ok((self.confirm(found, array)?, more))
    }

    /// Returns those of which the earlier shard has the key: keys that differ may have the same hash. Opens each of these shards once.
    fn confirm(&self, mut found: Vec<KeyTwice>, array: usize) -> Result<Vec<KeyTwice>> {
        found.sort_by_key(|twice| twice.earlier);
        let mut confirmed = Vec::with_capacity(found.len());
        for same in found.chunk_by(|one, other| one.earlier == other.earlier) {
            interrupt::check()?;
            let Some(images) = self.keyed(same[0].earlier, array) else { continue };
            confirmed.extend(same.iter().filter(|twice| images.find(&twice.key).is_some()).cloned());
        }
        confirmed.sort_by_key(|twice| (twice.shard, twice.image));
        Ok(confirmed)
    }

    /// Returns the images of a shard, if there are any and they can be read.
    fn keyed(&self, shard: usize, array: usize) -> Option<Arc<Images>> {
        match self.part(shard, array).ok()? {
            Part::Images(images) if self.manifest.shards()[shard].items[array] > 0 => Some(images),
            _ => None,
        }
    }
}
