//! Merging archives: their images are copied, but for small stacks.

use std::collections::{BTreeMap, HashSet};
use std::io::Write;
use std::path::{Path, PathBuf};

use bitnpz_npy::Header;
use bitnpz_npz::{Compression, Member, Method};

use super::append::{MOST_SMALL_STACKS, all_of, is_small_stack};
use super::order_log::MEMBERS;
use super::writer::Writer;
use crate::encoding::Encoding;
use crate::error::{Error, ErrorKind, Result};
use crate::names::{self, is_reserved};
use crate::options::WriteOptions;
use crate::packed::{PackedKind, count_images};
use crate::read::{Archive, ArrayReader, OpenOptions};
use crate::shards::{ShardedArchive, is_manifest};

/// An archive that is merged.
struct Source {
    path: PathBuf,
    archive: Archive,
}

impl Source {
    fn members(&self) -> impl Iterator<Item = Member<'_>> {
        self.archive.zip().members().filter(|member| !is_reserved(member.name()))
    }

    fn member(&self, key: &str) -> Option<Member<'_>> {
        self.archive.zip().find(key).filter(|member| !is_reserved(member.name()))
    }

    /// Returns the numbers of images that its arrays may have an item for each of: the length of each stack, and the number of
    /// images with keys of their own.
    fn image_counts(&self) -> HashSet<usize> {
        let (mut counts, mut keyed) = (HashSet::new(), 0);
        let mut count = |shape: &[usize], images: usize| match shape {
            [length, _, _, ..] => drop(counts.insert(*length)),
            _ => keyed += images,
        };
        for set in self.archive.sets() {
            match set.stacks() {
                Some(stacks) => stacks.iter().for_each(|stack| count(&stack.shape, 0)),
                None => count(&[], set.len()),
            }
        }
        for entry in self.members().filter_map(|member| self.archive.entry(member.key()).ok()) {
            let images = entry.image_count();
            // Of other dtypes than bool it is not known that they are images.
            let images = images.or_else(|| is_small_stack(&self.archive, entry.key()).then_some(0));
            images.into_iter().for_each(|images| count(entry.shape(), images));
        }
        counts.insert(keyed);
        counts
    }
}

impl Writer {
    /// Starts an archive that has everything the archives at these paths have, in their order, and replaces what is at `path` when
    /// it is finished. The path of a manifest stands for its shards. All must have the same encoding. Images are copied without
    /// decoding them, except small stacks that share an image set. Stacks under the same key become one, and so do images with
    /// keys of their own.
    ///
    /// Other arrays under a key that several archives have are joined along their first axis if that counts images in each
    /// archive, as labels do: it is as long as a stack of the archive or as it has images with keys of their own. Otherwise, and if
    /// [`shard`](Self::shard) did not cut them, they must be the same in all, and are written once.
    ///
    /// ```
    /// use ndarray::{Array3, array};
    ///
    /// let folder = tempfile::tempdir()?;
    /// let shards = ["a.npz", "b.npz"].map(|name| folder.path().join(name));
    /// for shard in &shards {
    ///     let mut writer = bitnpz::Writer::create(shard)?;
    ///     writer.add_images("glyphs", &Array3::from_shape_fn((2, 9, 9), |(_, y, x)| y == x))?;
    ///     writer.add_array("labels", &array![3_i64, 5])?;
    ///     writer.finish()?;
    /// }
    /// let path = folder.path().join("training.npz");
    /// bitnpz::Writer::merge(&path, &shards, &bitnpz::WriteOptions::default())?.finish()?;
    /// let archive = bitnpz::Archive::open(&path)?;
    /// assert_eq!(archive.images("glyphs")?.len(), 4);
    /// assert_eq!(archive.array::<i64>("labels")?, array![3, 5, 3, 5].into_dyn());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If there is no archive, if one cannot be read, if two have an image under the same key, if their stacks differ in dtype,
    /// values or the size of images, if their other arrays can neither be joined nor are the same, or if writing fails.
    pub fn merge<P: AsRef<Path>>(path: impl AsRef<Path>, from: &[P], options: &WriteOptions) -> Result<Self> {
        if from.is_empty() {
            return Err(ErrorKind::NothingToMerge.into());
        }
        let reading = OpenOptions::default().with_limits(options.limits.clone());
        let mut paths = Vec::new();
        for path in from.iter().map(AsRef::as_ref) {
            match is_manifest(path) {
                true => paths.extend(ShardedArchive::open_with(path, &reading)?.paths()),
                false => paths.push(path.to_owned()),
            }
        }
        let sources = paths.into_iter().map(|path| {
            let archive = Archive::open_with(&path, &reading).map_err(|error| error.in_file(&path))?;
            Ok(Source { path, archive })
        });
        let sources: Vec<Source> = sources.collect::<Result<_>>()?;
        let has = |encoding: &Encoding| sources.iter().any(|source| source.archive.encoding() == *encoding);
        let mut options = options.clone();
        // An archive that has only labels is plain, whatever the others are.
        options.encoding =
            options.encoding.or_else(|| [Encoding::Sets, Encoding::Packed].into_iter().find(has));
        options.encoding.get_or_insert(Encoding::Plain);
        let mut writer = Self::create_with(path, &options)?;
        let mut shared = shared_keys(&sources);
        let counts: Vec<HashSet<usize>> = match shared.is_empty() {
            true => Vec::new(),
            false => sources.iter().map(Source::image_counts).collect(),
        };
        for source in &sources {
            writer.sets.start_merging();
            let takes_member = |writer: &mut Self, key: &str| {
                let key = bitnpz_npz::identity(key);
                let Some(numbers) = shared.get_mut(key) else { return Ok(true) };
                // All of them are written where the first archive has it.
                let arrays: Vec<_> = std::mem::take(numbers)
                    .into_iter()
                    .map(|number| (&sources[number], &counts[number]))
                    .collect();
                if !arrays.is_empty() {
                    writer.add_shared(key, &arrays)?;
                }
                Ok(false)
            };
            let taken =
                writer.take_over(&source.archive, all_of(&source.archive), takes_member, |_, _| Ok(()));
            taken.map_err(|error| error.in_file(&source.path))?;
        }
        Ok(writer)
    }

    /// Adds what several archives have under a key, each of which has these numbers of images.
    fn add_shared(&mut self, key: &str, sources: &[(&Source, &HashSet<usize>)]) -> Result<()> {
        let members: Vec<Member<'_>> = sources.iter().filter_map(|(source, _)| source.member(key)).collect();
        let differ = |number: usize| {
            let [first, other] = [&sources[0].0.path, &sources[number].0.path].map(Clone::clone);
            Error::from(ErrorKind::ArraysDiffer { first, other }).with_key(key)
        };
        let is_whole = sources.iter().any(|(source, _)| source.archive.is_whole(key));
        let joined = if is_whole { None } else { joined(key, sources)? };
        let Some((header, kind)) = joined else {
            for (number, member) in members.iter().enumerate().skip(1) {
                let is_same = is_same(&members[0], member);
                if !is_same.map_err(|error| error.with_key(key).in_file(&sources[number].0.path))? {
                    return Err(differ(number));
                }
            }
            self.claim(key)?;
            if is_whole {
                self.sets.whole.insert(key.to_owned());
            }
            let entry = sources[0].0.archive.entry(key).ok();
            return self.copy_member(&members[0], entry.as_ref());
        };
        self.claim(key)?;
        let number = self.output.zip.len();
        let head = header.to_bytes()?;
        let name = names::of_array(key);
        let mut compression = self.output.zip.options().compression;
        if self.output.has_parts(&header) {
            compression = compression_like(compression, &members);
        }
        let mut stream = match kind {
            Some(_) => self.output.zip.stream(&name, head.clone())?,
            None => self.output.stream_array(&name, head.clone(), &header, compression)?,
        };
        for ((source, _), member) in sources.iter().zip(&members) {
            let copied =
                ArrayReader::of_member(member, &source.archive.zip().limits().npy).and_then(|mut reader| {
                    reader.copy_to(|bytes| Ok(stream.write_all(bytes).map_err(bitnpz_npz::Error::from)?))
                });
            copied.map_err(|error| error.with_key(key).in_file(&source.path))?;
        }
        stream.finish(&head)?;
        let images = match &kind {
            Some(_) => count_images(&header.shape),
            None => {
                sources.iter().filter_map(|(source, _)| source.archive.entry(key).ok()?.image_count()).sum()
            }
        };
        match kind {
            Some(kind) => self.output.ledger.note_packed(number, MEMBERS, kind, images),
            None => self.output.ledger.note_plain(number, MEMBERS, images),
        }
        Ok(())
    }
}

/// Returns the keys that members of several archives have, each with the numbers of the archives, but for stacks that are too
/// small for a set and can be extended.
fn shared_keys(sources: &[Source]) -> BTreeMap<String, Vec<usize>> {
    let mut numbers: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (number, source) in sources.iter().enumerate() {
        for member in source.members() {
            numbers.entry(bitnpz_npz::identity(member.key()).to_owned()).or_default().push(number);
        }
    }
    let mut stacks = 0;
    numbers.retain(|key, numbers| {
        let is_stack = || numbers.iter().all(|&number| is_small_stack(&sources[number].archive, key));
        if numbers.len() > 1 && stacks < MOST_SMALL_STACKS && is_stack() {
            stacks += 1;
            return false;
        }
        numbers.len() > 1
    });
    numbers
}

/// Returns the header of arrays that are joined along their first axis, as they are stored, and the kind of their images if their
/// rows are packed; `None` if the axis does not count images in each archive, or if they do not fit together.
fn joined(key: &str, sources: &[(&Source, &HashSet<usize>)]) -> Result<Option<(Header, Option<PackedKind>)>> {
    let mut joined: Option<(Header, Option<PackedKind>)> = None;
    for (source, counts) in sources {
        let blame = |error: Error| error.with_key(key).in_file(&source.path);
        let array = source.member(key).filter(|member| names::is_array(member.name()));
        let Some(member) = array else { return Ok(None) };
        let kind = source.archive.entry(key).map_err(blame)?.kind().cloned();
        let limits = &source.archive.zip().limits().npy;
        let header = ArrayReader::of_member(&member, limits).map_err(blame)?.header().clone();
        let Some((&length, items)) = header.shape.split_first().filter(|(length, _)| counts.contains(length))
        else {
            return Ok(None);
        };
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

/// Returns whether two members have the same bytes.
fn is_same(one: &Member<'_>, other: &Member<'_>) -> Result<bool> {
    let summary = |member: &Member<'_>| (member.size(), member.crc32());
    Ok(summary(one) == summary(other) && one.read()? == other.read()?)
}

/// Returns the compression of an array whose items are those of members: none if they are stored, as deflate gains little then.
pub(super) fn compression_like<'m, 'a: 'm>(
    compression: Compression,
    members: impl IntoIterator<Item = &'m Member<'a>>,
) -> Compression {
    let mut members = members.into_iter();
    if members.all(|member| member.method() == Method::STORED) { Compression::Stored } else { compression }
}
