//! Reading images whose stack is cut over several archives.

use std::collections::{BTreeMap, VecDeque};
use std::num::NonZero;
use std::ops::Range;
use std::sync::Arc;

use super::images::{Images, ShardedImages};
use super::outputs::Outputs;
use crate::error::Result;
use crate::interrupt;
use crate::threads;

/// So many shards are opened, and their images requested, at the same time.
const SHARDS_AT_ONCE: NonZero<usize> = NonZero::new(16).expect("not 0");

/// Images of one shard, and what belongs to each.
struct Group<T> {
    shard: usize,
    /// Their indices in the shard.
    indices: Vec<usize>,
    parts: Vec<T>,
}

/// Returns the shard of an image, and the index that it has there.
fn locate(shards: &dyn ShardedImages, index: usize) -> (usize, usize) {
    let ends = shards.ends();
    let shard = ends.partition_point(|&end| end <= index);
    (shard, index - shard.checked_sub(1).map_or(0, |before| ends[before]))
}

/// Groups images, given by their indices, by shard.
fn group<T>(shards: &dyn ShardedImages, images: impl Iterator<Item = (usize, T)>) -> VecDeque<Group<T>> {
    let mut images: Vec<_> = images.collect();
    images.sort_unstable_by_key(|(index, _)| *index);
    let (mut groups, mut range) = (VecDeque::<Group<T>>::new(), 0..0);
    for (index, part) in images {
        if !range.contains(&index) {
            let (shard, within) = locate(shards, index);
            range = index - within..shards.ends()[shard];
            groups.push_back(Group { shard, indices: Vec::new(), parts: Vec::new() });
        }
        let group = groups.back_mut().expect("the group of the image");
        group.indices.push(index - range.start);
        group.parts.push(part);
    }
    groups
}

/// Calls `work` with all of these, at the same time if shards are read by range, and returns the results.
fn at_once<T: Sync, R: Send>(
    shards: &dyn ShardedImages,
    all: &[T],
    work: impl Fn(&T) -> Result<R> + Sync,
) -> Result<Vec<R>> {
    if !shards.is_read_by_range() {
        return all.iter().map(work).collect();
    }
    let done = threads::map_parts(SHARDS_AT_ONCE, all, |part| part.iter().map(&work).collect::<Vec<_>>());
    done.into_iter().flatten().collect()
}

impl Images {
    /// Returns an image of one of these shards, as the images of the shard and the index there.
    pub(super) fn find_sharded(shards: &dyn ShardedImages, index: usize) -> Result<(Arc<Self>, usize)> {
        let (shard, within) = locate(shards, index);
        Ok((shards.images(shard)?, within))
    }

    /// Checks that each of these images is within the limits.
    pub(super) fn check_sharded(&self, shards: &dyn ShardedImages, indices: &[usize]) -> Result<()> {
        let limit = shards.limits().image_bytes;
        let bytes = |[height, width]: [usize; 2]| (height as u64).saturating_mul(width.div_ceil(8) as u64);
        if self.size.is_some_and(|size| bytes(size) <= limit) {
            return Ok(());
        }
        indices.iter().try_for_each(|&index| {
            self.check_index(index)?;
            let (images, index) = Self::find_sharded(shards, index)?;
            images.check_batch(&[index], 0)
        })
    }

    /// Requests the images in these ranges.
    pub(super) fn prefetch_sharded<'r>(
        shards: &dyn ShardedImages,
        ranges: impl Iterator<Item = &'r Range<usize>>,
    ) -> Result<()> {
        if !shards.is_read_by_range() {
            return Ok(());
        }
        let mut within: BTreeMap<usize, Vec<Range<usize>>> = BTreeMap::new();
        for range in ranges {
            let mut start = range.start;
            while start < range.end {
                let (shard, first) = locate(shards, start);
                let len = (shards.ends()[shard] - start).min(range.end - start);
                within.entry(shard).or_default().push(first..first + len);
                start += len;
            }
        }
        let within: Vec<_> = within.into_iter().collect();
        at_once(shards, &within, |(shard, ranges)| shards.images(*shard)?.prefetch(ranges)).map(drop)
    }

    /// Does what `share` does, with images of these shards: opens the shards and requests the images at the same time, those of as
    /// many shards as can be open.
    pub(super) fn share_sharded<O: Send>(
        &self,
        shards: &dyn ShardedImages,
        indices: &[usize],
        out: &mut [O],
        each: NonZero<usize>,
        read: impl Fn(&Self, &[usize], Outputs<'_, O>) -> Result<()> + Sync,
    ) -> Result<()> {
        let mut waiting = group(shards, indices.iter().copied().zip(out.chunks_mut(each.get())));
        while !waiting.is_empty() {
            interrupt::check()?;
            let (mut now, mut images) = (Vec::new(), 0);
            while let Some(group) = waiting.front()
                && now.len() < shards.open_at_once()
                && (now.is_empty() || images + group.indices.len() <= shards.images_at_once())
            {
                images += group.indices.len();
                now.extend(waiting.pop_front());
            }
            let wanted: Vec<_> = now.iter().map(|group| (group.shard, &group.indices[..])).collect();
            let requested = at_once(shards, &wanted, |(shard, indices)| {
                let images = shards.images(*shard)?;
                let count = images.request(indices)?;
                Ok((images, count))
            })?;
            let (mut shares, mut count) = (Vec::new(), 0);
            for (mut group, (images, requested)) in now.into_iter().zip(&requested) {
                if *requested < group.indices.len() {
                    let (indices, parts) =
                        (group.indices.split_off(*requested), group.parts.split_off(*requested));
                    waiting.push_front(Group { shard: group.shard, indices, parts });
                }
                count += group.indices.len();
                let mut parts = group.parts.into_iter();
                for indices in group.indices.chunks(self.images_per_share()) {
                    let parts: Vec<_> = parts.by_ref().take(indices.len()).collect();
                    shares.push((images, indices.to_vec(), parts));
                }
            }
            let Some((like, _)) = requested.first() else { break };
            like.share_requested(count, shares.into_iter(), |(images, indices, parts)| {
                read(images, &indices, Outputs::Apart(parts))
            })?;
        }
        Ok(())
    }
}
