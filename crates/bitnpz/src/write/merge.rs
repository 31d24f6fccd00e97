//! Merging archives: their images are copied, but for small stacks.

use std::cell::RefCell;
use std::io::Read;
use std::path::Path;

use bitnpz_npy::Header;
use bitnpz_npz::{Compression, Member, Method};

use super::array_stream::NewArray;
use super::merge_sources::{SharedKeys, Source, joined, palettes};
use super::order_log::MEMBERS;
use super::source::{ArraySource, PIECE_BYTES};
use super::writer::Writer;
use crate::axes::ImageAxes;
use crate::encoding::Encoding;
use crate::error::{Error, ErrorKind, Result};
use crate::interrupt;
use crate::options::WriteOptions;
use crate::packed::{PackedKind, count_images};
use crate::read::{Archive, ArrayReader, OpenOptions, SetArray};
use crate::shards::{ShardedArchive, is_manifest};

impl Writer {
    /// Starts an archive that has everything the archives at these paths have, in their order, and replaces what is at `path` when
    /// it is finished. The path of a manifest stands for its shards. The new archive has image sets if any of them has, else packed
    /// rows if any has. Images are copied without decoding them, except small stacks that share an image set, and those whose bits
    /// have other values. Stacks under the same key become one, and images with keys of their own are put together.
    ///
    /// Other arrays under a key that several archives have are joined along their first axis if that counts images in each
    /// archive, as labels do: it is as long as a stack of the archive or as it has images with keys of their own. So are arrays of
    /// two values as long as a stack, which are stored as an image. Otherwise, and if
    /// [`split_part`](Self::split_part) did not cut them, they must be the same in all, and are written once.
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
        // Mapped: a process may have fewer files open than there are archives.
        let reading = OpenOptions::default().with_limits(options.limits.clone());
        let mut sources = Vec::new();
        for path in from.iter().map(AsRef::as_ref) {
            if is_manifest(path) {
                let sharded = ShardedArchive::open_with(path, &reading)?;
                for (path, archive) in sharded.paths().into_iter().zip(sharded.archives()) {
                    sources.push(Source::new(path, archive?));
                }
                continue;
            }
            let archive = Archive::open_with(path, &reading).map_err(|error| error.in_file(path))?;
            sources.push(Source::new(path.to_owned(), archive));
        }
        let has = |encoding: &Encoding| sources.iter().any(|source| source.archive.encoding() == *encoding);
        let mut options = options.clone();
        // An archive that has only labels is plain, whatever the others are.
        options.encoding =
            options.encoding.or_else(|| [Encoding::Sets, Encoding::Packed].into_iter().find(has));
        options.encoding.get_or_insert(Encoding::Plain);
        let mut writer = Self::create_with(path, &options)?;
        writer.sets.palettes = palettes(&sources);
        let SharedKeys { arrays, images } = SharedKeys::find(&mut sources)?;
        let arrays = RefCell::new(arrays);
        // Returns whether a key is that of one archive only. What several have is written where the first has it.
        let is_of_one = |writer: &mut Self, key: &str| {
            let key = bitnpz_npz::identity(key);
            let Some(numbers) = arrays.borrow_mut().get_mut(key).map(std::mem::take) else { return Ok(true) };
            let parts: Vec<_> = numbers.into_iter().map(|number| &sources[number]).collect();
            if !parts.is_empty() {
                writer.add_shared(key, &parts)?;
            }
            Ok(false)
        };
        for source in &sources {
            writer.sets.start_merging();
            let images_of = |set: usize| {
                Some(source.images_without(set, &images))
                    .filter(|images| !images.is_empty() || !source.archive.sets()[set].is_keyed())
            };
            let instead = |writer: &mut Self, array: SetArray| {
                let entry = source.archive.entry_of_set(array)?;
                if is_of_one(writer, entry.key())? {
                    writer.extend_stack(entry.key(), &entry.read()?.view(), ImageAxes::Inferred)?;
                }
                Ok(())
            };
            let taken = writer.take_over(&source.archive, images_of, is_of_one, instead);
            taken.map_err(|error| error.in_file(&source.path))?;
        }
        writer.sets.palettes.clear();
        Ok(writer)
    }

    /// Adds what several archives have under a key.
    fn add_shared(&mut self, key: &str, sources: &[&Source]) -> Result<()> {
        match joined(key, sources)? {
            Some(array) => self.add_joined(key, sources, array),
            None => self.add_same(key, sources),
        }
    }

    /// Adds a member that is the same in several archives.
    fn add_same(&mut self, key: &str, sources: &[&Source]) -> Result<()> {
        let taken = || Error::from(ErrorKind::DuplicateKey).with_key(key);
        // Packed rows may be those of other values.
        let kind = |source: &Source| source.archive.entry(key).ok().and_then(|entry| entry.kind().cloned());
        let members = sources.iter().map(|source| {
            let member = source.member(key).ok_or_else(|| taken().in_file(&source.path))?;
            Ok((*source, member))
        });
        let members: Vec<_> = members.collect::<Result<_>>()?;
        let ((first, copied), others) = members.split_first().expect("several");
        for (other, member) in others {
            let blame = |error: Error| error.with_key(key).in_file(&other.path);
            if kind(other) != kind(first) || !is_same(copied, member).map_err(blame)? {
                let [first, other] = [first, other].map(|source| source.path.clone());
                return Err(Error::from(ErrorKind::ArraysDiffer { first, other }).with_key(key));
            }
        }
        self.claim(key)?;
        if sources.iter().any(|source| source.archive.is_whole(key)) {
            self.output.ledger.whole.insert(key.to_owned());
        }
        if first.archive.is_few(key) {
            self.output.ledger.few.insert(key.to_owned());
        }
        self.copy_member(copied, first.archive.entry(key).ok().as_ref())
    }

    /// Adds the items that several archives have under a key, one after the other, as an array of this header and kind.
    fn add_joined(
        &mut self,
        key: &str,
        sources: &[&Source],
        (header, kind): (Header, Option<PackedKind>),
    ) -> Result<()> {
        self.claim(key)?;
        let in_parts = kind.is_none() && self.output.has_parts(&header);
        let mut compression = self.output.zip.options().compression;
        if in_parts {
            let members: Vec<_> = sources.iter().filter_map(|source| source.member(key)).collect();
            compression = compression_like(compression, &members);
        }
        let images = match &kind {
            Some(_) => count_images(&header.shape),
            None => sources.iter().filter_map(|source| source.archive.entry(key).ok()?.image_count()).sum(),
        };
        let array = NewArray { key, place: MEMBERS, kind, in_parts };
        let mut stream = self.output.start_array(array, &header, compression)?;
        for source in sources {
            let mut write = |bytes: &[u8]| stream.write(bytes);
            let copied = match source.member(key) {
                Some(member) => ArrayReader::of_member(&member, &source.archive.zip().limits().npy)
                    .and_then(|mut reader| reader.copy_to(write)),
                // It is stored as an image.
                None => source
                    .archive
                    .entry(key)
                    .and_then(|entry| entry.read())
                    .and_then(|array| write(array.data())),
            };
            copied.map_err(|error| error.with_key(key).in_file(&source.path))?;
        }
        stream.finish(&header, images)
    }
}

/// Returns whether two members have the same bytes.
fn is_same(one: &Member<'_>, other: &Member<'_>) -> Result<bool> {
    let summary = |member: &Member<'_>| (member.size(), member.crc32());
    if summary(one) != summary(other) {
        return Ok(false);
    }
    let mut readers = [one.reader()?, other.reader()?];
    let mut pieces = [Vec::new(), Vec::new()];
    loop {
        interrupt::check()?;
        for (reader, piece) in readers.iter_mut().zip(&mut pieces) {
            piece.clear();
            let read = reader.take(PIECE_BYTES as u64).read_to_end(piece);
            read.map_err(bitnpz_npz::Error::from)?;
        }
        match &pieces {
            [one, other] if one != other => return Ok(false),
            [one, _] if one.len() < PIECE_BYTES => return Ok(true),
            _ => {}
        }
    }
}

/// Returns the compression of an array whose items are those of members: none if they are stored, as deflate gains little then.
pub(super) fn compression_like<'m, 'a: 'm>(
    compression: Compression,
    members: impl IntoIterator<Item = &'m Member<'a>>,
) -> Compression {
    let mut members = members.into_iter();
    if members.all(|member| member.method() == Method::STORED) { Compression::Stored } else { compression }
}
