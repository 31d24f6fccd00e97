//! Sharded archives in stores.

use std::collections::HashMap;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bitnpz::{Codec, Manifest, OpenOptions, ReadAt, ShardStore, ShardedArchive, WriteOptions, Writer};
use ndarray::{Array3, Axis, s};

use crate::shards::{check, commit, glyphs, noise, write};
use crate::support::Folder;

/// A folder as a store that counts requests.
#[derive(Clone)]
struct Store {
    folder: PathBuf,
    requests: Arc<AtomicUsize>,
    opened: Arc<Mutex<HashMap<String, usize>>>,
}

impl ShardStore for Store {
    fn location(&self) -> Option<String> {
        self.folder.to_str().map(str::to_owned)
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn ReadAt>> {
        *self.opened.lock().unwrap().entry(name.to_owned()).or_default() += 1;
        let bytes = std::fs::read(self.folder.join(name))?;
        Ok(Box::new(Object { bytes, requests: Arc::clone(&self.requests) }))
    }
}

struct Object {
    bytes: Vec<u8>,
    requests: Arc<AtomicUsize>,
}

impl ReadAt for Object {
    fn len(&self) -> io::Result<u64> {
        Ok(self.bytes.len() as u64)
    }

    fn read_ranges(&self, ranges: &[Range<u64>]) -> io::Result<Vec<Vec<u8>>> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let place = |place: u64| usize::try_from(place).unwrap();
        Ok(ranges.iter().map(|range| self.bytes[place(range.start)..place(range.end)].to_vec()).collect())
    }
}

fn in_store(folder: &Folder, manifest: &Path) -> (ShardedArchive, Store) {
    let store = Store { folder: folder.path(""), requests: Arc::default(), opened: Arc::default() };
    let manifest = Manifest::parse(&std::fs::read(manifest).unwrap()).unwrap();
    let names: Vec<&str> = manifest.shards().iter().map(|shard| shard.name.as_str()).collect();
    let options = OpenOptions::default();
    assert_eq!(Manifest::describe(&store, names, &options).unwrap(), manifest);
    store.requests.store(0, Ordering::Relaxed);
    store.opened.lock().unwrap().clear();
    (ShardedArchive::open_store(manifest.clone(), store.clone(), &options), store)
}

#[test]
fn a_shard_that_was_replaced_for_a_while_is_read_right_through_the_disk_cache() {
    let folder = Folder::new();
    let (manifest, shards) = commit(&folder, &[2000, 2000]);
    let (other, others) = (Folder::new(), 500);
    let (_, others) = write(&other, &[others]);
    let cache = Folder::new();
    let mut options = OpenOptions::default();
    options.disk_cache = Some(bitnpz::DiskCache::new(cache.path("cache"), 64 << 20).unwrap());
    let open = || {
        let store = Store { folder: folder.path(""), requests: Arc::default(), opened: Arc::default() };
        let manifest = Manifest::parse(&std::fs::read(&manifest).unwrap()).unwrap();
        ShardedArchive::open_store(manifest, store.clone(), &options)
    };
    let kept = folder.path("kept");
    std::fs::rename(&shards[1], &kept).unwrap();
    std::fs::copy(&others[0], &shards[1]).unwrap();
    let error = open().images("glyphs").unwrap().read::<bool>(3000).unwrap_err().to_string();
    assert!(error.contains("replaced"), "{error}");
    std::fs::rename(&kept, &shards[1]).unwrap();
    for _ in 0..2 {
        check(&open(), 4000);
    }
    // What the cache has is damaged: it is read again.
    for file in std::fs::read_dir(cache.path("cache")).unwrap() {
        let path = file.unwrap().path();
        let mut bytes = std::fs::read(&path).unwrap();
        bytes.iter_mut().skip(7).step_by(97).for_each(|byte| *byte ^= 1);
        std::fs::write(&path, bytes).unwrap();
    }
    check(&open(), 4000);
}

#[test]
fn shards_in_a_store_are_opened_once_and_requested_together() {
    let folder = Folder::new();
    let (manifest, _) = commit(&folder, &[1000, 1000, 1000, 1000]);
    let (archive, store) = in_store(&folder, &manifest);
    check(&archive, 4000);
    assert!(store.opened.lock().unwrap().values().all(|times| *times == 1));

    let (archive, store) = in_store(&folder, &manifest);
    let images = archive.images("glyphs").unwrap();
    assert_eq!(store.requests.load(Ordering::Relaxed), 0, "nothing is opened before it is read");
    images.prefetch(&[900..1100, 3000..3100]).unwrap();
    let requests = store.requests.load(Ordering::Relaxed);
    let mut batch = Array3::from_elem((300, 20, 30), false);
    let order: Vec<usize> = (900..1100).chain(3000..3100).collect();
    images.read_batch_into(&order, &mut batch).unwrap();
    assert_eq!(batch, glyphs(0..4000).select(Axis(0), &order));
    assert_eq!(store.requests.load(Ordering::Relaxed), requests);
    assert_eq!(store.opened.lock().unwrap().len(), 3);

    // As many as a window of a loader has.
    let folder = Folder::new();
    let manifest = folder.path("raw.bitnpz.json");
    let shards = [0..4000, 4000..8000].map(|images| {
        let path = bitnpz::shard_path(&manifest, images.start);
        let mut writer = Writer::create_with(&path, &WriteOptions::default().with_codec(Codec::Raw)).unwrap();
        writer.add_images("glyphs", &noise(images)).unwrap();
        writer.finish().unwrap();
        assert!(std::fs::metadata(&path).unwrap().len() > 300_000, "opening does not read all of it");
        path
    });
    bitnpz::commit(&manifest, &shards, &OpenOptions::default()).unwrap();
    let (archive, store) = in_store(&folder, &manifest);
    let images = archive.images("glyphs").unwrap();
    let all = noise(0..8000);
    let halves = [4000..8000, 0..4000];
    images.prefetch(&halves).unwrap();
    let requests = store.requests.load(Ordering::Relaxed);
    for first in (0..8000).step_by(250) {
        let order: Vec<usize> = (first..first + 250).map(|place| place * 7919 % 8000).collect();
        let mut batch = Array3::from_elem((250, 20, 30), false);
        images.read_batch_into(&order, &mut batch).unwrap();
        assert_eq!(batch, all.select(Axis(0), &order));
    }
    assert_eq!(store.requests.load(Ordering::Relaxed), requests);
}

/// A shard whose bits have the values of the others the other way round is read as they are.
#[test]
fn shards_of_other_bits_are_requested_as_others_are() {
    let folder = Folder::new();
    let manifest = folder.path("inks.bitnpz.json");
    let each = 5000;
    let mut all = noise(0..2 * each).mapv(|pixel| if pixel { 7_u8 } else { 3 });
    all.index_axis_mut(Axis(0), each).fill(3);
    let shards = [0, each].map(|first| {
        let path = bitnpz::shard_path(&manifest, first);
        let options = WriteOptions::default().with_codec(Codec::Raw);
        let mut writer = Writer::create_with(&path, &options).unwrap();
        // A value that comes alone at first has the bit 1.
        for images in [first..first + 1, first + 1..first + each] {
            writer.extend("glyphs", &all.slice(s![images, .., ..]).to_owned()).unwrap();
        }
        writer.finish().unwrap();
        path
    });
    bitnpz::commit(&manifest, &shards, &OpenOptions::default()).unwrap();
    let (archive, store) = in_store(&folder, &manifest);
    let images = archive.images("glyphs").unwrap();
    let requests = [0, each].map(|first| {
        store.requests.store(0, Ordering::Relaxed);
        let order: Vec<usize> = (0..each).map(|place| first + place * 7919 % each).collect();
        let mut batch = Array3::from_elem((each, 20, 30), 0_u8);
        images.read_batch_into(&order, &mut batch).unwrap();
        assert_eq!(batch, all.select(Axis(0), &order));
        store.requests.load(Ordering::Relaxed)
    });
    assert_eq!(requests[0], requests[1]);
    let ones =
        |image: usize| all.index_axis(Axis(0), image).iter().filter(|pixel| **pixel == 7).count() as u64;
    assert_eq!(images.count_ones(&[each - 1, each, each + 1]).unwrap(), [each - 1, each, each + 1].map(ones));

    // Its blocks are compared with their checksums, as those of others are.
    let mut bytes = std::fs::read(&shards[1]).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&shards[1], bytes).unwrap();
    let damaged = ShardedArchive::open(&manifest).unwrap().images("glyphs").unwrap();
    assert!(damaged.to_array::<u8>().unwrap_err().to_string().contains("checksum"));
}
