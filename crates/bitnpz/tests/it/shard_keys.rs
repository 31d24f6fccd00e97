//! Keys of images in several shards.

use std::path::{Path, PathBuf};

use bitnpz::{Content, Encoding, OpenOptions, ShardedArchive};

use crate::support::{Folder, create, image};

fn write(path: &Path, keys: impl Iterator<Item = String>) -> PathBuf {
    let mut writer = create(path, Encoding::Sets);
    for (number, key) in keys.enumerate() {
        writer.add_image(&key, &image(9, 17, number)).unwrap();
    }
    writer.finish().unwrap();
    path.to_owned()
}

#[test]
fn verify_finds_keys_that_two_shards_have() {
    let folder = Folder::new();
    let shards = [
        write(&folder.path("a.npz"), (0..500).map(|number| format!("page {number}"))),
        write(&folder.path("b.npz"), (0..500).map(|number| format!("leaf {}", number * number))),
        write(&folder.path("c.npz"), (497..900).map(|number| format!("page {number}"))),
        write(&folder.path("d.npz"), (0..500).map(|number| format!("leaf {}", 49 + number * 7919))),
    ];
    let manifest = folder.path("pages.bitnpz.json");
    bitnpz::commit(&manifest, &shards, &OpenOptions::default()).unwrap();
    let archive = ShardedArchive::open(&manifest).unwrap();
    let found: Vec<Vec<String>> = archive
        .verify(true, |_| ())
        .unwrap()
        .iter()
        .map(|shard| shard.report.problems.iter().map(ToString::to_string).collect())
        .collect();
    let problem = |key: &str, image: usize, earlier: &str| {
        format!(
            "{key:?}, image {image} of the set: expected a key of its own, found that of an image of {earlier}"
        )
    };
    assert_eq!(found[0], [""; 0]);
    assert_eq!(found[1], [""; 0]);
    assert_eq!(
        found[2],
        [497, 498, 499].map(|number| problem(&format!("page {number}"), number - 497, "a.npz"))
    );
    assert_eq!(found[3], [problem("leaf 49", 0, "b.npz")]);
    // The structure alone does not tell.
    assert!(archive.verify(false, |_| ()).unwrap().iter().all(|shard| shard.report.problems.is_empty()));
    let images = archive.keyed_images().unwrap().unwrap();
    assert_eq!(images.find("page 498"), Some(498));
}

/// Workers that all count their images from 0.
#[test]
fn verify_counts_keys_that_many_shards_have() {
    let folder = Folder::new();
    let keyed = |name: &str, of: &str| {
        write(&folder.path(&format!("{name}.npz")), (0..500).map(|number| format!("{of} {number}")))
    };
    let shards = [keyed("a", "page"), keyed("b", "page"), keyed("c", "page"), keyed("d", "leaf")];
    let manifest = folder.path("pages.bitnpz.json");
    let error = bitnpz::commit(&manifest, &shards[..3], &OpenOptions::default()).unwrap_err().to_string();
    assert!(error.contains("two of these under one key are an error"), "{error}");
    bitnpz::commit(&manifest, &shards, &OpenOptions::default()).unwrap();
    let reports = ShardedArchive::open(&manifest).unwrap().verify(true, |_| ()).unwrap();
    assert_eq!([&reports[0].report.problems, &reports[3].report.problems], [&[], &[]]);
    for shard in &reports[1..3] {
        let problems = &shard.report.problems;
        assert_eq!(problems.len(), 101);
        assert_eq!(problems[99].image, Some(99));
        assert!(
            problems[100].to_string().ends_with("of earlier shards: of 400 more images"),
            "{}",
            problems[100]
        );
    }
}

#[test]
fn arrays_of_one_image_keep_their_shape_in_shards() {
    let folder = Folder::new();
    let shards = ["a", "b"].map(|name| {
        let path = folder.path(&format!("{name}.npz"));
        let mut writer = create(&path, Encoding::Sets);
        for number in 0..40 {
            let one = image(20, 30, number).insert_axis(ndarray::Axis(0));
            writer.add_images(&format!("{name} {number}"), &one).unwrap();
        }
        writer.finish().unwrap();
        path
    });
    let manifest = folder.path("all.bitnpz.json");
    bitnpz::commit(&manifest, &shards, &OpenOptions::default()).unwrap();
    let archive = ShardedArchive::open(&manifest).unwrap();
    for key in ["a 0", "a 39", "b 0", "b 39"] {
        let number = key[2..].parse().unwrap();
        let Content::Array(array) = archive.get(key).unwrap() else { panic!("{key}") };
        let expected = image(20, 30, number).insert_axis(ndarray::Axis(0));
        assert_eq!(array.to_ndarray::<bool>().unwrap(), expected.into_dyn());
    }
}
