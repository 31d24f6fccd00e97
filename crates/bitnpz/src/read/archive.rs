//! Finding what an archive holds.

use std::cell::Cell;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use bitnpz_bitmap::{Bitmap, Pixel};
use bitnpz_npy::{Dtype, DynArray, DynArrayView, Element, copy, with_room};
use bitnpz_npz::{Identity, Limits, Member, OpenOptions};
use ndarray::{Array2, ArrayD, Ix2};

use super::array_reader::ArrayReader;
use super::entry::{Entry, check_array};
use super::images::{Images, trailing};
use super::item::{Item, OtherContent};
use super::keys::{Keys, Names};
use super::order::Order;
use super::stored_images::StoredImages;
use super::verify::Problem;
use crate::encoding::Encoding;
use crate::error::{Error, ErrorKind, Result};
use crate::names::{self, SETS, is_array, is_reserved};
use crate::packed::PackedIndex;
use crate::set::{Sets, StoredSet};

/// A buffer up to this size is kept for the next image.
const KEPT: usize = 1 << 20;

thread_local! {
    /// The memory of the last image's `.npy` file; taken while it is used.
    static NPY: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// An open archive: images and arrays by their keys, as they were saved.
///
/// It opens archives of bitnpz in every encoding, and those that NumPy wrote. All reads take `&self`, and no
/// file position is shared: threads and forked processes can use one. A clone is the same open archive.
#[derive(Clone)]
pub struct Archive(Arc<Contents>);

impl fmt::Debug for Archive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Contents { zip, sets, .. } = &*self.0;
        let mut fields = f.debug_struct("Archive");
        fields.field("bytes", &zip.size()).field("keys", &self.len()).field("sets", &sets.len());
        fields.finish_non_exhaustive()
    }
}

struct Contents {
    zip: bitnpz_npz::Archive,
    packed: PackedIndex,
    sets: Vec<StoredSet>,
    order: Order,
}

/// What lies under a key.
#[derive(Debug)]
#[non_exhaustive]
pub enum Content<'a> {
    /// An array of up to a mebibyte, or images whose rows and columns are not its last axes, as it was saved.
    Array(DynArray),
    /// A larger one, which can be read to where it is to be.
    LargeArray(ArrayReader<'a>),
    /// Images at one bit per pixel, or coded: one of shape `(height, width)`, or a stack; either with axes of length 1 behind these,
    /// as [`Images::trailing`] tells.
    Images(Images),
}

impl IntoIterator for &Archive {
    type Item = String;
    type IntoIter = Keys;

    /// The keys, as [`keys`](Archive::keys) gives them.
    fn into_iter(self) -> Keys {
        self.keys()
    }
}

impl Archive {
    /// Opens an archive through a memory map.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, is no archive, or could be read by two programs differently.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::open_with(path, OpenOptions::default())
    }

    /// Opens an archive as `options` say.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn open_with(path: impl AsRef<Path>, options: OpenOptions) -> Result<Self> {
        Self::new(bitnpz_npz::Archive::open_with(path, options)?)
    }

    /// Opens an archive that comes from a stream, whose bytes go to a temporary file first: at most as many as the limit
    /// `spooled_bytes` allows.
    ///
    /// ```
    /// let mut writer = bitnpz::Writer::unnamed(&bitnpz::WriteOptions::default())?;
    /// writer.add_array("labels", &ndarray::array![3_i64, 5])?;
    /// let mut bytes = Vec::new();
    /// writer.finish_into(&mut bytes)?;
    ///
    /// let archive = bitnpz::Archive::from_reader(bytes.as_slice(), bitnpz::OpenOptions::default())?;
    /// assert_eq!(archive.array::<i64>("labels")?.len(), 2);
    /// # Ok::<(), bitnpz::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open), and if the stream cannot be read, has more bytes, or there is no room for them.
    pub fn from_reader(reader: impl Read, options: OpenOptions) -> Result<Self> {
        let file = super::spool::spool(reader, options.limits.spooled_bytes)?;
        Self::open_file(file, options)
    }

    /// Opens an archive that is an open file, which need not have a name.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn open_file(file: File, options: OpenOptions) -> Result<Self> {
        Self::new(bitnpz_npz::Archive::open_file(file, options)?)
    }

    /// Opens an archive that is in memory.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self> {
        Self::new(bitnpz_npz::Archive::from_bytes(bytes)?)
    }

    /// Opens an archive that is in memory, within these limits.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn from_bytes_with(bytes: Vec<u8>, limits: Limits) -> Result<Self> {
        Self::new(bitnpz_npz::Archive::from_bytes_with(bytes, limits)?)
    }

    /// Opens an archive of which these bytes are a copy, within these limits.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open), and if the memory for a copy is not there.
    pub fn from_slice_with(bytes: &[u8], limits: Limits) -> Result<Self> {
        Self::from_bytes_with(copy(bytes)?, limits)
    }

    fn new(zip: bitnpz_npz::Archive) -> Result<Self> {
        let packed = match zip.find(names::PACKED) {
            Some(member) => PackedIndex::from_json(&member.read()?)
                .map_err(|message| ErrorKind::Damaged { member: names::PACKED.to_owned(), message })?,
            None => PackedIndex::default(),
        };
        let damaged = |message| ErrorKind::Damaged { member: SETS.to_owned(), message };
        let Sets { names, order } = match zip.find(SETS) {
            Some(member) => Sets::from_json(&member.read()?).map_err(damaged)?,
            None => Sets::default(),
        };
        let sets: Vec<_> = names.iter().map(|name| StoredSet::open(&zip, name)).collect::<Result<_>>()?;
        let order = Order::new(order, || counts(&zip, &sets)).map_err(damaged)?;
        let archive = Self(Arc::new(Contents { zip, packed, sets, order }));
        match archive.twice() {
            Some(key) => Err(Error::from(ErrorKind::AmbiguousKey).with_key(&key)),
            None => Ok(archive),
        }
    }

    /// A key that two arrays have, at least one of which is a member or a stack. Of images under keys of their own in
    /// two sets [`verify`](Self::verify) tells, as it would take a look at each.
    fn twice(&self) -> Option<String> {
        let sets = self.sets();
        let in_sets = |key: &str| sets.iter().filter(|set| set.has_key(self.zip(), key)).count();
        let stacks = sets
            .iter()
            .filter_map(|set| Some(set.stack()?.0))
            .find(|key| self.member(key).is_some() || in_sets(key) > 1);
        let of_keyed = |member: &Member<'_>| in_sets(bitnpz_npz::identity(member.key())) > 0;
        let members = || self.members().find(|member| !sets.is_empty() && of_keyed(member));
        stacks.map(str::to_owned).or_else(|| members().map(|member| member.key().to_owned()))
    }

    /// Opens an archive of which members may be missing or damaged: without the image sets that cannot be opened, and why
    /// they cannot.
    pub(crate) fn open_what_is_whole(zip: bitnpz_npz::Archive) -> Result<(Self, Vec<Problem>)> {
        let mut problems = Vec::new();
        let read = |name| zip.find(name).and_then(|member| member.read().ok());
        let packed = read(names::PACKED).map(|json| PackedIndex::from_json(&json));
        let packed = packed.transpose().unwrap_or_else(|message| {
            problems.push(Problem::of_member(names::PACKED, message));
            None
        });
        // The list of sets may be gone, their descriptions tell their names as well.
        let named = read(SETS).and_then(|json| Sets::from_json(&json).ok()).unwrap_or_default();
        let described = zip.members().filter_map(|member| {
            let name = names::described_set(member.name())?.to_owned();
            (!named.names.contains(&name)).then_some(name)
        });
        let names: Vec<String> = named.names.iter().cloned().chain(described).collect();
        let (mut sets, mut places) = (Vec::new(), vec![Some(0)]);
        for name in names {
            match StoredSet::open(&zip, &name) {
                Ok(set) => {
                    sets.push(set);
                    places.push(Some(sets.len()));
                }
                Err(error) => {
                    problems.push(Problem::of_member(&name, error.to_string()));
                    places.push(None);
                }
            }
        }
        let place_of = |place: usize| places.get(place).copied().flatten();
        let runs = named.order.unwrap_or_default().into_iter();
        let runs = runs.filter_map(|(place, count)| Some((place_of(place)?, count))).collect();
        let order = Order::of_what_is_whole(runs, counts(&zip, &sets));
        Ok((Self(Arc::new(Contents { zip, packed: packed.unwrap_or_default(), sets, order })), problems))
    }

    /// The archive's size in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.0.zip.size()
    }

    /// What tells whether another handle is of the same file as it was when it was opened.
    #[must_use]
    pub fn identity(&self) -> Identity {
        self.0.zip.identity()
    }

    /// Whether images were saved in image sets, those apart that are too few for one.
    #[must_use]
    pub fn has_sets(&self) -> bool {
        self.0.zip.find(SETS).is_some()
    }

    /// How images lie in this archive: where there are image sets, in those; where there are packed ones, packed; else plain, if
    /// there are arrays that may be images, of bool or uint8 and two or more dimensions. `None` if there is nothing of these.
    #[must_use]
    pub fn encoding(&self) -> Option<Encoding> {
        let may_be_images = |entry: &Entry<'_>| {
            entry.shape().len() >= 2 && [Dtype::of::<bool>(), Dtype::of::<u8>()].contains(entry.dtype())
        };
        if self.has_sets() {
            Some(Encoding::Sets)
        } else if self.0.zip.find(names::PACKED).is_some() {
            Some(Encoding::Packed)
        } else {
            self.entries().flatten().any(|entry| may_be_images(&entry)).then_some(Encoding::Plain)
        }
    }

    /// The keys of all arrays in the order in which they were saved.
    #[must_use]
    pub fn keys(&self) -> Keys {
        Keys::new(self)
    }

    /// The keys of all arrays and the names of all other members, in the order in which they were saved.
    #[must_use]
    pub fn names(&self) -> Names {
        Names::new(self)
    }

    /// The bytes of a member that is no array, such as a text that somebody has added; `None` if there is none of this name.
    ///
    /// # Errors
    ///
    /// If it is damaged.
    pub fn other(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let Some(member) = self.find_other(name) else { return Ok(None) };
        match Item::of_member(self, member)? {
            Item::Other(other) if *other.content() == OtherContent::File => Ok(Some(other.member().read()?)),
            _ => Ok(None),
        }
    }

    /// Whether there is a member of this name that is not known to be an array by its name.
    #[must_use]
    pub fn contains_other(&self, name: &str) -> bool {
        self.find_other(name).is_some_and(|member| !is_array(member.name()))
    }

    /// The member of this name that may be no array.
    pub(super) fn find_other(&self, name: &str) -> Option<Member<'_>> {
        let member = self.0.zip.find(name).filter(|member| !is_reserved(member.name()))?;
        (is_array(member.name()) || member.name() == name).then_some(member)
    }

    /// The number of keys.
    #[must_use]
    pub fn len(&self) -> usize {
        let of_set = |set: &StoredSet| if set.stack().is_some() { 1 } else { set.len() };
        self.members().count() + self.0.sets.iter().map(of_set).sum::<usize>()
    }

    /// The number of members that are no arrays by their names.
    #[must_use]
    pub fn other_len(&self) -> usize {
        let others =
            self.0.zip.members().filter(|member| !is_reserved(member.name()) && !is_array(member.name()));
        others.count()
    }

    /// Whether there are no keys.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys().next().is_none()
    }

    /// Whether there is an array with this key.
    #[must_use]
    pub fn contains(&self, key: &str) -> bool {
        self.member(key).is_some()
            || self.sets().iter().any(|set| set.has_key(self.zip(), bitnpz_npz::identity(key)))
    }

    /// What the archive has under this key, its pixels apart.
    ///
    /// # Errors
    ///
    /// If there is no such key, or the array's header is damaged.
    pub fn entry(&self, key: &str) -> Result<Entry<'_>> {
        match self.member(key) {
            Some(member) => Entry::of_member(self, member),
            None => {
                let (set, range) = self.find_in_sets(key)?;
                self.entry_of_set(set, range)
            }
        }
    }

    /// What the archive has under this key: images where they lie if they are packed or in an image set, else the array.
    ///
    /// # Errors
    ///
    /// If there is no such key, or if it is damaged.
    pub fn get(&self, key: &str) -> Result<Content<'_>> {
        let blame = |error: Error| error.with_key(key);
        match self.member(key) {
            Some(member) if self.0.packed.kind(member.key()).is_none() => {
                if self.has_sets() && member.size() <= KEPT as u64 {
                    // A stack that was too small for a set is given as others are.
                    let entry = Entry::of_member(self, member)?;
                    let images = if entry.is_small_stack() { entry.to_images().ok() } else { None };
                    return match images {
                        Some(images) => Ok(Content::Images(images)),
                        None => entry.to_array().map(Content::Array),
                    };
                }
                if member.size() > KEPT as u64 {
                    return self.array_reader(&member).map(Content::LargeArray).map_err(blame);
                }
                self.read_array(&member).map(Content::Array).map_err(blame)
            }
            Some(member) => Entry::of_member(self, member)?.to_images().map(Content::Images),
            None => {
                let entry = self.entry(key)?;
                let images = entry.to_images()?;
                match trailing(entry.header(), images.shape()) {
                    Some(_) => Ok(Content::Images(images)),
                    None => entry.to_array().map(Content::Array),
                }
            }
        }
    }

    /// The images that sets have under a key.
    fn images_of_sets(&self, key: &str) -> Result<Images> {
        let blame = |error: Error| error.with_key(key);
        let (set, range) = self.find_in_sets(key)?;
        Images::stored(StoredImages::new(self, set, range)).map_err(blame)
    }

    /// One image in the type asked for, shape `(height, width)`. `bool` gives the bits of any image; every other
    /// type gives the values, if it holds them exactly.
    ///
    /// # Errors
    ///
    /// If there is no such key, if it holds no image or more than one, if the values cannot be given in this
    /// type, or if it is damaged.
    pub fn image<T: Pixel + Element>(&self, key: &str) -> Result<Array2<T>> {
        let blame = |error: Error| error.with_key(key);
        let set = match self.member(key).filter(|member| self.0.packed.kind(member.key()).is_none()) {
            None => self.images(key)?,
            Some(member) => {
                let bytes = member.compressed_size();
                // The type that was saved needs no packing and unpacking.
                let read = |view: DynArrayView<'_>| match view.to_ndarray::<T>() {
                    Ok(array) => Ok(Ok(array)),
                    Err(_) => Images::of_array(&view, bytes).map(Err),
                };
                match self.with_npy(&member, read).and_then(|read| read).map_err(blame)? {
                    Err(set) => set,
                    Ok(array) => {
                        let found = array.shape().to_vec();
                        return array.into_dimensionality::<Ix2>().map_err(|_| blame(not_one(found)));
                    }
                }
            }
        };
        if set.shape().len() != 2 {
            return Err(blame(not_one(set.shape().to_vec())));
        }
        set.read(0).map_err(blame)
    }

    /// One image at one bit per pixel.
    ///
    /// # Errors
    ///
    /// As [`image`](Self::image).
    pub fn bitmap(&self, key: &str) -> Result<Bitmap> {
        let set = self.images(key)?;
        if set.shape().len() != 2 {
            return Err(not_one(set.shape().to_vec()).with_key(key));
        }
        set.bitmap(0).map_err(|error| error.with_key(key))
    }

    /// The images under one key: an image alone, or a stack of shape `(..., height, width)`.
    ///
    /// # Errors
    ///
    /// If there is no such key, if the array has a third value or NaN or fewer than two dimensions, or if it is
    /// damaged.
    pub fn images(&self, key: &str) -> Result<Images> {
        match self.member(key) {
            None => self.images_of_sets(key),
            Some(member) => Entry::of_member(self, member)?.to_images(),
        }
    }

    /// The images that were saved under keys of their own, those of one dtype and pair of values together: of all
    /// that [`Writer::add_image`](crate::Writer::add_image) was given as a rule one set. Images of the encodings `plain`
    /// and `packed`, where each is a member, are not among them.
    ///
    /// # Errors
    ///
    /// If a set is damaged.
    pub fn keyed_images(&self) -> Result<Vec<Images>> {
        let sets = self.0.sets.iter().enumerate().filter(|(_, set)| set.stack().is_none());
        sets.map(|(number, set)| Images::keyed(StoredImages::new(self, number, 0..set.len()))).collect()
    }

    /// The array under this key, in its own type and shape.
    ///
    /// # Errors
    ///
    /// If there is no such key, if it is of another type, or if it is damaged.
    pub fn array<T: Element>(&self, key: &str) -> Result<ArrayD<T>> {
        let array = self.dyn_array(key)?;
        array.to_ndarray().map_err(|error| Error::from(error).with_key(key))
    }

    /// The array under this key, whatever its type: what `np.load` gave before it was packed.
    ///
    /// # Errors
    ///
    /// If there is no such key, or if it is damaged.
    pub fn dyn_array(&self, key: &str) -> Result<DynArray> {
        match self.member(key).filter(|member| self.0.packed.kind(member.key()).is_none()) {
            Some(member) => self.read_array(&member).map_err(|error| error.with_key(key)),
            None => self.entry(key)?.to_array(),
        }
    }

    /// The array of a member that is not packed, in one pass: its bytes go where they stay.
    pub(super) fn read_array(&self, member: &Member<'_>) -> Result<DynArray> {
        if member.size() <= KEPT as u64 {
            return Ok(self.with_npy(member, |view| view.to_owned())??);
        }
        let mut reader = self.array_reader(member)?;
        let mut data = with_room(reader.header().data_len())?;
        data.resize(reader.header().data_len(), 0);
        reader.read_into(&mut data)?;
        Ok(DynArray::new(reader.header().clone(), data)?)
    }

    /// Reads the array of a member from start to end.
    pub(super) fn array_reader<'a>(&self, member: &Member<'a>) -> Result<ArrayReader<'a>> {
        ArrayReader::of_member(member, &self.limits().npy)
    }

    /// Calls `with` with the array of a member, in memory that is used again for the next.
    fn with_npy<R>(&self, member: &Member<'_>, with: impl FnOnce(DynArrayView<'_>) -> R) -> Result<R> {
        let limits = &self.limits().npy;
        let limit = limits.array_bytes;
        check_array(member.size(), limit.saturating_add(limits.header_bytes as u64))?;
        let mut npy = NPY.take();
        member.read_into(&mut npy)?;
        let view = DynArrayView::parse(&npy, limits)?;
        check_array(view.data().len() as u64, limit)?;
        let result = with(view);
        if npy.capacity() <= KEPT {
            NPY.set(npy);
        }
        Ok(result)
    }

    pub(crate) fn zip(&self) -> &bitnpz_npz::Archive {
        &self.0.zip
    }

    pub(super) fn packed(&self) -> &PackedIndex {
        &self.0.packed
    }

    pub(super) fn limits(&self) -> &Limits {
        self.0.zip.limits()
    }

    /// The members that are arrays of the user's.
    fn members(&self) -> impl Iterator<Item = Member<'_>> {
        self.0.zip.members().filter(|member| is_array(member.name()))
    }

    fn member(&self, key: &str) -> Option<Member<'_>> {
        self.0.zip.find(key).filter(|member| is_array(member.name()))
    }

    pub(crate) fn sets(&self) -> &[StoredSet] {
        &self.0.sets
    }

    /// The order in which everything was saved.
    pub(crate) fn order(&self) -> &Order {
        &self.0.order
    }

    /// The set that has this key, and which of its images are its array.
    fn find_in_sets(&self, key: &str) -> Result<(usize, Range<usize>)> {
        let wanted = bitnpz_npz::identity(key);
        let mut found = self.0.sets.iter().enumerate().filter_map(|(number, set)| match set.stack() {
            Some((name, _)) => (name == wanted).then(|| (number, 0..set.len())),
            None => set.find(&self.0.zip, wanted).map(|image| (number, image..image + 1)),
        });
        match (found.next(), found.next()) {
            (Some(place), None) => Ok(place),
            (None, _) => Err(Error::from(ErrorKind::NoSuchKey).with_key(key)),
            (Some(_), Some(_)) => Err(Error::from(ErrorKind::AmbiguousKey).with_key(key)),
        }
    }

    pub(super) fn key_of(&self, set: usize, range: &Range<usize>) -> String {
        let set = &self.0.sets[set];
        match set.stack() {
            Some((key, _)) => key.to_owned(),
            None => set.key(&self.0.zip, range.start),
        }
    }

    pub(crate) fn entry_of_set(&self, set: usize, range: Range<usize>) -> Result<Entry<'_>> {
        let key = self.key_of(set, &range);
        Entry::of_set(self, key, StoredImages::new(self, set, range))
    }
}

/// How many things were saved in each place that [`Order`] knows.
fn counts(zip: &bitnpz_npz::Archive, sets: &[StoredSet]) -> Vec<usize> {
    let members = zip.members().filter(|member| !is_reserved(member.name())).count();
    let of_set = |set: &StoredSet| if set.stack().is_some() { 1 } else { set.len() };
    std::iter::once(members).chain(sets.iter().map(of_set)).collect()
}

fn not_one(found: Vec<usize>) -> Error {
    ErrorKind::NotOneImage { found }.into()
}
