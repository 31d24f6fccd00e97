//! Splitting an archive: its images are copied, but for small stacks.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZero;
use std::ops::Range;
use std::path::Path;

use bitnpz_npy::{DynArrayView, Header, zeros};
use bitnpz_npz::Member;

use super::append::is_small_stack;
use super::array_stream::NewArray;
use super::merge::compression_like;
use super::merge_sources::labels_in;
use super::order_log::MEMBERS;
use super::sets::images_of_item;
use super::source::{ArraySource, items_at_once};
use super::stack::Stack;
use super::writer::Writer;
use crate::axes::ImageAxes;
use crate::encoding::Encoding;
use crate::error::{Error, ErrorKind, Result};
use crate::names;
use crate::options::WriteOptions;
use crate::packed::Palette;
use crate::read::{Archive, ArrayReader, Entry, ItemPlace, SetArray, StoredArray};
use crate::set::{StackShape, Stacks, StoredSet};

/// One of the shards that an archive is split into.
#[derive(Clone, Copy, Debug)]
struct Shard {
    number: usize,
    of: NonZero<usize>,
}

impl Shard {
    /// Returns the items of this shard, of so many in all; `cut_near` returns where they can be cut, not behind its argument.
    fn items(self, len: usize, cut_near: impl Fn(usize) -> usize) -> Range<usize> {
        let cut = |number: usize| {
            let wanted = len as u128 * number as u128 / self.of.get() as u128;
            let wanted = usize::try_from(wanted).expect("at most the length");
            if wanted == len { len } else { cut_near(wanted) }
        };
        cut(self.number)..cut(self.number + 1)
    }

    /// Returns where a set can be cut, not behind this image. Blocks that are cut get new checksums, and so their images are decoded:
    /// few in a large set.
    fn cut_near(self, set: &StoredSet, image: usize) -> usize {
        if set.len() / self.of >= LARGE_SHARD { set.cut_near(image) } else { image }
    }

    fn is_first(self) -> bool {
        self.number == 0
    }
}

/// Sets are cut where a block starts if shards have so many images or more.
const LARGE_SHARD: usize = 8 * 128;

/// What a shard has of an archive.
struct Cuts {
    /// The images of each set; `None` of a set that is in another shard, or that stacks share.
    images: Vec<Option<Vec<Range<usize>>>>,
    /// The items of each stack that shares a set with others, by the numbers of set and stack.
    shared: HashMap<[usize; 2], Range<usize>>,
    /// The items of labels that are stored as an image with a key of its own, by the numbers of set and image.
    labels: HashMap<[usize; 2], Range<usize>>,
    /// The items of arrays that have so many: one for each image of a stack.
    items: BTreeMap<usize, Range<usize>>,
    /// How many images have keys of their own, if any, and which of them the shard has, in the order of saving.
    keyed: Option<(usize, Range<usize>)>,
}

impl Cuts {
    fn new(archive: &Archive, shard: Shard) -> Result<Self> {
        let (mut images, mut items, mut shared) = (Vec::new(), BTreeMap::new(), HashMap::new());
        for (set_number, set) in archive.sets().iter().enumerate() {
            if let Some(stacks) = set.stacks().filter(|stacks| stacks.only().is_none()) {
                for (number, stack) in stacks.iter().enumerate() {
                    let cut = match items_of(stack) {
                        Some((len, _)) => {
                            items.entry(len).or_insert_with(|| shard.items(len, |item| item)).clone()
                        }
                        None if shard.is_first() => 0..stack.shape[0],
                        None => continue,
                    };
                    shared.insert([set_number, number], cut);
                }
            }
            let Some(stack) = set.stacks().and_then(Stacks::only) else {
                images.push(None);
                continue;
            };
            let Some((len, each)) = items_of(stack) else {
                // It cannot be cut along its first axis.
                images.push(shard.is_first().then(|| set.ranges()));
                continue;
            };
            let cut_near = |item: usize| shard.cut_near(set, item * each).div_ceil(each);
            let cut = items.entry(len).or_insert_with(|| shard.items(len, cut_near)).clone();
            images.push(Some(std::iter::once(cut.start * each..cut.end * each).collect()));
        }
        for member in archive.zip().members().filter(|member| is_small_stack(archive, member.key())) {
            let shape = archive.entry(member.key()).map_or(Vec::new(), |entry| entry.shape().to_vec());
            items.entry(shape[0]).or_insert_with(|| shard.items(shape[0], |item| item));
        }
        let labels = labels_of(archive, &items)?;
        let mut cuts = Self { images, shared, labels, items, keyed: None };
        cuts.cut_keyed(archive, shard);
        Ok(cuts)
    }

    /// Cuts the images that have keys of their own, those of all sets together in the order of saving.
    fn cut_keyed(&mut self, archive: &Archive, shard: Shard) {
        let sets: Vec<_> = archive.sets().iter().enumerate().filter(|(_, set)| set.is_keyed()).collect();
        let len = sets.iter().map(|(_, set)| set.len()).sum::<usize>() - self.labels.len();
        if len == 0 {
            return;
        }
        let only = if let [only] = sets[..] { Some(only).filter(|_| self.labels.is_empty()) } else { None };
        let cut_near = |image: usize| only.map_or(image, |(_, set)| shard.cut_near(set, image));
        let of_stack = self.items.get(&len).cloned();
        let cut = of_stack.unwrap_or_else(|| shard.items(len, cut_near));
        self.keyed = Some((len, cut.clone()));
        if let Some((number, _)) = only {
            self.images[number] = Some(vec![cut]);
            return;
        }
        let mut image = 0;
        for place in archive.places() {
            let ItemPlace::Set(array) = place else { continue };
            let first = array.images.start;
            if !archive.sets()[array.set].is_keyed() || self.labels.contains_key(&[array.set, first]) {
                continue;
            }
            if cut.contains(&image) {
                let ranges = self.images[array.set].get_or_insert_default();
                match ranges.last_mut().filter(|range| range.end == first) {
                    Some(range) => range.end += 1,
                    None => ranges.push(array.images),
                }
            }
            image += 1;
        }
    }

    /// Returns the items of an array of so many, if there is one for each image. The rows of an image may happen to be as many as
    /// there are images with keys of their own: it is not cut.
    fn items(&self, len: usize, is_image: bool) -> Option<&Range<usize>> {
        let of_keyed = || self.keyed.as_ref().filter(|(keyed, _)| !is_image && len == *keyed);
        self.items.get(&len).or_else(|| of_keyed().map(|(_, cut)| cut))
    }
}

/// Returns the labels that are stored as an image with a key of its own, by the numbers of set and image, and their items: arrays of
/// two values that have an item for each image of a stack.
fn labels_of(
    archive: &Archive,
    items: &BTreeMap<usize, Range<usize>>,
) -> Result<HashMap<[usize; 2], Range<usize>>> {
    let mut labels = HashMap::new();
    for (number, set) in archive.sets().iter().enumerate() {
        for image in labels_in(archive.zip(), set, |height| items.contains_key(&height))? {
            let [height, _] = set.size(archive.zip(), image)?;
            labels.insert([number, image], items[&height].clone());
        }
    }
    Ok(labels)
}

/// Returns how many items a stack has along the first axis, and how many images each of them has; `None` if it cannot be cut there.
fn items_of(StackShape { shape, form, .. }: &StackShape) -> Option<(usize, usize)> {
    let can_be_cut = shape.len() > 2 && form.as_ref().is_none_or(|form| form.can_grow(shape));
    let each = images_of_item(shape);
    (can_be_cut && each > 0).then(|| (shape[0], each))
}

impl Writer {
    /// Starts an archive that has the shard with this number, from 0, of an archive of image sets that is split into `of` shards.
    ///
    /// Each stack is cut along its first axis, and so are images with keys of their own, into pieces of about the same length,
    /// without decoding them unless they are small stacks: all shards together have what the archive has, in its order, and
    /// [`merge`](Self::merge) puts them together again. Arrays that have an item for each image, as labels do, are cut in the same
    /// places; other arrays are in each shard. Images that cannot be cut are in the first.
    ///
    /// ```
    /// use std::num::NonZero;
    /// use bitnpz::{Archive, WriteOptions, Writer};
    /// use ndarray::{Array1, Array3};
    ///
    /// let folder = tempfile::tempdir()?;
    /// let path = folder.path().join("training.npz");
    /// let mut writer = Writer::create(&path)?;
    /// writer.add_images("glyphs", &Array3::from_shape_fn((5000, 16, 16), |(i, y, x)| y * x < i % 90))?;
    /// writer.add_array("labels", &Array1::from_iter(0..5000_i64))?;
    /// writer.finish()?;
    ///
    /// let shard = folder.path().join("shard-1.npz");
    /// let of = NonZero::new(2).expect("two shards");
    /// Writer::split_part(&shard, &path, 1, of, &WriteOptions::default())?.finish()?;
    /// let shard = Archive::open(&shard)?;
    /// assert_eq!(shard.images("glyphs")?.len() as i64, 5000 - shard.array::<i64>("labels")?[[0]]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the archive cannot be read or has no image sets, if there is no such shard, or if writing fails.
    pub fn split_part(
        path: impl AsRef<Path>,
        from: impl AsRef<Path>,
        number: usize,
        of: NonZero<usize>,
        options: &WriteOptions,
    ) -> Result<Self> {
        let archive = Archive::open_with(from.as_ref(), &options.reading())?;
        if archive.encoding() != Encoding::Sets || archive.sets().is_empty() {
            return Err(ErrorKind::NothingToSplit.into());
        }
        if number >= of.get() {
            return Err(ErrorKind::NoSuchShard { number, shards: of.get() }.into());
        }
        let shard = Shard { number, of };
        let cuts = Cuts::new(&archive, shard)?;
        let mut writer = Self::like(path, &archive, options)?;
        writer.sets.start_shard();
        let takes_member =
            |writer: &mut Self, key: &str| writer.add_part_of_member(&archive, key, shard, &cuts);
        let images_of = |set: usize| cuts.images.get(set).cloned().flatten();
        let instead = |writer: &mut Self, array: SetArray| {
            let Some(stacks) = archive.sets()[array.set].stacks() else {
                return match cuts.labels.get(&[array.set, array.images.start]) {
                    Some(items) => writer.add_labels(&archive, array, items),
                    None => Ok(()),
                };
            };
            match cuts.shared.get(&[array.set, stacks.number_of(array.images.start)]) {
                Some(items) => writer.add_items(&archive, &array, items.clone()),
                None => Ok(()),
            }
        };
        writer.take_over(&archive, images_of, takes_member, instead)?;
        Ok(writer)
    }

    /// Adds some items of a stack that shares a set, whose images are encoded again.
    fn add_items(&mut self, archive: &Archive, array: &SetArray, items: Range<usize>) -> Result<()> {
        let set = &archive.sets()[array.set];
        let StackShape { key, shape, form } = set.stacks().expect("a set of stacks").of(array.images.start);
        self.claim(key)?;
        let palette = Palette::of(&set.kind(0));
        let stack = Stack::with_shape(key, shape.clone(), form.clone(), palette).to_empty();
        let mut stack = self.sets.start_stack(&mut self.output.ledger, stack);
        stack.push_decoded(&mut self.output, archive, array, items)?;
        self.sets.finish_stack(&mut self.output, stack)
    }

    /// Adds some items of labels that are stored as an image.
    fn add_labels(&mut self, archive: &Archive, array: SetArray, items: &Range<usize>) -> Result<()> {
        let entry = archive.entry_of_set(array)?;
        let (mut header, labels) = (entry.header().clone(), entry.read()?);
        let item_bytes = labels.data().len() / header.shape[0].max(1);
        header.shape[0] = items.len();
        let part =
            DynArrayView::new(header, &labels.data()[items.start * item_bytes..items.end * item_bytes])?;
        self.add_dyn_array(entry.key(), &part)
    }

    /// Adds some items of a stack that is too small for a set, as a set all the same: it says what the stack is, and which values it
    /// has. Returns `false` if items cannot be added to the stack.
    fn add_part_of_stack(&mut self, entry: &Entry<'_>, items: &Range<usize>) -> Result<bool> {
        let Some(mut stack) = Stack::like(entry.key(), entry.header(), ImageAxes::Inferred)? else {
            return Ok(false);
        };
        let array = entry.to_array()?;
        stack.push(array.data(), array.shape()[0])?;
        let item_bytes = stack.item_bytes();
        self.claim(entry.key())?;
        let mut part = self.sets.start_stack(&mut self.output.ledger, stack.to_empty());
        let pixels = &array.data()[items.start * item_bytes..items.end * item_bytes];
        part.push(&mut self.output, pixels, items.len())?;
        self.sets.finish_stack(&mut self.output, part)?;
        Ok(true)
    }

    /// Adds a part of a member, and returns whether all of it is to be copied instead.
    fn add_part_of_member(
        &mut self,
        archive: &Archive,
        key: &str,
        shard: Shard,
        cuts: &Cuts,
    ) -> Result<bool> {
        // What a shard has whole is no part, however long it is.
        if archive.is_whole(key) {
            return Ok(true);
        }
        let found = archive.zip().find(key).filter(|member| names::is_array(member.name()));
        let (Some(member), Ok(entry)) = (found, archive.entry(key)) else { return Ok(true) };
        let header = ArrayReader::of_member(&member, &archive.zip().limits().npy)?.header().clone();
        let stack = ImageAxes::Inferred.form(entry.header())?;
        let is_one = stack.is_some_and(|(stack, _)| stack.len() == 2) && entry.image_count().is_some();
        let is_image = is_one || archive.is_few(key);
        let cut = header.shape.first().and_then(|len| cuts.items(*len, is_image));
        if let Some(cut) = cut.filter(|_| is_small_stack(archive, key))
            && self.add_part_of_stack(&entry, cut)?
        {
            return Ok(false);
        }
        let can_be_cut = !header.fortran_order || header.shape.len() == 1;
        match cut.filter(|_| can_be_cut) {
            Some(cut) => {
                self.write_part(archive, &entry, &member, header, cut)?;
                Ok(false)
            }
            // Merged again, images of a stack are not to be there several times.
            None if entry.image_count().is_some() && !is_image => Ok(shard.is_first()),
            None => {
                self.output.ledger.whole.insert(bitnpz_npz::identity(key).to_owned());
                Ok(true)
            }
        }
    }

    /// Writes some items of an array.
    fn write_part(
        &mut self,
        archive: &Archive,
        entry: &Entry<'_>,
        member: &Member<'_>,
        mut header: Header,
        items: &Range<usize>,
    ) -> Result<()> {
        let blame = |error: Error| error.with_key(member.key());
        let [images, item_bytes] =
            [entry.image_count().unwrap_or(0), header.data_len()].map(|all| all / header.shape[0].max(1));
        let images = images * items.len();
        header.shape[0] = items.len();
        self.claim(member.key())?;
        let compression = compression_like(self.output.zip.options().compression, [member]);
        let in_parts = entry.kind().is_none() && self.output.has_parts(&header);
        let array = NewArray { key: member.key(), place: MEMBERS, kind: entry.kind().cloned(), in_parts };
        let mut stream = self.output.start_array(array, &header, compression)?;
        // What was read unchecked must not get a new checksum.
        if let Some(stored) = archive.stored_array(member.key())?.filter(StoredArray::is_checked) {
            let at_once = items_at_once(item_bytes);
            for start in items.clone().step_by(at_once) {
                let piece = start..items.end.min(start + at_once);
                let mut bytes = zeros(piece.len() * item_bytes)?;
                stored.read_into(piece, &mut bytes)?;
                stream.write(&bytes)?;
            }
            return stream.finish(&header, images);
        }
        let (mut place, wanted) = (0, items.start * item_bytes..items.end * item_bytes);
        let mut reader = ArrayReader::of_member(member, &archive.zip().limits().npy).map_err(blame)?;
        reader.copy_to(|bytes| {
            let [from, to] = [wanted.start, wanted.end].map(|end| end.saturating_sub(place).min(bytes.len()));
            place += bytes.len();
            stream.write(&bytes[from..to])
        })?;
        stream.finish(&header, images)
    }
}
