//! Finding a key in a key table.

use std::hash::{BuildHasher, RandomState};

use super::packed::{PackedNumbers, index, width_of};
use super::table::KeyTable;

/// The average number of keys in a hash bucket, all of which a look-up may compare. Bucket starts take half a byte per key at this
/// size.
const KEYS_PER_BUCKET: usize = 8;

/// An index of the keys of a table. It takes three bytes per key for a million keys, and none if the keys are sorted.
#[derive(Clone, Debug)]
pub(super) enum Finder {
    Sorted,
    /// The images in the order of their keys' hashes, and the start of each bucket. The hashes are seeded at random, so that no
    /// file can make all keys collide.
    Hashed {
        hasher: RandomState,
        starts: Vec<u32>,
        images: PackedNumbers,
    },
}

impl Finder {
    /// Builds the index of a table. Returns `None` if memory runs out.
    pub(super) fn new(table: &KeyTable) -> Option<Self> {
        let hasher = RandomState::new();
        let (mut last, mut key, mut is_sorted) = (Vec::new(), Vec::new(), true);
        let mut hashes: Vec<u64> = bitnpz_npy::with_room(table.len()).ok()?;
        for image in 0..table.len() {
            key.clear();
            table.push(image, &mut key);
            is_sorted &= image == 0 || last < key;
            hashes.push(hasher.hash_one(key.as_slice()) >> 32 << 32 | image as u64);
            std::mem::swap(&mut last, &mut key);
        }
        if is_sorted {
            return Some(Self::Sorted);
        }
        hashes.sort_unstable();
        let buckets = (table.len() / KEYS_PER_BUCKET).max(1) as u64;
        let mut starts = bitnpz_npy::with_room(table.len() / KEYS_PER_BUCKET + 2).ok()?;
        for (place, hash) in hashes.iter().enumerate() {
            let bucket = ((hash >> 32) * buckets) >> 32;
            while starts.len() as u64 <= bucket {
                starts.push(u32::try_from(place).ok()?);
            }
        }
        while starts.len() as u64 <= buckets {
            starts.push(u32::try_from(table.len()).ok()?);
        }
        let images = hashes.iter().map(|hash| hash & u64::from(u32::MAX));
        let images = PackedNumbers::new(images, width_of(table.len() as u64 - 1)).ok()?;
        Some(Self::Hashed { hasher, starts, images })
    }

    /// Returns the first image with this key.
    pub(super) fn find(&self, table: &KeyTable, key: &str) -> Option<usize> {
        let key = key.as_bytes();
        let mut other = Vec::with_capacity(key.len());
        let mut compare = |image: usize| {
            other.clear();
            table.push(image, &mut other);
            other.as_slice().cmp(key)
        };
        match self {
            Self::Sorted => {
                let (mut low, mut high) = (0, table.len());
                while low < high {
                    let middle = low + (high - low) / 2;
                    match compare(middle) {
                        std::cmp::Ordering::Equal => return Some(middle),
                        std::cmp::Ordering::Less => low = middle + 1,
                        std::cmp::Ordering::Greater => high = middle,
                    }
                }
                None
            }
            Self::Hashed { hasher, starts, images } => {
                let hash = hasher.hash_one(key) >> 32;
                let bucket = usize::try_from((hash * (starts.len() as u64 - 1)) >> 32).ok()?;
                let places = starts[bucket] as usize..starts[bucket + 1] as usize;
                let mut images = places.map(|place| index(images.get(place)));
                images.find(|&image| compare(image).is_eq())
            }
        }
    }
}
