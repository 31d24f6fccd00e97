//! Reading images whose stack is cut over several archives.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::ops::Range;
use std::sync::Arc;

use super::batch::is_run;
use super::images::{Images, ShardedImages};
use super::outputs::Outputs;
use super::share::Share;
use crate::error::{Error, Result};
use crate::interrupt;
use crate::set::Requested;
use crate::threads;

/// So many shards are opened, and their images requested, at the same time.
pub(crate) const SHARDS_AT_ONCE: NonZero<usize> = NonZero::new(16).expect("not 0");

/// So many images of a batch are sorted by shard at a time.
const IMAGES_AT_ONCE: usize = 1 << 16;

/// So many bytes of images are requested together: what is kept of a store has room for them twice.
const REQUESTED_BYTES: u64 = 32 << 20;

/// An image that is requested by itself takes the block of 128 that it is in, or so much of it.
const BLOCK: u64 = 128;
const MAX_BLOCK_BYTES: u64 = 64 << 10;

/// Returns how many images can be requested together, those that follow each other or those that do not.
fn images_at_once(shards: &dyn ShardedImages, follow_each_other: bool) -> usize {
    let each = shards.image_bytes().saturating_add(1);
    let block = if follow_each_other { 0 } else { each.saturating_mul(BLOCK).min(MAX_BLOCK_BYTES) };
    usize::try_from(REQUESTED_BYTES / each.saturating_add(block)).unwrap_or(usize::MAX).max(1)
}

/// Images that follow each other in a batch, and are of one shard.
struct Run {
    shard: usize,
    /// Their places in the batch.
    places: Range<usize>,
}

/// Returns the shard of an image, and the index that it has there.
fn locate(shards: &dyn ShardedImages, index: usize) -> (usize, usize) {
    let ends = shards.ends();
    let shard = ends.partition_point(|&end| end <= index);
    (shard, index - shard.checked_sub(1).map_or(0, |before| ends[before]))
}

/// Returns the runs of the first of these images, which are in ascending order, and makes their indices those in their shards: of as
/// many as can be requested together, and of as many shards as can be open.
fn take_runs(shards: &dyn ShardedImages, indices: &mut [usize]) -> Vec<Run> {
    let (mut runs, mut place) = (Vec::new(), 0);
    while place < indices.len() && runs.len() < shards.open_at_once() {
        let (shard, within) = locate(shards, indices[place]);
        let (first, end) = (indices[place] - within, shards.ends()[shard]);
        let len = indices[place..].partition_point(|&index| index < end);
        if place > 0 && shards.is_read_by_range() && place + len > images_at_once(shards, false) {
            break;
        }
        indices[place..place + len].iter_mut().for_each(|index| *index -= first);
        runs.push(Run { shard, places: place..place + len });
        place += len;
    }
    runs
}

/// Opens the shards of these runs, and requests their images. If all images are read in order, `is_whole`, what only all images of a
/// shard have together is checked.
fn request_runs(
    shards: &dyn ShardedImages,
    runs: &[Run],
    indices: &[usize],
    is_whole: bool,
) -> Result<Vec<(Arc<Images>, Requested)>> {
    let is_checked = |run: &Run| is_whole && indices[run.places.start] == 0;
    let kept = runs.iter().map(|run| {
        let images = shards.open_images(run.shard).filter(|_| !is_checked(run))?;
        let window = images.kept(&indices[run.places.clone()])?;
        Some((images, Requested { images: run.places.len(), window }))
    });
    let kept: Vec<_> = kept.collect();
    let missing = runs.iter().zip(&kept).filter(|(_, kept)| kept.is_none());
    let missing: Vec<&Run> = missing.map(|(run, _)| run).collect();
    let requested = at_once(shards, &missing, |run| {
        let open = || {
            let images = shards.images(run.shard)?;
            if is_checked(run) {
                images.check_all()?;
            }
            let requested = images.request(&indices[run.places.clone()])?;
            Ok((images, requested))
        };
        open().map_err(|error: Error| error.in_file(shards.name(run.shard).as_ref()))
    })?;
    let mut requested = requested.into_iter();
    Ok(kept.into_iter().filter_map(|kept| kept.or_else(|| requested.next())).collect())
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
    /// Calls `read` with the images of the shard that has this image, and its index there.
    pub(super) fn in_shard<R>(
        shards: &dyn ShardedImages,
        index: usize,
        read: impl FnOnce(&Self, usize) -> Result<R>,
    ) -> Result<R> {
        let (shard, within) = locate(shards, index);
        let result = shards.images(shard).and_then(|images| read(&images, within));
        result.map_err(|error| error.in_file(shards.name(shard).as_ref()))
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
            Self::in_shard(shards, index, |images, index| images.check_batch(&[index], 0))
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
        // What is kept has room for so many; the others are requested when they are read.
        let mut left = images_at_once(shards, true);
        let mut within: BTreeMap<usize, Vec<Range<usize>>> = BTreeMap::new();
        for range in ranges {
            let mut start = range.start;
            while start < range.end && left > 0 {
                let (shard, first) = locate(shards, start);
                let len = (shards.ends()[shard] - start).min(range.end - start).min(left);
                left -= len;
                within.entry(shard).or_default().push(first..first + len);
                start += len;
            }
        }
        let within: Vec<_> = within.into_iter().collect();
        let prefetch = |(shard, ranges): &(usize, Vec<Range<usize>>)| {
            let requested = shards.images(*shard).and_then(|images| images.prefetch(ranges));
            requested.map_err(|error| error.in_file(shards.name(*shard).as_ref()))
        };
        at_once(shards, &within, prefetch).map(drop)
    }

    /// Does what `share` does, with images of these shards: opens the shards and requests the images at the same time, those of as
    /// many shards as can be open.
    pub(super) fn share_sharded<O: Send>(
        &self,
        shards: &dyn ShardedImages,
        indices: &[usize],
        out: &mut [O],
        each: NonZero<usize>,
        read: impl Fn(Share<'_>, Outputs<'_, O>) -> Result<()> + Sync,
    ) -> Result<()> {
        let is_whole = indices.len() == self.len() && is_run(indices);
        let mut pieces = indices.chunks(IMAGES_AT_ONCE).zip(out.chunks_mut(IMAGES_AT_ONCE * each.get()));
        pieces.try_for_each(|(indices, out)| self.share_piece(shards, (indices, is_whole), out, each, &read))
    }

    /// Does so with few enough images for lists of them, which may be a part of all.
    fn share_piece<O: Send>(
        &self,
        shards: &dyn ShardedImages,
        (indices, is_whole): (&[usize], bool),
        out: &mut [O],
        each: NonZero<usize>,
        read: impl Fn(Share<'_>, Outputs<'_, O>) -> Result<()> + Sync,
    ) -> Result<()> {
        let mut wanted: Vec<_> = indices.iter().copied().zip(out.chunks_mut(each.get())).collect();
        wanted.sort_unstable_by_key(|(index, _)| *index);
        let (sorted, parts): (Vec<usize>, Vec<&mut [O]>) = wanted.into_iter().unzip();
        let (mut parts, mut done) = (parts.into_iter(), 0);
        while done < sorted.len() {
            interrupt::check()?;
            let mut within = sorted[done..].to_vec();
            let runs = take_runs(shards, &mut within);
            let requested = request_runs(shards, &runs, &within, is_whole)?;
            let mut ready = Vec::new();
            for (run, (images, Requested { images: count, window })) in runs.iter().zip(&requested) {
                let indices = &within[run.places.clone()][..*count];
                ready.extend(indices.iter().map(|index| (&**images, window, *index)));
                // The rest of a run is requested next, with what follows.
                if *count < run.places.len() {
                    break;
                }
            }
            let Some((like, _)) = requested.first() else { break };
            let shares: Vec<_> = ready
                .chunks(self.images_per_share())
                .map(|images| (images, parts.by_ref().take(images.len()).collect::<Vec<_>>()))
                .collect();
            like.share_ready(ready.len(), shares.into_iter(), |(all, parts)| {
                let out = Outputs::Apart(parts);
                let (first, window, _) = all[0];
                let done = if all.iter().any(|(images, ..)| !std::ptr::eq(*images, first)) {
                    read(Share::Several(all), out)
                } else {
                    let indices: Vec<usize> = all.iter().map(|(.., index)| *index).collect();
                    read(Share::One(first, window, &indices), out)
                };
                done.map_err(|error| {
                    let involved = runs.iter().zip(&requested).filter(|(_, (images, _))| {
                        all.iter().any(|(other, ..)| std::ptr::eq(*other, &raw const **images))
                    });
                    // Which of several it was is found out again: a block may be damaged of which others read a part.
                    let is_damaged = |(run, (images, Requested { images: count, window })): &(
                        &Run,
                        &(Arc<Self>, Requested),
                    )| {
                        images.is_damaged(window, &within[run.places.clone()][..*count])
                    };
                    let mut involved: Vec<_> = involved.collect();
                    if involved.len() > 1 {
                        involved.retain(is_damaged);
                    }
                    match involved.first() {
                        Some((run, _)) => error.in_file(shards.name(run.shard).as_ref()),
                        None => error,
                    }
                })
            })?;
            done += ready.len();
        }
        Ok(())
    }
}
