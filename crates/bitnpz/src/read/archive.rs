//! `Archive`: opening an archive and listing its items.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use bitnpz_npy::copy;
use bitnpz_npz::{Identity, ReadAt};

use super::contents::{Contents, SetArray};
use super::entry::Entry;
use super::item::{Item, OtherContent};
use super::keys::{Keys, Names};
use super::open_options::OpenOptions;
use super::places::{ItemPlace, ItemPlaces};
use super::report::Problem;
use crate::encoding::Encoding;
use crate::error::Result;
use crate::names::{self, is_array, is_reserved};
use crate::set::StoredSet;

/// An open archive.
///
/// It reads archives of every [`Encoding`], and those that NumPy wrote. All reads take `&self` and the file has no position, so
/// threads and forked processes can share an archive. A clone refers to the same open file.
///
/// ```
/// use bitnpz::Archive;
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("training.npz");
/// # let mut writer = bitnpz::Writer::create(&path)?;
/// # writer.add_image("a", &ndarray::array![[true, false]])?;
/// # writer.add_array("labels", &ndarray::array![3_i64, 5])?;
/// # writer.finish()?;
/// let archive = Archive::open(&path)?;
/// assert!(archive.keys().eq(["a", "labels"]));
/// assert_eq!(archive.image::<bool>("a")?, ndarray::array![[true, false]]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Archive(Arc<Contents>);

impl fmt::Debug for Archive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl IntoIterator for &Archive {
    type Item = String;
    type IntoIter = Keys;

    /// Iterates over the keys, as [`keys`](Archive::keys) does.
    fn into_iter(self) -> Keys {
        self.keys()
    }
}

impl Archive {
    /// Opens an archive through a memory map. If another process truncates the file meanwhile, the system ends this process (SIGBUS);
    /// [`open_with`](Self::open_with) and [`Access::Positional`](crate::Access::Positional) give an error instead.
    ///
    /// ```no_run
    /// let archive = bitnpz::Archive::open("training.npz")?;
    /// println!("{} keys in {} bytes", archive.len(), archive.size());
    /// # Ok::<(), bitnpz::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the file cannot be read, is not an archive, is damaged, or is ambiguous, so that two programs could read it differently.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::open_with(path, &OpenOptions::default())
    }

    /// Opens an archive with these options.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn open_with(path: impl AsRef<Path>, options: &OpenOptions) -> Result<Self> {
        Self::new(bitnpz_npz::Archive::open_with(path, &options.of_file())?, options)
    }

    /// Opens an archive that is read by range, as from an object store, with one or two requests; one more if its central directory
    /// has more than 256 KiB, or keys are in tables. The blocks that a batch of images needs are requested together.
    ///
    /// ```
    /// use std::io;
    /// use std::ops::Range;
    ///
    /// struct Bytes(Vec<u8>);
    ///
    /// impl bitnpz::ReadAt for Bytes {
    ///     fn len(&self) -> io::Result<u64> {
    ///         Ok(self.0.len() as u64)
    ///     }
    ///
    ///     fn read_ranges(&self, ranges: &[Range<u64>]) -> io::Result<Vec<Vec<u8>>> {
    ///         let bytes = |range: &Range<u64>| self.0[range.start as usize..range.end as usize].to_vec();
    ///         Ok(ranges.iter().map(bytes).collect())
    ///     }
    /// }
    ///
    /// let mut writer = bitnpz::Writer::unnamed(&bitnpz::WriteOptions::default())?;
    /// writer.add_images("glyphs", &ndarray::Array3::from_elem((2000, 9, 9), true))?;
    /// let mut bytes = Vec::new();
    /// writer.finish_into(&mut bytes)?;
    /// let archive = bitnpz::Archive::open_ranges(Bytes(bytes), &bitnpz::OpenOptions::default())?;
    /// assert_eq!(archive.images("glyphs")?.count_ones(&[1999, 7])?, [81, 81]);
    /// # Ok::<(), bitnpz::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn open_ranges(source: impl ReadAt + 'static, options: &OpenOptions) -> Result<Self> {
        Self::new(bitnpz_npz::Archive::open_ranges(source, &options.of_file())?, options)
    }

    /// Opens an archive from a stream. It first copies the stream to a temporary file, up to the limit `spooled_bytes`.
    ///
    /// ```
    /// let mut writer = bitnpz::Writer::unnamed(&bitnpz::WriteOptions::default())?;
    /// writer.add_array("labels", &ndarray::array![3_i64, 5])?;
    /// let mut bytes = Vec::new();
    /// writer.finish_into(&mut bytes)?;
    ///
    /// let archive = bitnpz::Archive::from_reader(bytes.as_slice(), &bitnpz::OpenOptions::default())?;
    /// assert_eq!(archive.array::<i64>("labels")?.len(), 2);
    /// # Ok::<(), bitnpz::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open), and if the stream cannot be read or exceeds the limit, or the temporary file cannot be written.
    pub fn from_reader(reader: impl Read, options: &OpenOptions) -> Result<Self> {
        let file = super::spool::spool(reader, options.limits.spooled_bytes)?;
        Self::open_file(file, options)
    }

    /// Opens an archive from an open file, which need not have a name.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn open_file(file: File, options: &OpenOptions) -> Result<Self> {
        Self::new(bitnpz_npz::Archive::open_file(file, &options.of_file())?, options)
    }

    /// Opens an archive in memory.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self> {
        Self::from_bytes_with(bytes, &OpenOptions::default())
    }

    /// Opens an archive in memory with these options.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn from_bytes_with(bytes: Vec<u8>, options: &OpenOptions) -> Result<Self> {
        Self::new(bitnpz_npz::Archive::from_bytes_with(bytes, &options.limits)?, options)
    }

    /// Opens a copy of an archive in memory with these options.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open), and if there is not enough memory for the copy.
    pub fn from_slice_with(bytes: &[u8], options: &OpenOptions) -> Result<Self> {
        Self::from_bytes_with(copy(bytes)?, options)
    }

    fn new(zip: bitnpz_npz::Archive, options: &OpenOptions) -> Result<Self> {
        Ok(Self(Arc::new(Contents::open(zip, options.threads())?)))
    }

    /// Opens an archive with missing or damaged members. Image sets that cannot be opened are left out; the problems say why.
    pub(crate) fn open_undamaged(zip: bitnpz_npz::Archive) -> (Self, Vec<Problem>) {
        let (contents, problems) = Contents::open_undamaged(zip);
        (Self(Arc::new(contents)), problems)
    }

    /// Returns the archive's size in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.zip().size()
    }

    /// Returns the identity of the file, which is equal for two handles of the same unchanged file.
    #[must_use]
    pub fn identity(&self) -> Identity {
        self.zip().identity()
    }

    /// Returns whether the archive was written with [`Encoding::Sets`], even if it has too few images for a set, or none.
    #[must_use]
    pub fn has_sets(&self) -> bool {
        self.zip().find(names::SETS).is_some()
    }

    /// Returns whether an array that is no part of one is under this key in each shard of an archive.
    pub(crate) fn is_whole(&self, key: &str) -> bool {
        self.contents().whole.contains(bitnpz_npz::identity(key))
    }

    /// Returns whether an image, one of too few for a set, is under this key.
    pub(crate) fn is_few(&self, key: &str) -> bool {
        self.contents().few.contains(bitnpz_npz::identity(key))
    }

    /// Returns the encoding of the archive's images, that of images that are [appended](crate::Writer::append): `Sets` if
    /// [`has_sets`](Self::has_sets), else `Packed` if there are packed images, else `Plain`.
    #[must_use]
    pub fn encoding(&self) -> Encoding {
        if self.has_sets() {
            Encoding::Sets
        } else if self.zip().find(names::PACKED).is_some() {
            Encoding::Packed
        } else {
            Encoding::Plain
        }
    }

    /// Iterates over the keys of all arrays, in the order in which they were saved.
    ///
    /// ```
    /// # let mut writer = bitnpz::Writer::unnamed(&bitnpz::WriteOptions::default())?;
    /// # writer.add_image("a", &ndarray::array![[true, false]])?;
    /// # writer.add_array("labels", &ndarray::array![3_i64, 5])?;
    /// # let mut bytes = Vec::new();
    /// # writer.finish_into(&mut bytes)?;
    /// # let archive = bitnpz::Archive::from_bytes(bytes)?;
    /// for key in archive.keys() {
    ///     println!("{key}");
    /// }
    /// assert_eq!(archive.keys().collect::<Vec<_>>(), ["a", "labels"]);
    /// # Ok::<(), bitnpz::Error>(())
    /// ```
    #[must_use]
    pub fn keys(&self) -> Keys {
        Keys::new(&self.0)
    }

    /// Iterates over the keys of all arrays and the names of all other members, in the order in which they were saved.
    #[must_use]
    pub fn names(&self) -> Names {
        Names::new(&self.0)
    }

    /// Returns the number of keys.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.members().count() + self.sets().iter().map(StoredSet::key_count).sum::<usize>()
    }

    /// Returns `true` if there are no keys.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys().next().is_none()
    }

    /// Returns whether there is an array with this key.
    #[must_use]
    pub fn contains(&self, key: &str) -> bool {
        self.0.member(key).is_some() || self.0.is_in_sets(bitnpz_npz::identity(key))
    }

    /// Iterates over all items of the archive, arrays and other members, in the order in which they were saved.
    ///
    /// ```
    /// use bitnpz::Item;
    /// # let mut writer = bitnpz::Writer::unnamed(&bitnpz::WriteOptions::default())?;
    /// # writer.add_image("a", &ndarray::array![[true, false]])?;
    /// # writer.add_array("labels", &ndarray::array![3_i64, 5])?;
    /// # let mut bytes = Vec::new();
    /// # writer.finish_into(&mut bytes)?;
    /// # let archive = bitnpz::Archive::from_bytes(bytes)?;
    ///
    /// for item in archive.items() {
    ///     match item? {
    ///         Item::Array(entry) => println!("{} {:?}", entry.key(), entry.shape()),
    ///         Item::Other(member) => println!("{}", member.name()),
    ///         _ => {}
    ///     }
    /// }
    /// # assert_eq!(archive.items().count(), 2);
    /// # Ok::<(), bitnpz::Error>(())
    /// ```
    pub fn items(&self) -> impl Iterator<Item = Result<Item<'_>>> {
        self.places().filter_map(|place| match place {
            ItemPlace::Set(array) => Some(Entry::of_set(&self.0, array).map(Item::Array)),
            ItemPlace::Member(number) => Some(Item::of_member(&self.0, self.zip().member(number)?)),
        })
    }

    /// Returns the item with this key or name.
    ///
    /// # Errors
    ///
    /// If there is none, or an array's header is damaged.
    pub fn item(&self, name: &str) -> Result<Item<'_>> {
        match self.0.any_member(name) {
            Some(member) => Item::of_member(&self.0, member),
            None => self.entry(name).map(Item::Array),
        }
    }

    /// Iterates over the entries of all arrays, in the order in which they were saved.
    pub fn entries(&self) -> impl Iterator<Item = Result<Entry<'_>>> {
        self.items().filter_map(|item| match item {
            Ok(Item::Array(entry)) => Some(Ok(entry)),
            Ok(Item::Other(_)) => None,
            Err(error) => Some(Err(error)),
        })
    }

    /// Returns the entry of the array with this key: its dtype, shape and size.
    ///
    /// ```
    /// # let mut writer = bitnpz::Writer::unnamed(&bitnpz::WriteOptions::default())?;
    /// # writer.add_array("labels", &ndarray::array![3_i64, 5])?;
    /// # let mut bytes = Vec::new();
    /// # writer.finish_into(&mut bytes)?;
    /// # let archive = bitnpz::Archive::from_bytes(bytes)?;
    /// let entry = archive.entry("labels")?;
    /// assert_eq!((entry.dtype(), entry.shape()), (&bitnpz::Dtype::of::<i64>(), [2].as_slice()));
    /// # Ok::<(), bitnpz::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If there is no such key, or the array's header is damaged.
    pub fn entry(&self, key: &str) -> Result<Entry<'_>> {
        match self.0.member(key) {
            Some(member) => Entry::of_member(&self.0, member),
            None => self.entry_of_set(self.0.find_in_sets(key)?),
        }
    }

    /// Returns the bytes of a member that is not an array, such as a text file; `None` if there is no such member.
    ///
    /// ```
    /// # let writer = bitnpz::Writer::unnamed(&bitnpz::WriteOptions::default())?;
    /// # let mut bytes = Vec::new();
    /// # writer.finish_into(&mut bytes)?;
    /// # let archive = bitnpz::Archive::from_bytes(bytes)?;
    /// if let Some(bytes) = archive.other("readme.txt")? {
    ///     println!("{}", String::from_utf8_lossy(&bytes));
    /// }
    /// # Ok::<(), bitnpz::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the member is damaged, or larger than the limit.
    pub fn other(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let Some(member) = self.0.any_member(name) else { return Ok(None) };
        match Item::of_member(&self.0, member)? {
            Item::Other(other) if *other.content() == OtherContent::File => other.read().map(Some),
            _ => Ok(None),
        }
    }

    /// Returns whether there is a member with this name whose name is not that of an array.
    #[must_use]
    pub fn contains_other(&self, name: &str) -> bool {
        self.0.any_member(name).is_some_and(|member| !is_array(member.name()))
    }

    /// Returns the number of members whose names are not those of arrays.
    #[must_use]
    pub fn other_len(&self) -> usize {
        let is_other = |name: &str| !is_reserved(name) && !is_array(name);
        self.zip().members().filter(|member| is_other(member.name())).count()
    }

    pub(super) fn contents(&self) -> &Arc<Contents> {
        &self.0
    }

    pub(crate) fn zip(&self) -> &bitnpz_npz::Archive {
        &self.0.zip
    }

    pub(crate) fn sets(&self) -> &[StoredSet] {
        &self.0.sets
    }

    pub(crate) fn places(&self) -> ItemPlaces {
        ItemPlaces::new(&self.0)
    }

    pub(crate) fn entry_of_set(&self, array: SetArray) -> Result<Entry<'_>> {
        Entry::of_set(&self.0, array)
    }

    pub(crate) fn images_of_set(&self, array: SetArray) -> super::StoredImages {
        super::StoredImages::new(&self.0, array)
    }
}
