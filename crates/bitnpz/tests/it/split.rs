//! Splitting archives.

use std::num::NonZero;
use std::path::{Path, PathBuf};

use bitnpz::{
    Archive, Codec, Content, DynArray, Encoding, ErrorKind, OpenOptions, ShardedArchive, WriteOptions, Writer,
};
use ndarray::{Array1, Array3, Array4, Axis, concatenate, s};

use crate::support::{Folder, create, image, reference_decoder, stack};

/// Splits an archive, and returns the paths of the shards.
fn split(folder: &Folder, from: &Path, of: usize) -> Vec<PathBuf> {
    let shards = (0..of).map(|number| {
        let path = folder.path(&format!("shard-{number}-of-{of}.npz"));
        let of = NonZero::new(of).unwrap();
        Writer::split_part(&path, from, number, of, &WriteOptions::default()).unwrap().finish().unwrap();
        path
    });
    shards.collect()
}

/// Images of which many repeat others, near and far.
fn repeating(len: usize) -> Array3<bool> {
    let distinct = stack(len);
    Array3::from_shape_fn((len, 20, 30), |(i, y, x)| {
        let from = if i % 7 == 3 {
            i / 9
        } else if i % 5 == 1 {
            2
        } else {
            i
        };
        distinct[[from, y, x]]
    })
}

fn write(folder: &Folder, codec: Codec) -> PathBuf {
    let path = folder.path("whole.npz");
    let mut writer = Writer::create_with(&path, &WriteOptions::default().with_codec(codec)).unwrap();
    writer.add_images("glyphs", &repeating(3000)).unwrap();
    for number in 0..1500 {
        // Keys that follow no pattern.
        writer
            .add_image(&format!("page {}", number * number), &image(9 + number % 3, 17, number % 90))
            .unwrap();
    }
    let pairs = Array4::from_shape_fn((700, 3, 20, 30), |(i, j, y, x)| (i * 7 + j * 3 + y * x) % 11 < 4);
    writer.add_images("triples", &pairs).unwrap();
    let columns = Array3::from_shape_fn((16, 12, 900), |(y, x, i)| (y * x + i) % 5 == 0);
    let columns = DynArray::from_ndarray(&columns);
    writer.add_dyn_images_of("columns", &columns.view(), "HWN".parse().unwrap()).unwrap();
    writer.add_array("labels", &Array1::from_iter(0..3000_i64)).unwrap();
    writer.add_array("titles", &Array1::from_iter((0..1500_i32).rev())).unwrap();
    writer.add_array("classes", &Array1::from_iter(0..10_i64)).unwrap();
    writer.finish().unwrap();
    path
}

#[test]
fn parts_have_everything_once_and_merge_to_the_whole() {
    for codec in [Codec::Contour, Codec::Raw] {
        let folder = Folder::new();
        let whole = Archive::open(write(&folder, codec)).unwrap();
        for of in [1, 2, 3, 8] {
            let paths = split(&folder, &folder.path("whole.npz"), of);
            let shards: Vec<_> = paths.iter().map(|path| Archive::open(path).unwrap()).collect();
            for shard in &shards {
                assert_eq!(shard.verify(|_| ()).unwrap().problems, [], "{codec} {of}");
                let [glyphs, labels] =
                    [shard.images("glyphs").unwrap().len(), shard.array::<i64>("labels").unwrap().len()];
                assert_eq!(glyphs, labels);
                assert!(glyphs.abs_diff(3000 / of) <= 128, "{glyphs} of {of}");
                assert_eq!(shard.array::<i64>("classes").unwrap().len(), 10);
            }
            for key in ["glyphs", "triples"] {
                let arrays: Vec<_> = shards.iter().map(|shard| shard.array::<bool>(key).unwrap()).collect();
                let views: Vec<_> = arrays.iter().map(|array| array.view()).collect();
                assert!(concatenate(Axis(0), &views).unwrap() == whole.array::<bool>(key).unwrap(), "{key}");
            }
            let merged = folder.path("merged.npz");
            Writer::merge(&merged, &paths, &WriteOptions::default()).unwrap().finish().unwrap();
            let merged = Archive::open(&merged).unwrap();
            let sorted = |archive: &Archive| {
                let mut keys: Vec<_> = archive.keys().collect();
                keys.sort();
                keys
            };
            assert_eq!(sorted(&merged), sorted(&whole));
            let order = |archive: &Archive| {
                let images = &archive.keyed_images().unwrap()[0];
                (0..images.len()).map(|image| images.key(image)).collect::<Vec<_>>()
            };
            assert_eq!(order(&merged), order(&whole));
            for key in whole.keys() {
                let same = match key.as_str() {
                    "labels" | "classes" => {
                        merged.array::<i64>(&key).unwrap() == whole.array::<i64>(&key).unwrap()
                    }
                    "titles" => merged.array::<i32>(&key).unwrap() == whole.array::<i32>(&key).unwrap(),
                    _ => merged.array::<bool>(&key).unwrap() == whole.array::<bool>(&key).unwrap(),
                };
                assert!(same, "{key}");
            }
            assert_eq!(merged.verify(|_| ()).unwrap().problems, []);
        }
    }
}

#[test]
fn parts_of_parts_and_of_merged_archives_are_cut_anywhere() {
    let folder = Folder::new();
    let paths: Vec<_> = [999, 130, 1, 2500]
        .iter()
        .enumerate()
        .map(|(number, &len)| {
            let path = folder.path(&format!("{number}.npz"));
            let mut writer = create(&path, Encoding::Sets);
            writer.add_images("glyphs", &repeating(3000).slice(s![..len, .., ..]).to_owned()).unwrap();
            writer.finish().unwrap();
            path
        })
        .collect();
    let merged = folder.path("whole.npz");
    Writer::merge(&merged, &paths, &WriteOptions::default()).unwrap().finish().unwrap();
    let whole = Archive::open(&merged).unwrap().array::<bool>("glyphs").unwrap();
    let mut python = reference_decoder();
    let mut found = Vec::new();
    for half in split(&folder, &merged, 2) {
        let smaller = Folder::new();
        for shard in split(&smaller, &half, 3) {
            let shard_of = Archive::open(&shard).unwrap();
            assert_eq!(shard_of.verify(|_| ()).unwrap().problems, []);
            let array = shard_of.array::<bool>("glyphs").unwrap();
            let read = python.run(
                "outputs.append(bitnpz_reference.load(inputs[0].decode())['glyphs'].tobytes())",
                &[shard.to_str().unwrap().as_bytes()],
            );
            assert!(read[0].iter().map(|&byte| byte == 1).eq(array.iter().copied()));
            found.push(array);
        }
    }
    let views: Vec<_> = found.iter().map(|array| array.view()).collect();
    assert!(concatenate(Axis(0), &views).unwrap() == whole);
}

#[test]
fn refuses_what_cannot_be_split() {
    let folder = Folder::new();
    let (path, to) = (folder.path("a.npz"), folder.path("shard.npz"));
    let mut writer = create(&path, Encoding::Packed);
    writer.add_images("glyphs", &stack(300)).unwrap();
    writer.finish().unwrap();
    let two = NonZero::new(2).unwrap();
    let error = Writer::split_part(&to, &path, 0, two, &WriteOptions::default()).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::NothingToSplit));
    let mut writer = create(&path, Encoding::Sets);
    writer.add_images("glyphs", &stack(3000)).unwrap();
    writer.finish().unwrap();
    let error = Writer::split_part(&to, &path, 2, two, &WriteOptions::default()).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::NoSuchShard { number: 2, shards: 2 }));
    assert!(!to.exists());
}

#[test]
fn large_labels_are_cut_by_their_parts() {
    let folder = Folder::new();
    let path = folder.path("a.npz");
    let mut writer = create(&path, Encoding::Sets);
    let glyphs = Array3::from_shape_fn((200_000, 4, 8), |(i, y, x)| (i * (y + 3) + x) % 7 < 2);
    let vectors = ndarray::Array2::from_shape_fn((200_000, 3), |(i, j)| ((i / 50) * (j + 1)) as i64);
    writer.add_images("glyphs", &glyphs).unwrap();
    writer.add_array("vectors", &vectors).unwrap();
    writer.finish().unwrap();
    let mut first = 0;
    for shard in split(&folder, &path, 3) {
        let shard = Archive::open(&shard).unwrap();
        let found = shard.array::<i64>("vectors").unwrap();
        let len = shard.images("glyphs").unwrap().len();
        assert!(found == vectors.slice(s![first..first + len, ..]).into_dyn());
        assert_eq!(shard.verify(|_| ()).unwrap().problems, []);
        first += len;
    }
    assert_eq!(first, 200_000);
}

/// Writes a stack of 600 images beside labels, and names of which there are as many as a quarter has images.
fn write_with_names(path: &Path) -> Array1<i64> {
    let names = Array1::from_iter(0_i64..150);
    let mut writer = Writer::create(path).unwrap();
    writer.add_images("stack", &stack(600)).unwrap();
    writer.add_array("names", &names).unwrap();
    writer.add_array("labels", &Array1::from_iter(0_i16..600)).unwrap();
    writer.finish().unwrap();
    names
}

/// An array that is as long as a shard has images is no part of one: shards say so.
#[test]
fn what_was_not_cut_is_not_joined() {
    let folder = Folder::new();
    let path = folder.path("a.npz");
    let names = write_with_names(&path);
    let of = NonZero::new(4).unwrap();
    let options = WriteOptions::default();
    let shards: Vec<_> = (0..4).map(|number| folder.path(&format!("{number}.npz"))).collect();
    for (number, shard) in shards.iter().enumerate() {
        Writer::split_part(shard, &path, number, of, &options).unwrap().finish().unwrap();
        assert_eq!(Archive::open(shard).unwrap().images("stack").unwrap().len(), 150);
    }
    // Halves, one of which was appended to, and the whole of both.
    let [one, two, all] = ["one.npz", "two.npz", "all.npz"].map(|name| folder.path(name));
    Writer::merge(&one, &shards[..2], &options).unwrap().finish().unwrap();
    Writer::append(&one, &options).unwrap().finish().unwrap();
    Writer::merge(&two, &shards[2..], &options).unwrap().finish().unwrap();
    Writer::merge(&all, &[one, two], &options).unwrap().finish().unwrap();
    let archive = Archive::open(&all).unwrap();
    assert_eq!(archive.images("stack").unwrap().len(), 600);
    assert_eq!(archive.array::<i64>("names").unwrap(), names.clone().into_dyn());
    let manifest = folder.path("all.bitnpz.json");
    bitnpz::commit(&manifest, &shards, &bitnpz::OpenOptions::default()).unwrap();
    let sharded = bitnpz::ShardedArchive::open(&manifest).unwrap();
    let Content::Array(found) = sharded.get("names").unwrap() else { panic!("expected an array") };
    assert_eq!(found, DynArray::from_ndarray(&names));
}

/// Cut again, a shard keeps whole what it has whole, even if it is as long as it has images.
#[test]
fn what_is_whole_in_a_shard_stays_whole() {
    let folder = Folder::new();
    let path = folder.path("a.npz");
    let names = write_with_names(&path);
    let shards: Vec<_> = split(&folder, &path, 4).iter().flat_map(|shard| split(&folder, shard, 2)).collect();
    for shard in &shards {
        assert_eq!(Archive::open(shard).unwrap().array::<i64>("names").unwrap(), names.clone().into_dyn());
    }
}

/// Such stacks look like images, and may have fewer of them than there are shards.
#[test]
fn stacks_of_images_of_one_column_are_split_and_merged() {
    let folder = Folder::new();
    let (whole, all) = (folder.path("whole.npz"), stack(300));
    let column = |len: usize| all.slice(s![..len, .., ..1]).to_owned();
    let mut writer = create(&whole, Encoding::Sets);
    writer.extend("images", &all).unwrap();
    for (key, len) in [("one", 1), ("few", 20), ("many", 300)] {
        writer.extend(key, &column(len)).unwrap();
    }
    writer.finish().unwrap();
    let shards = split(&folder, &whole, 3);
    let manifest = folder.path("all.bitnpz.json");
    bitnpz::commit(&manifest, &shards, &OpenOptions::default()).unwrap();
    let merged = folder.path("merged.npz");
    Writer::merge(&merged, &shards, &WriteOptions::default()).unwrap().finish().unwrap();
    let (archive, sharded) = (Archive::open(&merged).unwrap(), ShardedArchive::open(&manifest).unwrap());
    for (key, len) in [("one", 1), ("few", 20), ("many", 300)] {
        for images in [archive.images(key).unwrap(), sharded.images(key).unwrap()] {
            assert_eq!(images.to_array::<bool>().unwrap(), column(len).into_dyn(), "{key}");
        }
    }
}
