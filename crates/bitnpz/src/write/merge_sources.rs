//! The archives that are merged, and the keys that several of them have.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::Range;
use std::path::PathBuf;

use bitnpz_npy::Header;
use bitnpz_npz::{Archive as ZipArchive, Member};

use super::append::{MOST_SMALL_STACKS, is_small_stack, small_stack_palette};
use super::take_sets::palette_of;
use crate::axes::ImageAxes;
use crate::error::{Error, ErrorKind, Result};
use crate::names::{is_array, is_reserved};
use crate::packed::{PackedKind, Palette};
use crate::read::{Archive, ArrayReader, Entry, SetArray, StoredImages};
use crate::set::{KeySet, StackShape, Stacks, StoredSet};

/// An archive that is merged.
pub(super) struct Source {
    pub(super) path: PathBuf,
    pub(super) archive: Archive,
    counts: Counts,
}

/// So many images with keys of their own are no labels, even if they have as many rows as a stack has images.
pub(crate) const MOST_LABELS: usize = 7;

/// Returns the images of a set that are labels of two values, which are stored as an image each: they have as many rows as a stack
/// has images, as `is_length` says. Images may happen to have so many, too: labels are few, and longer than twice the others.
pub(super) fn labels_in(
    zip: &ZipArchive,
    set: &StoredSet,
    is_length: impl Fn(usize) -> bool,
) -> Result<Vec<usize>> {
    let (mut labels, mut shortest, mut others) = (Vec::new(), usize::MAX, 0);
    // With axes of length 1 before it, an image is a stack of one.
    let may_have = set.is_keyed() && set.ones().before == 0;
    if !may_have || set.common_size().is_some_and(|[height, _]| set.len() > MOST_LABELS || !is_length(height))
    {
        return Ok(labels);
    }
    for image in 0..set.len() {
        let [height, _] = set.size(zip, image)?;
        if is_length(height) {
            labels.push(image);
            shortest = shortest.min(height);
        } else {
            others = others.max(height);
        }
        if labels.len() > MOST_LABELS || shortest / 2 < others {
            return Ok(Vec::new());
        }
    }
    Ok(labels)
}

/// The numbers of images that arrays of an archive may have an item for each of.
#[derive(Default)]
struct Counts {
    /// The length of each stack.
    stacks: HashSet<usize>,
    /// The number of images with keys of their own.
    keyed: usize,
    /// How many of those that are members have so many rows.
    rows: HashMap<usize, usize>,
}

impl Source {
    pub(super) fn new(path: PathBuf, archive: Archive) -> Self {
        Self { path, archive, counts: Counts::default() }
    }

    fn members(&self) -> impl Iterator<Item = Member<'_>> {
        self.archive.zip().members().filter(|member| !is_reserved(member.name()))
    }

    pub(super) fn member(&self, key: &str) -> Option<Member<'_>> {
        self.archive.zip().find(key).filter(|member| !is_reserved(member.name()))
    }

    /// Counts the images that arrays may have an item for each of: not those under these keys, which several archives have.
    fn count_images(&self, several: &HashSet<&str>) -> Counts {
        let mut counts = Counts::default();
        for set in self.archive.sets() {
            match set.stacks() {
                Some(stacks) => stacks.iter().for_each(|stack| counts.add(&stack.shape, 0)),
                // Each may be a stack of one image.
                None if set.ones().before > 0 => counts.add(&[1; 3], 0),
                None => {
                    let is_shared = |key: &&&str| set.find(self.archive.zip(), key).is_some();
                    counts.keyed += set.len() - several.iter().filter(is_shared).count();
                }
            }
        }
        for entry in self.members().filter_map(|member| self.archive.entry(member.key()).ok()) {
            // What `split` did not cut is no part.
            if self.archive.is_whole(entry.key()) {
                continue;
            }
            // Of other dtypes than bool it is not known that they are images, unless they are listed as such.
            let of_several = several.contains(bitnpz_npz::identity(entry.key()));
            let few = self.archive.is_few(entry.key()).then_some(1);
            let small = || is_small_stack(&self.archive, entry.key()).then_some(0);
            let images = entry.image_count().or(few).or_else(small);
            let images = images.map(|images| if of_several { 0 } else { images });
            images.into_iter().for_each(|images| counts.add(entry.shape(), images));
            if let (Some(rows), true) = (entry.shape().first(), self.is_image(&entry)) {
                *counts.rows.entry(*rows).or_default() += 1;
            }
        }
        counts
    }

    /// Returns whether an array has an item for each image. The rows of an image may happen to be as many as there are images: those
    /// with keys of their own are not joined, unless they are few.
    pub(super) fn has_item_for_each_image(&self, entry: &Entry<'_>) -> bool {
        let Some(len) = entry.shape().first() else { return false };
        let is_labels = || match entry.set_images().map(StoredImages::set).filter(|set| set.is_keyed()) {
            Some(set) => {
                let zip = self.archive.zip();
                let labels = labels_in(zip, set, |height| self.counts.stacks.contains(&height));
                let image = set.find(zip, entry.key());
                image.is_some_and(|image| labels.is_ok_and(|labels| labels.contains(&image)))
            }
            None => self.counts.rows.get(len).is_none_or(|&images| images <= MOST_LABELS),
        };
        match self.is_image(entry) {
            true => self.counts.stacks.contains(len) && is_labels(),
            false => self.counts.stacks.contains(len) || *len == self.counts.keyed,
        }
    }

    /// Returns whether an array is one image, or is stored as one.
    pub(super) fn is_image(&self, entry: &Entry<'_>) -> bool {
        let stack = ImageAxes::Inferred.form(entry.header()).ok().flatten();
        let is_one = stack.is_some_and(|(stack, _)| stack.len() == 2);
        entry.ones().is_some()
            || self.archive.is_few(entry.key())
            || (is_one && entry.image_count().is_some())
    }

    /// Returns whether an array is a stack of images that others can join.
    fn is_stack(&self, entry: &Entry<'_>) -> bool {
        match entry.ones() {
            Some(ones) => ones.before > 0,
            None => entry.set_images().is_some() || is_small_stack(&self.archive, entry.key()),
        }
    }

    /// Returns the images of a set without those under these keys.
    pub(super) fn images_without(&self, set: usize, keys: &HashSet<String>) -> Vec<Range<usize>> {
        let (zip, stored) = (self.archive.zip(), &self.archive.sets()[set]);
        let mut apart: Vec<usize> = match stored.is_keyed() {
            true => keys.iter().filter_map(|key| stored.find(zip, key)).collect(),
            false => return stored.ranges(),
        };
        apart.sort_unstable();
        ranges_without(stored.len(), &apart)
    }
}

impl Counts {
    fn add(&mut self, shape: &[usize], images: usize) {
        match shape {
            [length, _, _, ..] => drop(self.stacks.insert(*length)),
            _ => self.keyed += images,
        }
    }
}

/// Returns the ranges of so many images that are left without these, which are sorted.
pub(super) fn ranges_without(len: usize, apart: &[usize]) -> Vec<Range<usize>> {
    let starts = std::iter::once(0).chain(apart.iter().map(|image| image + 1));
    let ends = apart.iter().copied().chain([len]);
    starts.zip(ends).map(|(start, end)| start..end).filter(|range| !range.is_empty()).collect()
}

/// The keys that several archives have.
#[derive(Default)]
pub(super) struct SharedKeys {
    /// Those of arrays that are joined or the same, with the numbers of the archives.
    pub(super) arrays: BTreeMap<String, Vec<usize>>,
    /// Those that are taken out of images with keys of their own: of these arrays, and of stacks of one image that join stacks.
    pub(super) images: HashSet<String>,
}

impl SharedKeys {
    /// Finds them: those of members, but for stacks that are too small for a set and can be extended, and those of images with keys
    /// of their own that are stacks of one image, or labels of two values. The archives count their images then.
    ///
    /// # Errors
    ///
    /// If two archives have images under one key that are neither.
    pub(super) fn find(sources: &mut [Source]) -> Result<Self> {
        let mut arrays: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (number, source) in sources.iter().enumerate() {
            for member in source.members() {
                arrays.entry(bitnpz_npz::identity(member.key()).to_owned()).or_default().push(number);
            }
        }
        let twice = images_twice(sources, arrays.keys());
        let of_members = arrays.iter().filter(|(_, numbers)| numbers.len() > 1).map(|(key, _)| key);
        let several = of_members.chain(&twice).map(String::as_str).collect();
        sources.iter_mut().for_each(|source| source.counts = source.count_images(&several));
        let mut stacks = 0;
        arrays.retain(|key, numbers| {
            let is_stack = || numbers.iter().all(|&number| is_small_stack(&sources[number].archive, key));
            if numbers.len() > 1 && stacks < MOST_SMALL_STACKS && is_stack() {
                stacks += 1;
                return false;
            }
            numbers.len() > 1
        });
        let mut shared = Self { arrays, images: HashSet::new() };
        for key in twice {
            shared.add_image(key, sources)?;
        }
        Ok(shared)
    }

    /// Adds a key that an image of one archive has, and another array, most often of another archive.
    fn add_image(&mut self, key: String, sources: &[Source]) -> Result<()> {
        let has_key = |number: &usize| sources[*number].archive.contains(&key);
        let numbers: Vec<usize> = (0..sources.len()).filter(has_key).collect();
        let mut are_stacks = true;
        for &number in &numbers {
            let entry = sources[number].archive.entry(&key);
            are_stacks &=
                sources[number].is_stack(&entry.map_err(|error| error.in_file(&sources[number].path))?);
        }
        let parts: Vec<&Source> = numbers.iter().map(|&number| &sources[number]).collect();
        // One archive alone may have it twice, too.
        if parts.len() < 2 || (!are_stacks && joined(&key, &parts)?.is_none()) {
            let second = &parts[parts.len().min(2) - 1].path;
            return Err(Error::from(ErrorKind::DuplicateKey).with_key(&key).in_file(second));
        }
        match are_stacks {
            true => drop(self.arrays.remove(&key)),
            false => drop(self.arrays.insert(key.clone(), numbers)),
        }
        self.images.insert(key);
        Ok(())
    }
}

/// Returns the header of arrays that are joined along their first axis, as they are stored, and the kind of their images if their
/// rows are packed; `None` if the axis does not count images in each archive, if one has the array as a whole, or if they do not fit
/// together.
pub(super) fn joined(key: &str, sources: &[&Source]) -> Result<Option<(Header, Option<PackedKind>)>> {
    let mut joined: Option<(Header, Option<PackedKind>)> = None;
    for source in sources {
        let blame = |error: Error| error.with_key(key).in_file(&source.path);
        let member = source.member(key);
        if member.as_ref().is_some_and(|member| !is_array(member.name())) {
            return Ok(None);
        }
        let entry = source.archive.entry(key).map_err(blame)?;
        let is_part = !source.archive.is_whole(key) && source.has_item_for_each_image(&entry);
        if (member.is_none() && entry.ones().is_none()) || !is_part {
            return Ok(None);
        }
        let (kind, limits) = (entry.kind().cloned(), &source.archive.zip().limits().npy);
        let header = match &member {
            Some(member) => ArrayReader::of_member(member, limits).map_err(blame)?.header().clone(),
            None => entry.header().clone(),
        };
        let Some((&length, items)) = header.shape.split_first() else { return Ok(None) };
        if header.fortran_order && !items.is_empty() {
            return Ok(None);
        }
        joined = match joined {
            None => Some((Header::new(header.dtype.clone(), header.shape.clone()), kind)),
            Some((mut joined, same))
                if joined.dtype == header.dtype && joined.shape[1..] == *items && same == kind =>
            {
                joined.shape[0] += length;
                joined.check()?;
                Some((joined, same))
            }
            Some(_) => return Ok(None),
        };
    }
    Ok(joined)
}

/// Returns the keys of images with keys of their own that another array has too.
fn images_twice<'k>(sources: &'k [Source], of_members: impl Iterator<Item = &'k String>) -> BTreeSet<String> {
    let mut keys = KeySet::default();
    if sources.len() < 2 {
        return BTreeSet::new();
    }
    for key in of_members.chain(sources.iter().flat_map(stacks_of).map(|stack| &stack.key)) {
        keys.insert(key);
    }
    let mut twice = BTreeSet::new();
    for source in sources {
        for set in source.archive.sets().iter().filter(|set| set.is_keyed()) {
            for image in 0..set.len() {
                let key = set.key(source.archive.zip(), image);
                if !keys.insert(&key) {
                    twice.insert(key);
                }
            }
        }
    }
    twice
}

fn stacks_of(source: &Source) -> impl Iterator<Item = &StackShape> {
    source.archive.sets().iter().filter_map(StoredSet::stacks).flat_map(Stacks::iter)
}

/// Returns the values of stacks that several archives have with values for other bits, or of which some lack one, by their keys.
pub(super) fn palettes(sources: &[Source]) -> HashMap<String, Palette> {
    let mut found: HashMap<&str, Vec<(&Archive, SetArray)>> = HashMap::new();
    for Source { archive, .. } in sources {
        for (set, stored) in archive.sets().iter().enumerate() {
            for (number, stack) in stored.stacks().into_iter().flat_map(Stacks::iter).enumerate() {
                let array = SetArray { set, images: stored.images_of_key(number) };
                found.entry(&stack.key).or_default().push((archive, array));
            }
        }
    }
    let mut small: HashMap<&str, Vec<Palette>> = HashMap::new();
    for source in sources {
        for member in source.members() {
            let key = found.get_key_value(bitnpz_npz::identity(member.key())).map(|(key, _)| *key);
            let own = key.and_then(|key| Some((key, small_stack_palette(&source.archive, key)?)));
            own.into_iter().for_each(|(key, own)| small.entry(key).or_default().push(own));
        }
    }
    let kind = |(archive, array): &(&Archive, SetArray)| archive.sets()[array.set].kind(0);
    // A stack that shares a set may lack values that others of the set have.
    let is_shared = |(archive, array): &(&Archive, SetArray)| {
        archive.sets()[array.set].stacks().is_some_and(|stacks| stacks.only().is_none())
    };
    found.retain(|key, parts| {
        let may_differ = |part| kind(part) != kind(&parts[0]) || is_shared(part);
        small.contains_key(key) || (parts.len() > 1 && parts.iter().any(may_differ))
    });
    let common = found.into_iter().filter_map(|(key, parts)| {
        let own = parts.into_iter().map(|(archive, array)| palette_of(archive, array.set, &[array.images]));
        let own: Vec<Palette> = own.chain(small.remove(key).into_iter().flatten()).collect();
        Some((key.to_owned(), Palette::common(&own)?))
    });
    common.collect()
}
