//! Shards that are damaged, or have one value only.

use std::path::{Path, PathBuf};

use bitnpz::{Encoding, OpenOptions, ShardedArchive, WriteOptions, Writer};
use ndarray::{Array3, Axis};

use crate::shards::noise;
use crate::support::Folder;

/// A block whose checksum differs belongs to one of the shards that are read together.
#[test]
fn a_damaged_block_is_blamed_on_its_shard() {
    let folder = Folder::new();
    let manifest = folder.path("noise.bitnpz.json");
    let shards: Vec<PathBuf> = (0..3)
        .map(|number| {
            let path = bitnpz::shard_path(&manifest, number);
            let options = WriteOptions::default().with_codec(bitnpz::Codec::Raw);
            let mut writer = Writer::create_with(&path, &options).unwrap();
            writer.add_images("s", &noise(number * 200..(number + 1) * 200)).unwrap();
            writer.finish().unwrap();
            path
        })
        .collect();
    bitnpz::commit(&manifest, &shards, &OpenOptions::default()).unwrap();
    let damaged = noise(450..451);
    let (rows, _) = bitnpz::Bitmap::pack(&damaged.index_axis(Axis(0), 0)).unwrap();
    let mut bytes = std::fs::read(&shards[2]).unwrap();
    let place = bytes.windows(60).position(|window| *window == rows.view().as_bytes()[..60]).unwrap();
    bytes[place + 7] ^= 4;
    std::fs::write(&shards[2], bytes).unwrap();
    let archive = ShardedArchive::open(&manifest).unwrap();
    let error = archive.images("s").unwrap().to_array::<bool>().unwrap_err().to_string();
    assert!(error.contains(shards[2].file_name().unwrap().to_str().unwrap()), "{error}");
}

/// Uncompressed rows have a checksum together, in each shard.
#[test]
fn whole_stacks_of_stored_rows_are_checked() {
    let folder = Folder::new();
    let manifest = folder.path("noise.bitnpz.json");
    let options = WriteOptions::default().with_compression(bitnpz::Compression::Stored);
    let shards: Vec<PathBuf> = (0..2)
        .map(|number| {
            let path = bitnpz::shard_path(&manifest, number);
            let mut writer =
                Writer::create_with(&path, &options.clone().with_encoding(Encoding::Packed)).unwrap();
            writer.add_images("s", &noise(number * 1000..(number + 1) * 1000)).unwrap();
            writer.finish().unwrap();
            path
        })
        .collect();
    bitnpz::commit(&manifest, &shards, &OpenOptions::default()).unwrap();
    let read = |path: &Path| bitnpz::Archive::open(path).unwrap().images("s").unwrap().to_array::<bool>();
    assert_eq!(read(&shards[1]).unwrap(), noise(1000..2000).into_dyn());
    let mut bytes = std::fs::read(&shards[1]).unwrap();
    bytes[40_000] ^= 4;
    std::fs::write(&shards[1], bytes).unwrap();
    let error = read(&shards[1]).unwrap_err().to_string();
    assert!(error.contains("CRC"), "{error}");
    let archive = ShardedArchive::open(&manifest).unwrap();
    let error = archive.images("s").unwrap().to_array::<bool>().unwrap_err().to_string();
    let name = shards[1].file_name().unwrap().to_str().unwrap();
    assert!(error.contains("CRC") && error.contains(name), "{error}");
}

/// Neither has both values of all: 1 is only assumed beside the one, and beside the other.
#[test]
fn shards_of_one_value_each_are_joined() {
    for values in [[-5_i8, 0], [0, -5], [0, 7]] {
        let folder = Folder::new();
        let manifest = folder.path("flat.bitnpz.json");
        let shards: Vec<PathBuf> = (0..2)
            .map(|number| {
                let path = bitnpz::shard_path(&manifest, number);
                let mut writer = Writer::create(&path).unwrap();
                writer.add_images("s", &Array3::from_elem((300, 20, 30), values[number])).unwrap();
                writer.finish().unwrap();
                path
            })
            .collect();
        bitnpz::commit(&manifest, &shards, &OpenOptions::default()).unwrap();
        let archive = ShardedArchive::open(&manifest).unwrap();
        assert!(archive.verify(true, |_| ()).unwrap().iter().all(|report| report.report.problems.is_empty()));
        let images = archive.images("s").unwrap();
        let pixels = images.to_array::<i8>().unwrap();
        assert_eq!([0, 300].map(|image| pixels[[image, 0, 0]]), values);
        let greater = values.map(|value| if value == values[0].max(values[1]) { 600 } else { 0 });
        assert_eq!(images.count_ones(&[0, 300]).unwrap(), greater);
    }
}
