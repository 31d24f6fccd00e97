//! The shards that are open.

use std::collections::HashMap;
use std::io;
use std::num::NonZero;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};

use bitnpz_npy::{DynArray, Header};
use bitnpz_npz::{DiskCache, RangeCache, ReadAt, lock_briefly};

use super::manifest::{CutArray, Manifest, Shard};
use crate::error::{Error, ErrorKind, Result};
use crate::read::{Archive, Images, OpenOptions, StoredArray};

/// The most bytes of ranges that are kept of all shards of a store.
const KEPT_BYTES: usize = 64 << 20;

/// A place where shards are read by range: a bucket of an object store, a folder behind an HTTP server.
///
/// ```
/// use std::collections::HashMap;
/// use std::io;
/// use std::ops::Range;
/// use std::sync::Arc;
/// use bitnpz::{ReadAt, ShardStore};
///
/// struct Bytes(Arc<Vec<u8>>);
///
/// impl ReadAt for Bytes {
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
/// struct Files(HashMap<String, Arc<Vec<u8>>>);
///
/// impl ShardStore for Files {
///     fn open(&self, name: &str) -> io::Result<Box<dyn ReadAt>> {
///         let bytes = self.0.get(name).ok_or(io::ErrorKind::NotFound)?;
///         Ok(Box::new(Bytes(Arc::clone(bytes))))
///     }
/// }
///
/// let mut writer = bitnpz::Writer::unnamed(&bitnpz::WriteOptions::default())?;
/// writer.add_images("glyphs", &ndarray::Array3::from_elem((200, 9, 9), true))?;
/// let mut bytes = Vec::new();
/// writer.finish_into(&mut bytes)?;
/// let files = Files(HashMap::from([("glyphs-0.npz".to_owned(), Arc::new(bytes))]));
///
/// let options = bitnpz::OpenOptions::default();
/// let manifest = bitnpz::Manifest::describe(&files, ["glyphs-0.npz"], &options)?;
/// let archive = bitnpz::ShardedArchive::open_store(manifest, files, &options);
/// assert_eq!(archive.images("glyphs")?.count_ones(&[199])?, [81]);
/// # Ok::<(), bitnpz::Error>(())
/// ```
pub trait ShardStore: Send + Sync {
    /// Opens the shard of this name. It need not be checked here that it is there: reading it fails then.
    ///
    /// # Errors
    ///
    /// If it cannot be reached.
    fn open(&self, name: &str) -> io::Result<Box<dyn ReadAt>>;

    /// Returns what tells this place from all others, such as its address: what a [`DiskCache`](crate::DiskCache) has of shards of one
    /// place is not used for those of another. It keeps nothing of shards of a place that is not known.
    fn location(&self) -> Option<String> {
        None
    }
}

/// Where shards are.
pub(super) enum Place {
    Folder(PathBuf),
    Store(Box<dyn ShardStore>),
}

impl Place {
    /// Opens an archive.
    pub(super) fn open(&self, name: &str, options: &OpenOptions) -> Result<Archive> {
        match self {
            Self::Folder(folder) => {
                let path = folder.join(name);
                Archive::open_with(&path, options).map_err(|error| error.in_file(&path))
            }
            Self::Store(store) => open_in_store(&**store, name, options),
        }
    }

    /// Opens a shard, and checks that it is the one that the manifest names. Of one in a store, the cache on disk knows by the
    /// manifest which archive it is.
    fn open_shard(&self, shard: &Shard, options: &OpenOptions) -> Result<Archive> {
        let found = match (self, &options.disk_cache) {
            (Self::Store(store), Some(cache)) => match store.location() {
                Some(location) => return open_cached(&**store, &location, cache, shard, options),
                None => self.open(&shard.name, &without_disk_cache(options)),
            },
            _ => self.open(&shard.name, options),
        };
        found.and_then(|archive| check_identity(archive, shard))
    }

    pub(super) fn is_store(&self) -> bool {
        matches!(self, Self::Store(_))
    }
}

/// Opens an archive of a store.
pub(super) fn open_in_store(store: &dyn ShardStore, name: &str, options: &OpenOptions) -> Result<Archive> {
    let opened = store.open(name).map_err(bitnpz_npz::Error::from).map_err(Error::from);
    let archive = opened.and_then(|reader| Archive::open_ranges(reader, options));
    archive.map_err(|error| error.in_file(name.as_ref()))
}

/// Opens a shard of a store, of which the cache on disk may have parts.
fn open_cached(
    store: &dyn ShardStore,
    location: &str,
    cache: &DiskCache,
    shard: &Shard,
    options: &OpenOptions,
) -> Result<Archive> {
    let Shard { name, bytes, directory_crc32, .. } = shard;
    let version = format!("shard\n{location}\n{name}\n{bytes}\n{directory_crc32:08x}");
    loop {
        let opened = store.open(name).map_err(bitnpz_npz::Error::from).map_err(Error::from);
        let known = opened.map(|reader| cache.add_known(reader, &version, *bytes));
        let known = known.map_err(|error| error.in_file(name.as_ref()))?;
        let archive = Archive::open_ranges(known.clone(), &without_disk_cache(options));
        match archive
            .map_err(|error| error.in_file(name.as_ref()))
            .and_then(|found| check_identity(found, shard))
        {
            Ok(archive) => {
                known.accept();
                return Ok(archive);
            }
            // That a store cannot be read says nothing about what the cache has.
            Err(error) if error.is_of_system() => return Err(error),
            // The cache had something else: it is read from the store.
            Err(_) if known.reject() => {}
            Err(error) => return Err(error),
        }
    }
}

fn without_disk_cache(options: &OpenOptions) -> OpenOptions {
    OpenOptions { disk_cache: None, ..options.clone() }
}

/// Checks that an archive is the one that the manifest names.
fn check_identity(archive: Archive, shard: &Shard) -> Result<Archive> {
    let (size, directory) = (archive.size(), archive.identity().directory_crc32);
    if (size, directory) == (shard.bytes, shard.directory_crc32) {
        return Ok(archive);
    }
    let message = format!(
        "expected the archive that the manifest names, of {} bytes and directory {:08x}, found one of {size} bytes and directory \
         {directory:08x}: it was replaced after the manifest was written",
        shard.bytes, shard.directory_crc32
    );
    Err(Error::from(ErrorKind::ShardReplaced { message }).in_file(shard.name.as_ref()))
}

/// The shards of a sharded archive: those that were used last are open.
pub(super) struct OpenShards {
    pub(super) manifest: Manifest,
    pub(super) place: Place,
    pub(super) options: OpenOptions,
    open: Mutex<Recent>,
}

/// The shards that are open, by their numbers, each with the time when it was used last.
#[derive(Default)]
struct Recent {
    shards: HashMap<usize, (u64, Arc<OpenShard>)>,
    time: u64,
}

/// A shard that is open.
pub(super) struct OpenShard {
    pub(super) archive: Archive,
    name: String,
    /// What it has of each array that is cut.
    parts: Vec<OnceLock<Part>>,
}

/// What a shard has of an array.
#[derive(Clone)]
pub(super) enum Part {
    Images(Arc<Images>),
    Stored(StoredArray),
    /// The items of a small array, or one that can only be read whole.
    Read(Arc<DynArray>),
}

impl OpenShards {
    pub(super) fn new(manifest: Manifest, place: Place, options: &OpenOptions) -> Self {
        let mut options = options.clone();
        if place.is_store() {
            // All shards share the memory.
            options.cache = Some(options.cache.unwrap_or_else(|| RangeCache::new(KEPT_BYTES)));
        }
        Self { manifest, place, options, open: Mutex::default() }
    }

    /// Returns a shard, which is opened if it is not open, and closes the one that was not used for the longest time if there
    /// would be too many.
    pub(super) fn get(&self, number: usize) -> Result<Arc<OpenShard>> {
        if let Some(shard) = self.get_open(number) {
            return Ok(shard);
        }
        let opened = Arc::new(self.open_shard(&self.manifest.shards[number])?);
        let Some(mut recent) = lock_briefly(&self.open) else { return Ok(opened) };
        recent.time += 1;
        let time = recent.time;
        // Another thread may have opened it meanwhile.
        let shard = Arc::clone(&recent.shards.entry(number).or_insert((time, opened)).1);
        let mut closed = Vec::new();
        while recent.shards.len() > self.most_open().get() {
            let oldest = recent.shards.iter().min_by_key(|(_, (used, _))| *used).map(|(number, _)| *number);
            closed.extend(oldest.and_then(|oldest| recent.shards.remove(&oldest)));
        }
        drop(recent);
        drop(closed);
        Ok(shard)
    }

    /// Returns a shard if it is open.
    fn get_open(&self, number: usize) -> Option<Arc<OpenShard>> {
        let mut recent = lock_briefly(&self.open)?;
        recent.time += 1;
        let time = recent.time;
        let (used, shard) = recent.shards.get_mut(&number)?;
        *used = time;
        Some(Arc::clone(shard))
    }

    /// Returns how many shards are open at most, apart from those that are being read.
    pub(super) fn most_open(&self) -> NonZero<usize> {
        self.options.open_shards
    }

    fn open_shard(&self, shard: &Shard) -> Result<OpenShard> {
        let archive = self.place.open_shard(shard, &self.options)?;
        let parts = self.manifest.arrays.iter().map(|_| OnceLock::new()).collect();
        Ok(OpenShard { archive, name: shard.name.clone(), parts })
    }

    /// Returns what a shard has of an array, given by its number.
    pub(super) fn part(&self, shard: usize, array: usize) -> Result<Part> {
        let open = self.get(shard)?;
        if let Some(part) = open.parts[array].get() {
            return Ok(part.clone());
        }
        let items = self.manifest.shards[shard].items[array];
        let part = open.read_part(&self.manifest.arrays[array], items)?;
        Ok(open.parts[array].get_or_init(|| part).clone())
    }

    /// Does the same if it is known already, and the shard is open.
    pub(super) fn open_part(&self, shard: usize, array: usize) -> Option<Part> {
        self.get_open(shard)?.parts[array].get().cloned()
    }
}

impl OpenShard {
    /// Returns the error of a manifest that says something else of the shard than the shard itself.
    pub(super) fn contradicts(&self, message: String) -> Error {
        Error::from(ErrorKind::BadManifest { message }).in_file(self.name.as_ref())
    }

    /// Returns what the shard has of an array, and checks that it is what the manifest says.
    fn read_part(&self, array: &CutArray, items: usize) -> Result<Part> {
        let blame = |error: Error| error.in_file(self.name.as_ref());
        if array.kind.is_some() {
            let images = match &array.key {
                Some(key) => self.archive.images(key).map_err(blame)?,
                None => self.keyed_images(array, items)?,
            };
            self.check_images(array, items, &images)?;
            let kind = array.kind.as_ref().filter(|_| items > 0);
            let is_inverted = kind.and_then(|kind| images.kind().inverted_in(kind)) == Some(true);
            let images = if is_inverted { images.inverted() } else { images };
            return Ok(Part::Images(Arc::new(images)));
        }
        let key = array.key.as_deref().unwrap_or_default();
        let expected = array.shape(items);
        let stored = self.archive.stored_array(key).map_err(blame)?;
        let (dtype, shape, part) = match stored {
            Some(stored) => (stored.dtype().clone(), stored.shape().to_vec(), Part::Stored(stored)),
            None => {
                let entry = self.archive.entry(key).map_err(blame)?;
                self.check_array(key, &entry.header().dtype, entry.shape(), array, &expected)?;
                let read = self.archive.dyn_array(key).and_then(in_c_order).map_err(blame)?;
                (read.dtype().clone(), read.shape().to_vec(), Part::Read(Arc::new(read)))
            }
        };
        self.check_array(key, &dtype, &shape, array, &expected)?;
        Ok(part)
    }

    /// Returns the images with keys of their own. Sets of other images are labels, which the manifest lists by their keys.
    fn keyed_images(&self, array: &CutArray, items: usize) -> Result<Images> {
        let mut sets = self.archive.keyed_images()?;
        sets.retain(|images| *images.dtype() == array.dtype && images.len() == items);
        match sets.pop() {
            Some(images) if sets.is_empty() => Ok(images),
            found => {
                let found = sets.len() + usize::from(found.is_some());
                Err(self.contradicts(format!(
                    "expected a set of {items} images with keys of their own, found {found}"
                )))
            }
        }
    }

    fn check_images(&self, array: &CutArray, items: usize, images: &Images) -> Result<()> {
        let expected = match (&array.key, &array.item) {
            (None, _) => vec![items],
            (Some(_), _) => array.shape(items),
        };
        let found = match &array.key {
            None => vec![images.len()],
            Some(_) => images.shape().to_vec(),
        };
        // A stack of one image may be stored as an image.
        let outer = expected.len().saturating_sub(found.len());
        let shape_fits = expected.ends_with(&found) && expected[..outer].iter().all(|&side| side == 1);
        let sizes_fit =
            array.key.is_some() || array.item.is_none() || images.image_size().map(Vec::from) == array.item;
        // Of images of one value, the other is not known.
        let fits = |kind| images.kind().inverted_in(kind).is_some();
        let values_fit = items == 0 || array.kind.as_ref().is_some_and(fits);
        if (shape_fits && sizes_fit && values_fit) && *images.dtype() == array.dtype {
            return Ok(());
        }
        let key = array.key.as_deref().unwrap_or("images with keys of their own");
        let (dtype, other) = (&array.dtype, images.dtype());
        Err(self.contradicts(
            format!("{key:?}: expected shape {expected:?} of {dtype}, found {found:?} of {other}, or another size or values"),
        ))
    }

    fn check_array(
        &self,
        key: &str,
        dtype: &bitnpz_npy::Dtype,
        shape: &[usize],
        array: &CutArray,
        expected: &[usize],
    ) -> Result<()> {
        if *dtype == array.dtype && shape == expected {
            return Ok(());
        }
        let wanted = &array.dtype;
        let message = format!("{key:?}: expected shape {expected:?} of {wanted}, found {shape:?} of {dtype}");
        Err(self.contradicts(message))
    }
}

/// Returns an array in C order.
fn in_c_order(array: DynArray) -> Result<DynArray> {
    if !array.header().fortran_order {
        return Ok(array);
    }
    let header = Header::new(array.dtype().clone(), array.shape().to_vec());
    Ok(DynArray::new(header, array.view().to_c_order()?)?)
}
