//! The manifest of archives that are there.

use std::collections::{HashMap, HashSet};
use std::num::NonZero;

use super::found::{Described, Found, describe_one};
use super::labels::take_from_images;
use super::manifest::{CutArray, Manifest, Shard, check_name, unfit};
use super::open_shards::{ShardStore, open_in_store};
use crate::error::{Error, ErrorKind, Result};
use crate::packed::PackedKind;
use crate::read::{Archive, Images, OpenOptions, SHARDS_AT_ONCE};
use crate::threads;

impl Manifest {
    /// Returns the manifest of archives of a store, in this order. All must have the same arrays: stacks under the same key, and
    /// images with keys of their own, are read one after the other; other arrays too if they have as many items as there are
    /// images in each archive, as labels do. Otherwise they must be the same in all.
    ///
    /// # Errors
    ///
    /// If there are none, if one cannot be read, or has other arrays than the others.
    pub fn describe<'n>(
        store: &dyn ShardStore,
        names: impl IntoIterator<Item = &'n str>,
        options: &OpenOptions,
    ) -> Result<Self> {
        let names: Vec<&str> = names.into_iter().collect();
        describe(&names, &|name| open_in_store(store, name, options), SHARDS_AT_ONCE)
    }
}

/// Returns the manifest of archives that `open` opens by their names, so many at a time.
pub(super) fn describe(
    names: &[&str],
    open: &(dyn Fn(&str) -> Result<Archive> + Sync),
    at_once: NonZero<usize>,
) -> Result<Manifest> {
    let mut distinct = HashSet::new();
    for &name in names {
        check_name(name).map_err(|message| unfit(name, message))?;
        if !distinct.insert(name) {
            return Err(unfit(name, "expected shards that differ, found it twice".to_owned()));
        }
    }
    let all = |names: &[&str]| names.iter().map(|&name| describe_one(name, open)).collect::<Vec<_>>();
    let mut described: Vec<Described> =
        threads::map_parts(at_once, names, all).into_iter().flatten().collect::<Result<_>>()?;
    take_from_images(&mut described, open)?;
    described.iter().try_for_each(check_keyed)?;
    add_empty_sets(&mut described);
    join(&described, open)
}

/// Checks that all images with keys of their own are in one set.
fn check_keyed(shard: &Described) -> Result<()> {
    if shard.arrays.iter().filter(|array| array.key.is_none()).count() < 2 {
        return Ok(());
    }
    let message = "expected images with keys of their own of one dtype and pair of values, found several";
    Err(unfit(&shard.name, message.to_owned()))
}

/// Adds a set of no images to archives without images with keys of their own, if others have some: a part of an archive may have
/// none.
fn add_empty_sets(shards: &mut [Described]) {
    let is_keyed = |array: &&Found| array.key.is_none();
    let found = shards.iter().flat_map(|shard| &shard.arrays).find(is_keyed);
    let Some(mut empty) = found.cloned() else { return };
    empty.shape[0] = 0;
    for shard in shards.iter_mut().filter(|shard| !shard.arrays.iter().any(|array| array.key.is_none())) {
        shard.arrays.push(empty.clone());
    }
}

/// How many images an archive has: arrays may have an item for each of them.
struct Counts {
    stacks: HashSet<usize>,
    /// Those of the stacks, and the number of images with keys of their own.
    all: HashSet<usize>,
}

impl Counts {
    fn of(shard: &Described) -> Self {
        let images = || shard.arrays.iter().filter(|array| array.kind.is_some());
        let stacks = images().filter(|array| array.key.is_some()).map(|array| array.shape[0]).collect();
        Self { stacks, all: images().map(|array| array.shape[0]).collect() }
    }

    /// Returns whether an array has an item for each image. The rows of an image may happen to be as many as there are images with
    /// keys of their own: such images are not labels of each other.
    fn fit(&self, array: &Found) -> bool {
        let counts = if array.is_image { &self.stacks } else { &self.all };
        array.shape.first().is_some_and(|len| counts.contains(len))
    }
}

/// Joins the arrays of archives.
fn join(shards: &[Described], open: &dyn Fn(&str) -> Result<Archive>) -> Result<Manifest> {
    let [first, others @ ..] = shards else { return Err(ErrorKind::NoShards.into()) };
    let by_key = |shard: &Described| -> HashMap<Option<String>, usize> {
        shard.arrays.iter().enumerate().map(|(number, array)| (array.key.clone(), number)).collect()
    };
    let numbers: Vec<_> = shards.iter().map(by_key).collect();
    let first_numbers = &numbers[0];
    for (shard, numbers) in others.iter().zip(&numbers[1..]) {
        let lacks = first.arrays.iter().find(|array| !numbers.contains_key(&array.key));
        if let Some(lacking) = lacks {
            let key = describe_key(lacking.key.as_deref());
            return Err(unfit(
                &shard.name,
                format!("expected the arrays of {}, found none of {key}", first.name),
            ));
        }
        if let Some(more) = shard.arrays.iter().find(|array| !first_numbers.contains_key(&array.key)) {
            let key = describe_key(more.key.as_deref());
            return Err(unfit(
                &shard.name,
                format!("expected the arrays of {}, found {key} too", first.name),
            ));
        }
    }
    let counts: Vec<Counts> = shards.iter().map(Counts::of).collect();
    if counts[0].all.is_empty() {
        return Err(unfit(&first.name, "expected images, found none".to_owned()));
    }
    let (mut arrays, mut shared) = (Vec::new(), Vec::new());
    let mut items: Vec<Vec<usize>> = vec![Vec::new(); shards.len()];
    for array in &first.arrays {
        let parts: Vec<(&Described, &Found)> = shards
            .iter()
            .zip(&numbers)
            .map(|(shard, numbers)| (shard, &shard.arrays[numbers[&array.key]]))
            .collect();
        match cut_array(&parts, &counts, open)? {
            Some(cut) => {
                arrays.push(cut);
                items.iter_mut().zip(&parts).for_each(|(items, (_, part))| items.push(part.shape[0]));
            }
            None => shared.extend(array.key.clone()),
        }
    }
    let shards = shards.iter().zip(items).map(|(shard, items)| Shard {
        name: shard.name.clone(),
        bytes: shard.bytes,
        directory_crc32: shard.directory_crc32,
        items,
    });
    let manifest = Manifest { arrays, shared, shards: shards.collect() };
    // What is written can be read: sums, above all.
    Manifest::parse(manifest.to_json().as_bytes())
}

fn describe_key(key: Option<&str>) -> String {
    key.map_or_else(|| "images with keys of their own".to_owned(), |key| format!("{key:?}"))
}

/// Returns the array whose parts these are; `None` if they are all the same, and no parts.
fn cut_array(
    parts: &[(&Described, &Found)],
    counts: &[Counts],
    open: &dyn Fn(&str) -> Result<Archive>,
) -> Result<Option<CutArray>> {
    let [(first_shard, first), others @ ..] = parts else { return Ok(None) };
    let images = parts.iter().all(|(_, part)| part.kind.is_some());
    let is_part = |(part, counts): (&(&Described, &Found), &Counts)| counts.fit(part.1);
    let key = describe_key(first.key.as_deref());
    let differs = |shard: &Described, found: &Found| {
        let (expected, wanted) = (&first.shape, &first.dtype);
        let (shape, dtype) = (&found.shape, &found.dtype);
        let message = format!(
            "{key}: expected an array that continues that of {}, of shape {expected:?} and {wanted}, found shape {shape:?} and \
             {dtype}",
            first_shard.name
        );
        unfit(&shard.name, message)
    };
    if !images && (parts.iter().any(|(_, part)| part.is_whole) || !parts.iter().zip(counts).all(is_part)) {
        let same =
            |(_, part): &&(&Described, &Found)| part.content.is_some() && part.content == first.content;
        return match others.iter().find(|part| !same(part)) {
            None if first.content.is_some() => Ok(None),
            found => {
                let (shard, _) = found.unwrap_or(&parts[0]);
                let message = format!(
                    "{key}: expected an array with an item for each image, or the same array in all shards, found another"
                );
                Err(unfit(&shard.name, message))
            }
        };
    }
    let is_keyed = first.key.is_none();
    for (shard, part) in others {
        let fits = part.dtype == first.dtype
            && part.trailing == first.trailing
            && (is_keyed || part.shape[1..] == first.shape[1..]);
        if !fits {
            return Err(differs(shard, part));
        }
    }
    let kind = if images { Some(common_kind(parts, open)?) } else { None };
    let one_size = parts.iter().all(|(_, part)| part.shape[1..] == first.shape[1..]);
    let item = (!is_keyed || (one_size && first.shape.len() == 3)).then(|| first.shape[1..].to_vec());
    let (key, dtype) = (first.key.clone(), first.dtype.clone());
    Ok(Some(CutArray { key, dtype, kind, item, trailing: if images { first.trailing } else { 0 } }))
}

/// Returns the kind of all images. Of archives whose images have one value only, it is not known which the other would be: they fit
/// those with two.
fn common_kind(parts: &[(&Described, &Found)], open: &dyn Fn(&str) -> Result<Archive>) -> Result<PackedKind> {
    let any = || parts.iter().filter_map(|(_, part)| part.kind.as_ref());
    let kinds = || {
        let there = parts.iter().filter(|(_, part)| part.shape[0] > 0);
        there.filter_map(|(_, part)| part.kind.as_ref())
    };
    // An archive of one value assumes 0 for bit 0, or 1 for bit 1.
    let has_off = |kind: &&PackedKind| kind.bits[0] != 0;
    let has_both = kinds().find(|kind| has_off(kind) && !kind.assumes_second());
    let has_both = has_both.or_else(|| kinds().find(has_off));
    let has_both = has_both.or_else(|| kinds().find(|kind| !kind.assumes_second()));
    let mut common = has_both.or_else(|| any().next()).expect("images").clone();
    common.width = 0;
    let fitted = check_kinds(parts, &common, open);
    if fitted.is_err() && common.assumes_second() {
        // None may have both values: a negative one, for which 1 is only assumed, and 0.
        let other = PackedKind { bits: [common.bits[0], 0], ..common.clone() };
        if common.bits[0] != 0 && check_kinds(parts, &other, open).is_ok() {
            return Ok(other);
        }
    }
    fitted.map(|()| common)
}

/// Checks that the images of all parts are of this kind.
fn check_kinds(
    parts: &[(&Described, &Found)],
    common: &PackedKind,
    open: &dyn Fn(&str) -> Result<Archive>,
) -> Result<()> {
    for (shard, part) in parts {
        let Some(kind) = part.kind.as_ref().filter(|kind| kind.bits != common.bits && part.shape[0] > 0)
        else {
            continue;
        };
        let archive = open(&shard.name)?;
        let images = match &part.key {
            Some(key) => archive.images(key)?,
            None => {
                let is_it = |images: &Images| *images.dtype() == part.dtype && images.len() == part.shape[0];
                archive.keyed_images()?.into_iter().find(is_it).ok_or(ErrorKind::NoSuchKey)?
            }
        };
        let fitting = kind.inverted_in(common);
        let fitting = fitting.map(|is_inverted| if is_inverted { images.inverted() } else { images });
        let fits = fitting.map(|images| has_only_common(&images, common)).transpose()?;
        if fits != Some(true) {
            let (expected, found) = (common.values(), kind.values());
            let error = Error::from(ErrorKind::ValuesDiffer { expected, found });
            let error = part.key.iter().fold(error, |error, key| error.with_key(key));
            return Err(error.in_file(shard.name.as_ref()));
        }
    }
    Ok(())
}

/// Returns whether images have no pixel of a value that differs from that of the same bit in another kind.
pub(super) fn has_only_common(images: &Images, other: &PackedKind) -> Result<bool> {
    let [off, on] = [0, 1].map(|bit| images.kind().bits[bit] == other.bits[bit]);
    let all: Vec<usize> = (0..images.len()).collect();
    for (image, ones) in images.count_ones(&all)?.into_iter().enumerate() {
        let [height, width] = images.size_of(image)?;
        if (!on && ones > 0) || (!off && ones < (height * width) as u64) {
            return Ok(false);
        }
    }
    Ok(true)
}
