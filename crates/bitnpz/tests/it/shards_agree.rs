//! Sharded archives against the reference decoder, golden files and archives that are not cut.

use std::num::NonZero;
use std::path::Path;

use bitnpz::{OpenOptions, ShardedArchive, WriteOptions, Writer};
use ndarray::{Array1, Array3, Array4, Axis};
use proptest::prelude::*;

use crate::shards::{commit, compare_with_reference, glyphs};
use crate::support::{Folder, image};

#[test]
fn the_reference_decoder_agrees() {
    let folder = Folder::new();
    let (manifest, _) = commit(&folder, &[300, 5, 0, 700]);
    compare_with_reference(&manifest);
    let whole = folder.path("whole.npz");
    let mut writer = Writer::create(&whole).unwrap();
    for number in 0..1000 {
        writer.add_image(&format!("page {}", number * number), &image(9, 17, number % 90)).unwrap();
    }
    writer
        .add_images("four", &Array4::from_shape_fn((1000, 20, 30, 1), |(i, y, x, _)| (i + y * x) % 7 < 3))
        .unwrap();
    writer.finish().unwrap();
    let manifest = folder.path("cut.bitnpz.json");
    bitnpz::shard(&manifest, &whole, NonZero::new(3).unwrap(), &WriteOptions::default()).unwrap();
    compare_with_reference(&manifest);
}

/// A manifest that an earlier version wrote is read. `GOLDEN=1` writes it if it is missing.
#[test]
fn golden_manifests_are_read() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let manifest = golden.join("shards-1.bitnpz.json");
    let names = ["shards-1-a.npz", "shards-1-b.npz"];
    if std::env::var_os("GOLDEN").is_some() && !manifest.exists() {
        for (number, name) in names.iter().enumerate() {
            let mut writer = Writer::create(golden.join(name)).unwrap();
            let values = |pixel| if pixel { 255_u8 } else { 0 };
            writer.add_images("glyphs", &glyphs(number * 90..number * 90 + 90).mapv(values)).unwrap();
            for image in 0..40 {
                let key = format!("{number}/{}", image * image);
                writer.add_image(&key, &self::image(9 + image % 3, 17, image).mapv(values)).unwrap();
            }
            writer.add_array("labels", &Array1::from_elem(90, number as i64)).unwrap();
            writer.add_array("classes", &Array1::from_iter(0..10_i32)).unwrap();
            writer.finish().unwrap();
        }
        bitnpz::commit(&manifest, &names.map(|name| golden.join(name)), &OpenOptions::default()).unwrap();
    }
    compare_with_reference(&manifest);
    let archive = ShardedArchive::open(&manifest).unwrap();
    let bits = archive.images("glyphs").unwrap().to_array::<bool>().unwrap();
    assert_eq!(bits, glyphs(0..180).into_dyn());
    assert_eq!(archive.keyed_images().unwrap().unwrap().find("1/1521"), Some(79));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn any_cut_is_read_as_the_whole(lengths in prop::collection::vec(0..400_usize, 1..6), seed in 0..1000_usize) {
        let len: usize = lengths.iter().sum();
        prop_assume!(len > 0);
        let folder = Folder::new();
        let (manifest, _) = commit(&folder, &lengths);
        let archive = ShardedArchive::open(&manifest).unwrap();
        let images = archive.images("glyphs").unwrap();
        let order: Vec<usize> = (0..100).map(|place| (place * 7919 + seed) % len).collect();
        let mut batch = Array3::from_elem((100, 20, 30), false);
        images.read_batch_into(&order, &mut batch).unwrap();
        prop_assert_eq!(batch, glyphs(0..len).select(Axis(0), &order));
        let labels = archive.array("labels").unwrap().take::<i64>(&order).unwrap();
        prop_assert_eq!(labels.into_iter().collect::<Vec<_>>(), order.iter().map(|&index| index as i64).collect::<Vec<_>>());
    }
}
