//! `ShardedArchive`: several archives that are read as one.

use std::fmt;
use std::num::NonZero;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bitnpz_npy::Header;
use bitnpz_npz::Limits;

use super::keys_twice::KeyTwice;
use super::manifest::{CutArray, Manifest, Shard};
use super::names::folder_of;
use super::open_shards::{OpenShards, Part, Place, ShardStore};
use super::read_manifest::open_manifest;
use crate::error::{Error, ErrorKind, Result};
use crate::interrupt;
use crate::progress::Steps;
use crate::read::{
    Archive, Content, Images, OpenOptions, Problem, Report, SHARDS_AT_ONCE, ShardedImages, ShardedItems,
    StoredArray,
};

/// Several archives, the *shards*, that are read as one: each array is as long as those of all shards together.
///
/// Shards are opened when something is read of them, and only so many are open at a time as the
/// [options](OpenOptions::open_shards) say. All reads take `&self`, and a clone refers to the same open shards.
///
/// ```
/// use bitnpz::ShardedArchive;
/// use std::num::NonZero;
///
/// # let folder = tempfile::tempdir()?;
/// # let (path, manifest) = (folder.path().join("all.npz"), folder.path().join("glyphs.bitnpz.json"));
/// # let mut writer = bitnpz::Writer::create(&path)?;
/// # writer.add_images("glyphs", &ndarray::Array3::from_shape_fn((5000, 9, 9), |(i, y, x)| y * x > i % 9))?;
/// # writer.finish()?;
/// bitnpz::shard(&manifest, &path, NonZero::new(4).expect("not 0"), &bitnpz::WriteOptions::default())?;
/// let archive = ShardedArchive::open(&manifest)?;
/// let glyphs = archive.images("glyphs")?;
/// assert_eq!((archive.shards().len(), glyphs.len()), (4, 5000));
/// let mut batch = ndarray::Array3::from_elem((2, 9, 9), false);
/// glyphs.read_batch_into(&[4999, 0], &mut batch)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct ShardedArchive(Arc<OpenShards>);

impl fmt::Debug for ShardedArchive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shards = self.shards().len();
        f.debug_struct("ShardedArchive").field("shards", &shards).finish_non_exhaustive()
    }
}

impl ShardedArchive {
    /// Opens a sharded archive by the path of its manifest.
    ///
    /// # Errors
    ///
    /// If the manifest cannot be read, or is none. Shards are looked at when they are read.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::open_with(path, &OpenOptions::default())
    }

    /// Opens a sharded archive with these options.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn open_with(path: impl AsRef<Path>, options: &OpenOptions) -> Result<Self> {
        let path = path.as_ref();
        let manifest = open_manifest(path)?;
        Ok(Self(Arc::new(OpenShards::new(manifest, Place::Folder(folder_of(path)), options))))
    }

    /// Opens a sharded archive whose shards are in a store.
    #[must_use]
    pub fn open_store(manifest: Manifest, store: impl ShardStore + 'static, options: &OpenOptions) -> Self {
        Self(Arc::new(OpenShards::new(manifest, Place::Store(Box::new(store)), options)))
    }

    /// Returns the manifest.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.0.manifest
    }

    /// Returns the shards in their order.
    #[must_use]
    pub fn shards(&self) -> &[Shard] {
        self.manifest().shards()
    }

    /// Returns the paths of the shards; none if they are in a store.
    #[must_use]
    pub fn paths(&self) -> Vec<PathBuf> {
        match &self.0.place {
            Place::Folder(folder) => self.shards().iter().map(|shard| folder.join(&shard.name)).collect(),
            Place::Store(_) => Vec::new(),
        }
    }

    /// Opens the shards one after the other, and checks that each is the one that the manifest names.
    pub(crate) fn archives(&self) -> impl Iterator<Item = Result<Archive>> {
        (0..self.shards().len()).map(|number| Ok(self.0.get(number)?.archive.clone()))
    }

    /// Returns the keys of stacks and other arrays, but not those of images that have keys of their own.
    pub fn array_keys(&self) -> impl Iterator<Item = &str> {
        let cut = self.manifest().arrays.iter().filter_map(|array| array.key.as_deref());
        cut.chain(self.manifest().shared.iter().map(String::as_str))
    }

    /// Returns whether there is an array with this key, or an image with this key of its own. For the latter, shards are opened
    /// one after the other until it is found.
    ///
    /// # Errors
    ///
    /// If a shard cannot be read that may have the image.
    pub fn contains(&self, key: &str) -> Result<bool> {
        let wanted = bitnpz_npz::identity(key);
        if self.array_keys().any(|key| bitnpz_npz::identity(key) == wanted) {
            return Ok(true);
        }
        Ok(match self.keyed_images()? {
            Some(images) => images.try_find(key)?.is_some(),
            None => false,
        })
    }

    /// Returns the dtype and shape of an array in NumPy's terms, without opening a shard; `None` of arrays that are the same in
    /// all shards, which the first has, and of images with keys of their own.
    #[must_use]
    pub fn header(&self, key: &str) -> Option<Header> {
        let (number, array) = self.find(key)?;
        let shape = [array.shape(self.items(number)), vec![1; array.trailing]].concat();
        Some(Header::new(array.dtype.clone(), shape))
    }

    /// Returns the content of a key, as [`Archive::get`](crate::Archive::get) does.
    ///
    /// # Errors
    ///
    /// If there is no such key, or a shard that is needed cannot be read, or is not the one that the manifest names.
    pub fn get(&self, key: &str) -> Result<Content<'static>> {
        if let Some((_, array)) = self.find(key) {
            return match array.kind {
                Some(_) => self.images(key).map(Content::Images),
                None => self.array(key).map(Content::StoredArray),
            };
        }
        let wanted = bitnpz_npz::identity(key);
        if self.manifest().shared.iter().any(|key| bitnpz_npz::identity(key) == wanted) {
            let first = self.0.get(0)?;
            let array = first.archive.dyn_array(key).map(Content::Array);
            return array.map_err(|error| error.in_file(self.shards()[0].name.as_ref()));
        }
        let images = self.keyed_images()?.ok_or_else(|| no_such_key(key))?;
        let index = images.try_find(key)?.ok_or_else(|| no_such_key(key))?;
        // The shard has the shape of its array.
        let keyed = self.manifest().arrays.iter().position(|array| array.key.is_none());
        let ends = keyed.map(|number| self.ends(number, 1)).unwrap_or_default();
        let shard = ends.partition_point(|&end| end <= index);
        let array = self.0.get(shard)?.archive.dyn_array(key).map(Content::Array);
        array.map_err(|error| error.in_file(self.shards()[shard].name.as_ref()))
    }

    /// Returns the images of all shards with one key: a stack of shape `(..., height, width)`.
    ///
    /// # Errors
    ///
    /// If there are no images with this key.
    pub fn images(&self, key: &str) -> Result<Images> {
        match self.find(key) {
            Some((number, array)) if array.kind.is_some() => self.images_of(number, array),
            Some((_, array)) => {
                let shape = self.header(key).map_or(Vec::new(), |header| header.shape);
                Err(Error::from(ErrorKind::NotImages { dtype: array.dtype.clone(), shape }).with_key(key))
            }
            None => Err(no_such_key(key)),
        }
    }

    /// Returns the images of all shards that have keys of their own; `None` if there are none. [`Images::find`] opens one shard after the
    /// other until it finds a key.
    ///
    /// # Errors
    ///
    /// If their sizes cannot be counted.
    pub fn keyed_images(&self) -> Result<Option<Images>> {
        let found = self.manifest().arrays.iter().enumerate().find(|(_, array)| array.key.is_none());
        found.map(|(number, array)| self.images_of(number, array)).transpose()
    }

    /// Returns an array other than images that is cut over the shards.
    ///
    /// # Errors
    ///
    /// If there is none with this key.
    pub fn array(&self, key: &str) -> Result<StoredArray> {
        match self.find(key) {
            Some((number, array)) if array.kind.is_none() => {
                let header = Header::new(array.dtype.clone(), array.shape(self.items(number)));
                let items =
                    CutItems { shards: Arc::clone(&self.0), array: number, ends: self.ends(number, 1) };
                Ok(StoredArray::sharded(header, Arc::new(items)))
            }
            _ => Err(no_such_key(key)),
        }
    }

    /// Verifies each shard, with its pixels or only its structure, and calls `progress` with the shards done. A shard that cannot
    /// be opened, or is not the one that the manifest names, has a problem without a member. With pixels, an image whose key an
    /// image of an earlier shard has too is a problem: the key finds the earlier one.
    ///
    /// # Errors
    ///
    /// If the call was [interrupted](crate::interruptible), or a store cannot be read.
    pub fn verify(&self, pixels: bool, mut progress: impl FnMut(Steps)) -> Result<Vec<ShardReport>> {
        let total = self.shards().len();
        let mut reports = Vec::with_capacity(total);
        for number in 0..total {
            interrupt::check()?;
            let report = self.0.verify_shard(number, pixels)?;
            reports.push(ShardReport { name: self.shards()[number].name.clone(), report });
            progress(Steps { done: number + 1, total });
        }
        let mut keyed = self.manifest().arrays.iter().enumerate().filter(|(_, array)| array.key.is_none());
        if let Some((array, _)) = keyed.next().filter(|_| pixels) {
            let (twice, more) = self.0.keys_twice(array)?;
            for KeyTwice { shard, image, key, earlier } in twice {
                let earlier = &self.shards()[earlier].name;
                let message = format!("expected a key of its own, found that of an image of {earlier}");
                let problem =
                    Problem { key: Some(key), image: Some(image), ..Problem::of_member("", message) };
                reports[shard].report.problems.push(problem);
            }
            for (report, more) in reports.iter_mut().zip(more).filter(|(_, more)| *more > 0) {
                let message = format!(
                    "expected keys of their own, found those of images of earlier shards: of {more} more images"
                );
                report.report.problems.push(Problem::of_member("", message));
            }
        }
        Ok(reports)
    }

    /// Returns the array with this key that is cut over the shards, and its number.
    fn find(&self, key: &str) -> Option<(usize, &CutArray)> {
        let wanted = bitnpz_npz::identity(key);
        let arrays = &self.manifest().arrays;
        let is_it = |array: &CutArray| array.key.as_deref().map(bitnpz_npz::identity) == Some(wanted);
        arrays.iter().enumerate().find(|(_, array)| is_it(array))
    }

    /// Returns how many items of an array all shards have.
    fn items(&self, array: usize) -> usize {
        self.shards().iter().map(|shard| shard.items[array]).sum()
    }

    /// Returns the sums of the items of an array, each counted so often, up to and with each shard.
    fn ends(&self, array: usize, each: usize) -> Vec<usize> {
        let mut end = 0;
        let ends = self.shards().iter().map(|shard| {
            end += shard.items[array] * each;
            end
        });
        ends.collect()
    }

    fn images_of(&self, number: usize, array: &CutArray) -> Result<Images> {
        let kind = array.kind.clone().expect("images have a kind");
        let each = if array.key.is_none() { 1 } else { array.images_per_item() };
        let items = self.items(number);
        let shape = array.shape(items);
        let bytes: u64 = self.shards().iter().map(|shard| shard.bytes).sum();
        let image_bytes = bytes / (items * each).max(1) as u64;
        let ends = self.ends(number, each);
        let cut = CutImages { shards: Arc::clone(&self.0), array: number, ends, image_bytes };
        Images::sharded(kind, shape, array.trailing, Arc::new(cut), self.0.options.threads())
    }
}

/// The result of verifying one shard.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShardReport {
    /// The name of the shard.
    pub name: String,
    /// What was found.
    pub report: Report,
}

fn no_such_key(key: &str) -> Error {
    Error::from(ErrorKind::NoSuchKey).with_key(key)
}

/// The images of an array that is cut over shards.
struct CutImages {
    shards: Arc<OpenShards>,
    /// The number of the array.
    array: usize,
    ends: Vec<usize>,
    image_bytes: u64,
}

impl ShardedImages for CutImages {
    fn name(&self, shard: usize) -> &str {
        &self.shards.manifest.shards[shard].name
    }

    fn ends(&self) -> &[usize] {
        &self.ends
    }

    fn images(&self, shard: usize) -> Result<Arc<Images>> {
        match self.shards.part(shard, self.array)? {
            Part::Images(images) => Ok(images),
            Part::Stored(_) | Part::Read(_) => unreachable!("the array has a kind"),
        }
    }

    fn open_images(&self, shard: usize) -> Option<Arc<Images>> {
        match self.shards.open_part(shard, self.array)? {
            Part::Images(images) => Some(images),
            Part::Stored(_) | Part::Read(_) => None,
        }
    }

    fn is_read_by_range(&self) -> bool {
        self.shards.place.is_store()
    }

    fn open_at_once(&self) -> usize {
        self.shards.most_open().get()
    }

    fn image_bytes(&self) -> u64 {
        self.image_bytes
    }

    fn limits(&self) -> &Limits {
        &self.shards.options.limits
    }

    fn stored_bytes(&self) -> u64 {
        self.shards.manifest.shards.iter().map(|shard| shard.bytes).sum()
    }
}

/// The items of an array that is cut over shards.
struct CutItems {
    shards: Arc<OpenShards>,
    /// The number of the array.
    array: usize,
    ends: Vec<usize>,
}

impl CutItems {
    /// Returns the shard of an item, and the items that the shard has.
    fn locate(&self, item: usize) -> (usize, Range<usize>) {
        let shard = self.ends.partition_point(|&end| end <= item);
        (shard, shard.checked_sub(1).map_or(0, |before| self.ends[before])..self.ends[shard])
    }
}

/// Items of one shard that are wanted: where they start in the shard, and where they go.
type Wanted<'o> = Vec<(usize, &'o mut [u8])>;

impl ShardedItems for CutItems {
    fn check_limit(&self, bytes: u64) -> Result<()> {
        crate::read::check_array(bytes, self.shards.options.limits.npy.array_bytes)
    }

    fn copy(&self, wanted: Vec<(usize, &mut [u8])>) -> Result<()> {
        let array = &self.shards.manifest.arrays[self.array];
        let item = array.item.iter().flatten().product::<usize>() * array.dtype.item_size();
        if item == 0 {
            return Ok(());
        }
        let mut by_shard: std::collections::BTreeMap<usize, Wanted<'_>> = std::collections::BTreeMap::new();
        for (mut start, mut out) in wanted {
            while !out.is_empty() {
                let (shard, items) = self.locate(start);
                let len = (items.end - start).min(out.len() / item);
                let (now, later) = out.split_at_mut(len * item);
                by_shard.entry(shard).or_default().push((start - items.start, now));
                (start, out) = (start + len, later);
            }
        }
        let mut by_shard: Vec<_> = by_shard.into_iter().collect();
        let at_once = if self.shards.place.is_store() { SHARDS_AT_ONCE } else { NonZero::<usize>::MIN };
        let copy = |shards: &mut [(usize, Wanted<'_>)]| {
            shards.iter_mut().try_for_each(|(shard, wanted)| {
                let name = &self.shards.manifest.shards[*shard].name;
                self.copy_of_shard(*shard, wanted, item).map_err(|error| error.in_file(name.as_ref()))
            })
        };
        crate::threads::map_parts_mut(at_once, &mut by_shard, copy).into_iter().collect()
    }
}

impl CutItems {
    fn copy_of_shard(&self, shard: usize, wanted: &mut Wanted<'_>, item: usize) -> Result<()> {
        match (self.shards.part(shard, self.array)?, &mut wanted[..]) {
            (Part::Read(array), wanted) => {
                for (start, out) in wanted {
                    out.copy_from_slice(&array.data()[*start * item..][..out.len()]);
                }
                Ok(())
            }
            (Part::Stored(array), [(start, out)]) => array.read_into(*start..*start + out.len() / item, out),
            (Part::Stored(array), wanted) => {
                let runs = wanted.iter().map(|(start, out)| *start..*start + out.len() / item);
                let indices: Vec<usize> = runs.flatten().collect();
                let mut bytes = bitnpz_npy::zeros(indices.len() * item)?;
                array.take_into(&indices, &mut bytes)?;
                let mut rest = &bytes[..];
                for (_, out) in wanted {
                    let (now, later) = rest.split_at(out.len());
                    out.copy_from_slice(now);
                    rest = later;
                }
                Ok(())
            }
            (Part::Images(_), _) => unreachable!("the array has no kind"),
        }
    }
}
