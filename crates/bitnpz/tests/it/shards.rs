//! Sharded archives: several that are read as one.

use std::num::NonZero;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use bitnpz::{Content, Encoding, ErrorKind, OpenOptions, ShardedArchive, WriteOptions, Writer};
use ndarray::{Array1, Array2, Array3, Array4, Axis, s};

use crate::support::{Folder, image, reference_decoder, stack};

/// Writes shards of these numbers of images, with labels of several sizes and classes that are the same in all.
pub(crate) fn write(folder: &Folder, lengths: &[usize]) -> (PathBuf, Vec<PathBuf>) {
    let manifest = folder.path("glyphs.bitnpz.json");
    let mut first = 0;
    let shards = lengths.iter().enumerate().map(|(number, &len)| {
        let path = bitnpz::shard_path(&manifest, number);
        let mut writer = Writer::create(&path).unwrap();
        writer.add_images("glyphs", &glyphs(first..first + len)).unwrap();
        let labels = Array1::from_iter((first..first + len).map(|label| label as i64));
        writer.add_array("labels", &labels).unwrap();
        let wide = Array2::from_shape_fn((len, 30), |(i, j)| ((first + i) * 31 + j) as u64);
        writer.add_array("wide", &wide).unwrap();
        writer.add_array("classes", &Array1::from_iter(0..10_i32)).unwrap();
        writer.finish().unwrap();
        first += len;
        path
    });
    let shards: Vec<_> = shards.collect();
    (manifest, shards)
}

pub(crate) fn glyphs(images: Range<usize>) -> Array3<bool> {
    static ALL: OnceLock<Array3<bool>> = OnceLock::new();
    ALL.get_or_init(|| stack(8000)).slice(s![images, .., ..]).to_owned()
}

/// Images of which no two are equal.
pub(crate) fn noise(images: Range<usize>) -> Array3<bool> {
    let mixed = |place: u64| {
        let mixed = (place ^ (place >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB) >> 33
    };
    let pixel =
        |(i, y, x): (usize, usize, usize)| mixed(((images.start + i) * 600 + y * 30 + x + 1) as u64) % 3 == 0;
    Array3::from_shape_fn((images.len(), 20, 30), pixel)
}

pub(crate) fn commit(folder: &Folder, lengths: &[usize]) -> (PathBuf, Vec<PathBuf>) {
    let (manifest, shards) = write(folder, lengths);
    bitnpz::commit(&manifest, &shards, &OpenOptions::default()).unwrap();
    (manifest, shards)
}

pub(crate) fn check(archive: &ShardedArchive, len: usize) {
    let expected = glyphs(0..len);
    assert_eq!(archive.array_keys().collect::<Vec<_>>(), ["glyphs", "labels", "wide", "classes"]);
    let images = archive.images("glyphs").unwrap();
    assert_eq!(images.shape(), expected.shape());
    assert_eq!(images.to_array::<bool>().unwrap(), expected.clone().into_dyn());
    let order: Vec<usize> = (0..2 * len.min(500)).map(|place| place * 7919 % len).collect();
    let mut batch = Array3::from_elem((order.len(), expected.dim().1, expected.dim().2), false);
    images.read_batch_into(&order, &mut batch).unwrap();
    assert_eq!(batch, expected.select(Axis(0), &order));
    let ones = images.count_ones(&order).unwrap();
    assert_eq!(ones[3], expected.index_axis(Axis(0), order[3]).iter().filter(|pixel| **pixel).count() as u64);
    for index in [0, len / 2, len - 1] {
        assert_eq!(images.read::<bool>(index).unwrap(), expected.index_axis(Axis(0), index));
    }
    let error = images.read::<bool>(len).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::NoSuchImage { .. }));

    let labels = archive.array("labels").unwrap();
    assert_eq!(labels.read::<i64>(0..len).unwrap(), Array1::from_iter(0..len as i64).into_dyn());
    assert_eq!(labels.read::<i64>(len / 3..len / 3 + 2).unwrap()[[1]], len as i64 / 3 + 1);
    let wanted = Array1::from_iter(order.iter().map(|index| *index as i64));
    assert_eq!(labels.take::<i64>(&order).unwrap(), wanted.into_dyn());
    let wide = archive.array("wide").unwrap();
    assert_eq!(wide.shape(), [len, 30]);
    assert_eq!(wide.take::<u64>(&[len - 1, 0]).unwrap()[[0, 29]], (len as u64 - 1) * 31 + 29);
    let Content::Array(classes) = archive.get("classes").unwrap() else { panic!("shared arrays are read") };
    assert_eq!(classes.to_ndarray::<i32>().unwrap().len(), 10);
    assert!(archive.contains("labels.npy").unwrap() && !archive.contains("other").unwrap());
    assert!(matches!(archive.get("other").unwrap_err().kind(), ErrorKind::NoSuchKey));
}

#[test]
fn shards_are_read_as_one_archive() {
    let folder = Folder::new();
    // The second is too small for a set, and the third has no images.
    let (manifest, _) = commit(&folder, &[3000, 5, 0, 700, 4000]);
    let archive = ShardedArchive::open(&manifest).unwrap();
    check(&archive, 7705);
    let one = OpenOptions::default().with_open_shards(NonZero::<usize>::MIN);
    check(&ShardedArchive::open_with(&manifest, &one).unwrap(), 7705);
    for pixels in [false, true] {
        let reports = archive.verify(pixels, |_| ()).unwrap();
        assert_eq!(reports.len(), 5);
        assert!(reports.iter().all(|shard| shard.report.problems.is_empty()), "{reports:?}");
    }
    let merged = folder.path("merged.npz");
    Writer::merge(&merged, &[&manifest], &WriteOptions::default()).unwrap().finish().unwrap();
    let merged = bitnpz::Archive::open(&merged).unwrap();
    assert_eq!(merged.images("glyphs").unwrap().to_array::<bool>().unwrap(), glyphs(0..7705).into_dyn());
}

#[test]
fn an_archive_is_cut_into_shards() {
    let folder = Folder::new();
    let (whole, manifest) = (folder.path("whole.npz"), folder.path("cut.bitnpz.json"));
    let mut writer = Writer::create(&whole).unwrap();
    let triples = Array4::from_shape_fn((2000, 3, 20, 30), |(i, j, y, x)| (i * 7 + j * 3 + y * x) % 11 < 4);
    writer.add_images("triples", &triples).unwrap();
    for number in 0..1000 {
        writer.add_image(&format!("page {}", number * number), &image(9, 17, number % 90)).unwrap();
    }
    writer.finish().unwrap();
    let shards = NonZero::new(7).unwrap();
    bitnpz::shard(&manifest, &whole, shards, &WriteOptions::default()).unwrap();
    let archive = ShardedArchive::open(&manifest).unwrap();
    assert_eq!(archive.shards().len(), 7);
    assert_eq!(archive.images("triples").unwrap().to_array::<bool>().unwrap(), triples.into_dyn());
    let keyed = archive.keyed_images().unwrap().unwrap();
    assert_eq!((keyed.len(), keyed.key(999).as_deref()), (1000, Some("page 998001")));
    assert_eq!(keyed.find("page 250000"), Some(500));
    assert_eq!(keyed.read::<bool>(500).unwrap(), image(9, 17, 500 % 90));
    assert!(archive.contains("page 4").unwrap() && !archive.contains("page 5").unwrap());
    let Content::Array(page) = archive.get("page 998001").unwrap() else { panic!("an image") };
    assert_eq!(page.shape(), [9, 17]);
    // It is not cut twice, and nothing is left of the second try.
    let before = folder.files();
    bitnpz::shard(&manifest, &whole, shards, &WriteOptions::default()).unwrap_err();
    assert_eq!(folder.files(), before);
}

#[test]
fn shards_may_have_few_images_with_keys_or_none() {
    let folder = Folder::new();
    for (number, count, shards) in [(0, 100, 30), (1, 1000, 64), (2, 9, 2)] {
        let (whole, manifest) =
            (folder.path(&format!("whole-{number}.npz")), folder.path(&format!("cut-{number}.bitnpz.json")));
        let mut writer = Writer::create(&whole).unwrap();
        for number in 0..count {
            writer.add_image(&format!("page {}", number * number), &image(9, 17, number % 90)).unwrap();
        }
        writer.finish().unwrap();
        let shards = NonZero::new(shards).unwrap();
        bitnpz::shard(&manifest, &whole, shards, &WriteOptions::default()).unwrap();
        let archive = ShardedArchive::open(&manifest).unwrap();
        let keyed = archive.keyed_images().unwrap().unwrap();
        assert_eq!(keyed.len(), count);
        for index in [0, count / 2, count - 1] {
            assert_eq!(keyed.find(&format!("page {}", index * index)), Some(index));
            assert_eq!(keyed.read::<bool>(index).unwrap(), image(9, 17, index % 90));
        }
        assert_eq!(keyed.to_array::<bool>().unwrap().shape(), [count, 9, 17]);
        let reports = archive.verify(true, |_| ()).unwrap();
        assert!(reports.iter().all(|shard| shard.report.problems.is_empty()), "{reports:?}");
        compare_with_reference(&manifest);
    }
}

#[test]
fn of_several_writers_one_commits_and_one_replaces() {
    let folder = Folder::new();
    let (manifest, shards) = commit(&folder, &[100, 200, 300]);
    let options = OpenOptions::default();
    let error = bitnpz::commit(&manifest, &shards[..1], &options).unwrap_err();
    assert!(error.to_string().contains("exists"), "{error}");
    let [first, second] = [(); 2].map(|()| ShardedArchive::open(&manifest).unwrap());
    bitnpz::replace(&manifest, &shards[..2], &first, &options).unwrap();
    let error = bitnpz::replace(&manifest, &shards[1..], &second, &options).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::ManifestChanged), "{error}");
    assert_eq!(second.images("glyphs").unwrap().len(), 600, "an open archive keeps its shards");
    assert_eq!(ShardedArchive::open(&manifest).unwrap().images("glyphs").unwrap().len(), 300);

    let winners: usize = std::thread::scope(|scope| {
        let archive = ShardedArchive::open(&manifest).unwrap();
        let threads: Vec<_> = (0..8)
            .map(|number| {
                let (archive, manifest, shards) = (archive.clone(), &manifest, &shards);
                let options = options.clone();
                scope.spawn(move || {
                    bitnpz::replace(manifest, &shards[number % 3..], &archive, &options).is_ok()
                })
            })
            .collect();
        threads.into_iter().map(|thread| usize::from(thread.join().unwrap())).sum()
    });
    assert!(winners >= 1);
    let left = bitnpz::remove_orphans(&manifest, std::time::Duration::ZERO, true).unwrap();
    let named = ShardedArchive::open(&manifest).unwrap().shards().len();
    assert_eq!(left.len() + named, 3);
    assert_eq!(folder.files().len(), named + 1);
}

#[test]
fn orphans_of_no_manifest_in_the_folder_are_removed() {
    let folder = Folder::new();
    let (manifest, shards) = commit(&folder, &[10, 20]);
    let other = folder.path("part.bitnpz.json");
    bitnpz::commit(&other, &shards[..1], &OpenOptions::default()).unwrap();
    let archive = ShardedArchive::open(&manifest).unwrap();
    bitnpz::replace(&manifest, &shards[1..], &archive, &OpenOptions::default()).unwrap();
    let orphan = bitnpz::shard_path(&manifest, 7);
    std::fs::write(&orphan, "half").unwrap();
    let another = bitnpz::shard_path(folder.path("another.bitnpz.json"), 7);
    std::fs::write(&another, "not of this set").unwrap();
    let hour = std::time::Duration::from_secs(3600);
    assert!(bitnpz::remove_orphans(&manifest, hour, true).unwrap().is_empty());
    let zero = std::time::Duration::ZERO;
    let temporary = folder.path(".bitnpz.0123abcd.0.tmp");
    std::fs::write(&temporary, "of a writer that was killed").unwrap();
    let found = [orphan.as_path(), temporary.as_path()];
    assert_eq!(bitnpz::remove_orphans(&manifest, zero, false).unwrap(), found);
    assert!(found.iter().all(|path| path.exists()));
    std::fs::write(folder.path("broken.bitnpz.json"), "{").unwrap();
    bitnpz::remove_orphans(&manifest, zero, true).unwrap_err();
    assert!(orphan.exists(), "a damaged manifest may name it");
    std::fs::remove_file(folder.path("broken.bitnpz.json")).unwrap();
    assert_eq!(bitnpz::remove_orphans(&manifest, zero, true).unwrap(), found);
    assert!(another.exists() && shards.iter().all(|shard| shard.exists()));
}

#[test]
fn shards_that_do_not_fit_are_refused_by_name() {
    let folder = Folder::new();
    let (manifest, shards) = write(&folder, &[100, 100]);
    let refused = |add: &dyn Fn(&mut Writer), expected: &str| {
        let path = folder.path("unfit.npz");
        let mut writer = Writer::create(&path).unwrap();
        add(&mut writer);
        writer.finish().unwrap();
        let error =
            bitnpz::commit(&manifest, &[&shards[0], &path], &OpenOptions::default()).unwrap_err().to_string();
        assert!(error.contains("unfit.npz") && error.contains(expected), "{error}");
        assert!(!manifest.exists());
    };
    let images = glyphs(0..100);
    let labels = |len: i64| Array1::from_iter(0..len);
    let others = |writer: &mut Writer, len: usize| {
        writer.add_array("wide", &Array2::<u64>::zeros((len, 30))).unwrap();
        writer.add_array("classes", &Array1::from_iter(0..10_i32)).unwrap();
    };
    refused(&|writer| writer.add_images("glyphs", &images).unwrap(), "labels");
    refused(
        &|writer| {
            writer.add_images("glyphs", &images).unwrap();
            writer.add_array("labels", &labels(100)).unwrap();
            others(writer, 100);
            writer.add_array("more", &labels(3)).unwrap();
        },
        "more",
    );
    refused(
        &|writer| {
            writer.add_images("glyphs", &images).unwrap();
            writer.add_array("labels", &labels(99)).unwrap();
            others(writer, 100);
        },
        "labels",
    );
    refused(
        &|writer| {
            writer.add_images("glyphs", &Array3::from_elem((100, 20, 31), true)).unwrap();
            writer.add_array("labels", &labels(100)).unwrap();
            others(writer, 100);
        },
        "glyphs",
    );
    refused(
        &|writer| {
            writer.add_images("glyphs", &images.mapv(u8::from)).unwrap();
            writer.add_array("labels", &labels(100)).unwrap();
            others(writer, 100);
        },
        "glyphs",
    );
    refused(
        &|writer| {
            writer.add_images("glyphs", &images).unwrap();
            writer.add_array("labels", &labels(100)).unwrap();
            writer.add_array("wide", &Array2::<u64>::zeros((100, 30))).unwrap();
            writer.add_array("classes", &Array1::from_iter(1..11_i32)).unwrap();
        },
        "classes",
    );
    let options = OpenOptions::default();
    let elsewhere = Folder::new();
    let path = elsewhere.path("a.npz");
    std::fs::copy(&shards[0], &path).unwrap();
    for (shards, expected) in [
        (vec![path], "folder of the manifest"),
        (vec![shards[0].clone(), shards[0].clone()], "twice"),
        (vec![], "found none"),
        (vec![shards[0].clone(), folder.path("missing.npz")], "missing.npz"),
    ] {
        let error = bitnpz::commit(&manifest, &shards, &options).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn blank_shards_fit_those_of_any_second_value() {
    let folder = Folder::new();
    let manifest = folder.path("inks.bitnpz.json");
    let inks = |of: &[u8]| -> Vec<PathBuf> {
        of.iter()
            .enumerate()
            .map(|(number, &ink)| {
                let path = bitnpz::shard_path(&manifest, number);
                let mut writer = Writer::create(&path).unwrap();
                let images = glyphs(0..300).mapv(|pixel| u8::from(pixel) * ink);
                writer.add_images("glyphs", &images).unwrap();
                writer.finish().unwrap();
                path
            })
            .collect()
    };
    bitnpz::commit(&manifest, &inks(&[0, 255, 0]), &OpenOptions::default()).unwrap();
    let images = ShardedArchive::open(&manifest).unwrap().images("glyphs").unwrap();
    let values = images.to_array::<u8>().unwrap();
    assert_eq!((values.iter().max(), values.slice(s![..300, .., ..]).iter().max()), (Some(&255), Some(&0)));
    std::fs::remove_file(&manifest).unwrap();
    let error = bitnpz::commit(&manifest, &inks(&[7, 255]), &OpenOptions::default()).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::ValuesDiffer { .. }), "{error}");
}

#[test]
fn replaced_missing_and_damaged_shards_are_named() {
    let folder = Folder::new();
    let (manifest, shards) = commit(&folder, &[2000, 2000]);
    let other = Folder::new();
    let (_, others) = write(&other, &[2000, 2000]);
    let name = shards[1].file_name().unwrap().to_str().unwrap();
    std::fs::copy(&others[0], &shards[1]).unwrap();
    let archive = ShardedArchive::open(&manifest).unwrap();
    let images = archive.images("glyphs").unwrap();
    assert!(images.read::<bool>(1999).is_ok());
    let error = images.read::<bool>(2000).unwrap_err().to_string();
    assert!(error.contains(name) && error.contains("replaced"), "{error}");
    let reports = archive.verify(true, |_| ()).unwrap();
    assert!(reports[0].report.problems.is_empty());
    assert!(reports[1].report.problems[0].message.contains("replaced"));
    std::fs::remove_file(&shards[1]).unwrap();
    let error = images.read::<bool>(2000).unwrap_err().to_string();
    assert!(error.contains(name), "{error}");
    let mut batch = Array3::from_elem((2, 20, 30), false);
    let error = images.read_batch_into(&[0, 3999], &mut batch).unwrap_err().to_string();
    assert!(error.contains(name), "{error}");
}

#[test]
fn a_shard_that_is_missing_is_no_missing_key() {
    let folder = Folder::new();
    let (whole, manifest) = (folder.path("whole.npz"), folder.path("cut.bitnpz.json"));
    let mut writer = Writer::create(&whole).unwrap();
    for number in 0..1000 {
        writer.add_image(&format!("page {}", number * number), &image(9, 17, number % 90)).unwrap();
    }
    writer.finish().unwrap();
    bitnpz::shard(&manifest, &whole, NonZero::new(4).unwrap(), &WriteOptions::default()).unwrap();
    let archive = ShardedArchive::open(&manifest).unwrap();
    let lost = &archive.paths()[1];
    std::fs::remove_file(lost).unwrap();
    let name = lost.file_name().unwrap().to_str().unwrap();
    let first = archive.keyed_images().unwrap().unwrap();
    assert_eq!(first.try_find("page 0").unwrap(), Some(0));
    for error in [
        archive.get("page 998001").map(drop).unwrap_err(),
        archive.contains("page 998001").map(drop).unwrap_err(),
        first.try_key(300).map(drop).unwrap_err(),
        first.read::<bool>(300).map(drop).unwrap_err(),
        first.count_ones(&[0, 300]).map(drop).unwrap_err(),
    ] {
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[test]
fn verify_finds_a_manifest_that_contradicts_its_shards() {
    let folder = Folder::new();
    let manifest = folder.path("inks.bitnpz.json");
    let path = bitnpz::shard_path(&manifest, 0);
    let mut writer = Writer::create(&path).unwrap();
    writer.add_images("glyphs", &glyphs(0..300).mapv(u8::from)).unwrap();
    writer.add_array("classes", &Array1::from_iter(0..10_i32)).unwrap();
    writer.finish().unwrap();
    bitnpz::commit(&manifest, &[path], &OpenOptions::default()).unwrap();
    let text = std::fs::read_to_string(&manifest).unwrap();
    for (old, new, expected) in [
        ("[0,1]", "[0,200]", "expected pixels of 200"),
        ("[0,1]", "[7,1]", "expected pixels of 7 or 1"),
        ("[0,1]", "[7,9]", "values"),
        ("classes", "others", "others"),
    ] {
        assert!(text.contains(old), "{text}");
        std::fs::write(&manifest, text.replace(old, new)).unwrap();
        let reports = ShardedArchive::open(&manifest).unwrap().verify(true, |_| ()).unwrap();
        assert!(reports[0].report.problems[0].message.contains(expected), "{reports:?}");
    }
}

#[test]
fn plain_and_packed_archives_can_be_shards() {
    for encoding in [Encoding::Plain, Encoding::Packed] {
        let folder = Folder::new();
        let manifest = folder.path("glyphs.bitnpz.json");
        let shards: Vec<_> = (0..2)
            .map(|number| {
                let path = bitnpz::shard_path(&manifest, number);
                let options = WriteOptions::default().with_encoding(encoding);
                let mut writer = Writer::create_with(&path, &options).unwrap();
                writer.add_images("glyphs", &glyphs(number * 300..number * 300 + 300)).unwrap();
                writer.add_array("labels", &Array1::from_elem(300, number as i64)).unwrap();
                writer.finish().unwrap();
                path
            })
            .collect();
        let committed = bitnpz::commit(&manifest, &shards, &OpenOptions::default());
        if encoding == Encoding::Plain {
            let error = committed.unwrap_err().to_string();
            assert!(error.contains("expected images, found none"), "{error}");
            continue;
        }
        committed.unwrap();
        let archive = ShardedArchive::open(&manifest).unwrap();
        let images = archive.images("glyphs").unwrap().to_array::<bool>().unwrap();
        assert_eq!(images, glyphs(0..600).into_dyn());
        assert_eq!(
            archive.array("labels").unwrap().read::<i64>(299..301).unwrap(),
            ndarray::array![0, 1].into_dyn()
        );
    }
}

/// Reads a sharded archive with the reference decoder, and compares all of it.
pub(crate) fn compare_with_reference(manifest: &Path) {
    let archive = ShardedArchive::open(manifest).unwrap();
    let mut python = reference_decoder();
    let folder = Folder::new();
    let plain = folder.path("plain.npz");
    let code = format!(
        "np.savez({:?}, **bitnpz_reference.load_sharded({:?}))",
        plain.to_str().unwrap(),
        manifest.to_str().unwrap()
    );
    python.run(&code, &[]);
    let plain = bitnpz::Archive::open(plain).unwrap();
    let keyed = archive.keyed_images().unwrap();
    let own = keyed.iter().flat_map(|images| (0..images.len()).map(|index| images.key(index).unwrap()));
    let keys: Vec<String> = archive.array_keys().map(str::to_owned).chain(own).collect();
    assert_eq!(plain.len(), keys.len());
    for key in keys {
        let expected = plain.dyn_array(&key).unwrap();
        match archive.get(&key).unwrap() {
            Content::Images(images) => {
                let mut pixels = vec![0; expected.data().len()];
                let all: Vec<usize> = (0..images.len()).collect();
                images.read_dyn_batch_into(&all, images.dtype(), &mut pixels).unwrap();
                assert!(pixels == expected.data(), "{key}");
            }
            Content::StoredArray(array) => {
                let mut items = vec![0; expected.data().len()];
                array.read_into(0..array.len(), &mut items).unwrap();
                assert!(items == expected.data(), "{key}");
            }
            Content::Array(array) => assert_eq!(array, expected, "{key}"),
            other => panic!("{other:?}"),
        }
    }
}

/// What is merged is what the manifest names.
#[test]
fn a_replaced_shard_is_not_merged() {
    let folder = Folder::new();
    let (manifest, shards) = commit(&folder, &[600, 600]);
    std::fs::copy(&shards[0], &shards[1]).unwrap();
    let merged = Writer::merge(folder.path("merged.npz"), &[&manifest], &WriteOptions::default());
    let error = merged.map(drop).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::ShardReplaced { .. }), "{error}");
}

#[test]
fn shards_are_verified_without_the_first() {
    let folder = Folder::new();
    let (manifest, shards) = commit(&folder, &[600, 600, 600]);
    std::fs::remove_file(&shards[0]).unwrap();
    let reports = ShardedArchive::open(&manifest).unwrap().verify(true, |_| ()).unwrap();
    let problems: Vec<_> = reports.iter().map(|report| report.report.problems.len()).collect();
    assert_eq!(problems, [1, 0, 0], "{reports:?}");
}
