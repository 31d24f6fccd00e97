//! Arrays that shards store as images with keys of their own.

use std::collections::HashSet;

use super::found::{Described, Found};
use super::manifest::unfit;
use crate::error::Result;
use crate::read::{Archive, Images};
use crate::write::MOST_LABELS;

impl Described {
    /// Returns the keys of its arrays, without those of images with keys of their own.
    fn keys(&self) -> HashSet<&str> {
        self.arrays.iter().filter_map(|array| array.key.as_deref()).map(bitnpz_npz::identity).collect()
    }

    /// Returns the number of images with keys of their own.
    fn keyed_len(&self) -> usize {
        self.arrays.iter().filter(|array| array.key.is_none()).map(|array| array.shape[0]).sum()
    }
}

/// Takes arrays that all shards have out of their images with keys of their own. An array of two values may be stored as such an
/// image: labels of shape `(n, classes)`, or a stack of one image. Keys of images differ from shard to shard otherwise.
pub(super) fn take_from_images(
    shards: &mut [Described],
    open: &dyn Fn(&str) -> Result<Archive>,
) -> Result<()> {
    let keys = keys_of_all(shards, open)?;
    for shard in shards.iter_mut() {
        let listed = shard.keys();
        let unlisted: Vec<&String> = keys.iter().filter(|key| !listed.contains(key.as_str())).collect();
        if !unlisted.is_empty() {
            let archive = open(&shard.name)?;
            take(shard, &archive, &unlisted).map_err(|error| error.in_file(shard.name.as_ref()))?;
        }
    }
    Ok(())
}

/// Returns the keys that all shards have, some of them as an image with a key of its own.
fn keys_of_all(shards: &[Described], open: &dyn Fn(&str) -> Result<Archive>) -> Result<Vec<String>> {
    let Some(fewest) = shards.iter().min_by_key(|shard| shard.keyed_len()).filter(|_| shards.len() > 1)
    else {
        return Ok(Vec::new());
    };
    if shards.iter().all(|shard| shard.keyed_len() == 0) {
        return Ok(Vec::new());
    }
    let mut keys: Vec<String> = fewest.keys().into_iter().map(str::to_owned).collect();
    if fewest.keyed_len() > 0 {
        for images in open(&fewest.name)?.keyed_images()? {
            keys.extend((0..images.len()).filter_map(|image| images.key(image)));
        }
    }
    for shard in shards {
        let listed = shard.keys();
        // Most often what is left is listed, and the shard need not be opened again.
        if !keys.iter().all(|key| listed.contains(key.as_str())) && !std::ptr::eq(shard, fewest) {
            let archive = if shard.keyed_len() > 0 { Some(open(&shard.name)?) } else { None };
            let is_image = |key: &str| archive.as_ref().is_some_and(|archive| archive.contains(key));
            keys.retain(|key| listed.contains(key.as_str()) || is_image(key));
        }
    }
    keys.sort_unstable();
    keys.dedup();
    let listed: Vec<HashSet<&str>> = shards.iter().map(Described::keys).collect();
    keys.retain(|key| listed.iter().any(|listed| !listed.contains(key.as_str())));
    Ok(keys)
}

/// Takes the arrays with these keys out of the images with keys of their own.
fn take(shard: &mut Described, archive: &Archive, keys: &[&String]) -> Result<()> {
    let sets: Vec<Images> = archive.keyed_images()?;
    let mut found = Vec::new();
    for &key in keys {
        found.push(Found::of_image(&archive.entry(key)?, &archive.images(key)?));
        let in_set = sets.iter().position(|images| images.find(key).is_some());
        let of_sets = shard.arrays.iter_mut().filter(|array| array.key.is_none());
        if let Some((_, set)) = of_sets.enumerate().find(|(number, _)| Some(*number) == in_set) {
            set.shape[0] -= 1;
        }
    }
    let first_in = |images: &Images| keys.iter().find(|key| images.find(key).is_some()).copied();
    // Readers take a set as a whole. So many images that are no stacks are no labels, but images under the same keys.
    let is_torn = |(images, set): &(&Images, &Found)| {
        let ones = || archive.entry(first_in(images)?).ok()?.ones();
        let is_stack = || ones().is_some_and(|ones| ones.before > 0);
        set.shape[0] < images.len() && (set.shape[0] > 0 || (images.len() > MOST_LABELS && !is_stack()))
    };
    let mut numbers = sets.iter().zip(shard.arrays.iter().filter(|array| array.key.is_none()));
    if let Some((images, _)) = numbers.find(is_torn) {
        let key = first_in(images).map_or("", |key| key.as_str());
        let message = format!(
            "{key:?}: expected an ordinary array or a stack, as all shards have this key, found it among images with keys of \
             their own: two of these under one key are an error, and other arrays are to be saved as no images"
        );
        return Err(unfit(&shard.name, message));
    }
    shard.arrays.retain(|array| array.key.is_some() || array.shape[0] > 0);
    shard.arrays.extend(found);
    Ok(())
}
