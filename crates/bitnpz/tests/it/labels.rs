//! Labels and other arrays beside images, when archives are cut and put together: they stay with their images.

use std::num::NonZero;
use std::path::{Path, PathBuf};

use bitnpz::{
    Archive, Codec, Content, DynArray, Encoding, OpenOptions, ShardedArchive, WriteOptions, Writer,
};
use ndarray::{Array1, Array2, Array3, ArrayD, Axis, IxDyn, Slice, concatenate, s};

use crate::shards::{compare_with_reference, noise};
use crate::support::{Folder, image, stack};

fn save(path: &Path, fill: impl FnOnce(&mut Writer)) {
    let mut writer = Writer::create(path).unwrap();
    fill(&mut writer);
    writer.finish().unwrap();
}

fn add<T: bitnpz::Element>(writer: &mut Writer, key: &str, array: &ArrayD<T>) {
    writer.add_dyn(key, &DynArray::from_ndarray(array).view()).unwrap();
}

fn part<T: Clone>(array: &ArrayD<T>, from: usize, to: usize) -> ArrayD<T> {
    array.slice_axis(Axis(0), Slice::from(from..to)).to_owned()
}

fn merge(folder: &Folder, paths: &[PathBuf]) -> bitnpz::Result<Archive> {
    let path = folder.path("merged.npz");
    Writer::merge(&path, paths, &WriteOptions::default())?.finish()?;
    let merged = Archive::open(&path)?;
    assert_eq!(merged.verify(|_| ())?.problems, []);
    Ok(merged)
}

fn commit(folder: &Folder, paths: &[PathBuf]) -> bitnpz::Result<ShardedArchive> {
    let manifest = folder.path("all.bitnpz.json");
    drop(std::fs::remove_file(&manifest));
    bitnpz::commit(&manifest, paths, &OpenOptions::default())?;
    let sharded = ShardedArchive::open(&manifest)?;
    for report in sharded.verify(true, |_| ())? {
        assert_eq!(report.report.problems, []);
    }
    compare_with_reference(&manifest);
    Ok(sharded)
}

fn shards(folder: &Folder, from: &Path, of: usize) -> Vec<PathBuf> {
    let shards = (0..of).map(|number| {
        let path = folder.path(&format!("shard-{number}.npz"));
        let of = NonZero::new(of).unwrap();
        Writer::split_part(&path, from, number, of, &WriteOptions::default()).unwrap().finish().unwrap();
        path
    });
    shards.collect()
}

/// Reads all of an array of a sharded archive.
fn read<T: bitnpz::Element + bitnpz::Pixel>(archive: &ShardedArchive, key: &str) -> ArrayD<T> {
    match archive.get(key).unwrap() {
        Content::Images(images) => images.to_array::<T>().unwrap(),
        Content::StoredArray(array) => array.read(0..array.len()).unwrap(),
        Content::Array(array) => array.to_ndarray().unwrap(),
        other => panic!("{other:?}"),
    }
}

/// Checks that an array of two values that has an item for each image is cut and joined with the images.
fn check_two_valued<T: bitnpz::Element + bitnpz::Pixel + PartialEq + std::fmt::Debug>(
    labels: &ArrayD<T>,
    cuts: &[usize],
) {
    let folder = Folder::new();
    let images = stack(labels.shape()[0]).into_dyn();
    let mut paths = Vec::new();
    for (number, bounds) in cuts.windows(2).enumerate() {
        paths.push(folder.path(&format!("{number}.npz")));
        save(&paths[number], |writer| {
            add(writer, "a", &part(&images, bounds[0], bounds[1]));
            add(writer, "l", &part(labels, bounds[0], bounds[1]));
        });
    }
    let sharded = commit(&folder, &paths).unwrap();
    assert_eq!(sharded.array_keys().collect::<Vec<_>>(), ["a", "l"]);
    assert!(sharded.keyed_images().unwrap().is_none());
    assert!(read::<bool>(&sharded, "a") == images && read::<T>(&sharded, "l") == *labels);
    let merged = merge(&folder, &paths).unwrap();
    assert!(merged.array::<bool>("a").unwrap() == images && merged.array::<T>("l").unwrap() == *labels);
    // What was saved at once is cut, and put together again.
    let whole = folder.path("whole.npz");
    save(&whole, |writer| {
        add(writer, "a", &images);
        add(writer, "l", labels);
    });
    let paths = shards(&folder, &whole, 3);
    for path in &paths {
        let shard = Archive::open(path).unwrap();
        assert_eq!(shard.images("a").unwrap().len(), shard.array::<T>("l").unwrap().shape()[0]);
    }
    let sharded = commit(&folder, &paths).unwrap();
    assert!(read::<T>(&sharded, "l") == *labels);
    assert!(merge(&folder, &paths).unwrap().array::<T>("l").unwrap() == *labels);
}

#[test]
fn labels_of_two_values_follow_their_images() {
    let one_hot = |len: usize| {
        ArrayD::from_shape_fn(IxDyn(&[len, 10]), |at| f32::from(u8::from(at[0] * at[0] % 10 == at[1])))
    };
    // The last part is too small for a set.
    check_two_valued(&one_hot(10_300), &[0, 5000, 10_000, 10_300]);
    check_two_valued(&one_hot(10_300).mapv(|label| label > 0.0), &[0, 5000, 10_300]);
    let wide = ArrayD::from_shape_fn(IxDyn(&[900, 10, 1]), |at| at[0] * at[1] % 3 == 0);
    check_two_valued(&wide, &[0, 300, 900]);
}

#[test]
fn labels_among_images_are_never_dropped() {
    let folder = Folder::new();
    let paths = [0, 1].map(|number| folder.path(&format!("{number}.npz")));
    for (number, path) in paths.iter().enumerate() {
        save(path, |writer| {
            writer.add_images("a", &stack(5000)).unwrap();
            writer
                .add_images("l", &Array2::from_shape_fn((5000, 12), |(i, j)| (i + number) % 12 == j))
                .unwrap();
            (0..20).for_each(|i| writer.add_image(&format!("{number}-{i}"), &image(9, 9, i)).unwrap());
        });
    }
    let error = commit(&folder, &paths).unwrap_err().to_string();
    assert!(error.contains("\"l\"") && error.contains("as all shards have this key"), "{error}");
    let merged = merge(&folder, &paths).unwrap();
    assert_eq!(merged.array::<bool>("l").unwrap().shape(), [10_000, 12]);
    assert_eq!(merged.keyed_images().unwrap()[0].len(), 40);
    let parts = shards(&folder, &folder.path("merged.npz"), 3);
    let again = merge(&Folder::new(), &parts).unwrap();
    assert_eq!(again.array::<bool>("l").unwrap(), merged.array::<bool>("l").unwrap());
    assert_eq!(again.keyed_images().unwrap()[0].len(), 40);
}

#[test]
fn images_are_never_joined() {
    for encoding in [Encoding::Sets, Encoding::Packed, Encoding::Plain] {
        for count in [5, 28] {
            let folder = Folder::new();
            let paths = [0, 1].map(|number| folder.path(&format!("{number}.npz")));
            for (number, path) in paths.iter().enumerate() {
                let options = WriteOptions::default().with_encoding(encoding);
                let mut writer = Writer::create_with(path, &options).unwrap();
                for key in 0..count {
                    writer.add_image(&format!("{key}"), &image(count, count, 2 + key + number)).unwrap();
                }
                writer.finish().unwrap();
            }
            let error = merge(&folder, &paths).unwrap_err().to_string();
            assert!(error.contains("\"0\"") || error.contains("key"), "{error}");
            assert!(!folder.path("merged.npz").exists());
        }
    }
}

#[test]
fn small_arrays_of_two_values_are_in_all_shards() {
    let shapes: [&[usize]; 9] = [
        &[3, 3],
        &[2, 2],
        &[10, 1],
        &[10, 1, 1],
        &[12, 10, 1],
        &[64, 64],
        &[88, 64],
        &[100, 1, 1],
        &[300, 300],
    ];
    for shape in shapes {
        let folder = Folder::new();
        let whole = folder.path("whole.npz");
        let other = ArrayD::from_shape_fn(IxDyn(shape), |at| (at[0] * 7 + at[1] * 3) % 5 < 2);
        save(&whole, |writer| {
            writer.add_images("a", &stack(3000)).unwrap();
            add(writer, "b", &other);
        });
        let manifest = folder.path("cut.bitnpz.json");
        bitnpz::shard(&manifest, &whole, NonZero::new(2).unwrap(), &WriteOptions::default()).unwrap();
        let sharded = ShardedArchive::open(&manifest).unwrap();
        compare_with_reference(&manifest);
        let Content::Array(found) = sharded.get("b").unwrap() else {
            assert_eq!(shape, [100, 1, 1]);
            assert_eq!(sharded.images("b").unwrap().to_array::<bool>().unwrap(), other);
            continue;
        };
        assert_eq!(found.to_ndarray::<bool>().unwrap(), other);
        let merged = merge(&folder, &[manifest]).unwrap();
        assert_eq!(merged.array::<bool>("b").unwrap(), other, "{shape:?}");
        assert_eq!(merged.images("a").unwrap().len(), 3000);
    }
}

#[test]
fn images_of_several_sets_are_cut_with_their_labels() {
    let folder = Folder::new();
    let whole = folder.path("whole.npz");
    save(&whole, |writer| {
        for i in 0..2000 {
            match i % 4 {
                3 => writer.add_image(&format!("page {}", i * i), &image(9, 17, i).mapv(u8::from)).unwrap(),
                _ => writer.add_image(&format!("page {}", i * i), &image(9, 17, i)).unwrap(),
            }
        }
        writer.add_array("labels", &Array1::from_iter(0..2000_i64)).unwrap();
    });
    let keys: Vec<String> = Archive::open(&whole).unwrap().keys().collect();
    for of in [2, 3] {
        let paths = shards(&folder, &whole, of);
        let mut first = 0;
        for path in &paths {
            let shard = Archive::open(path).unwrap();
            let labels = shard.array::<i64>("labels").unwrap();
            let own: Vec<String> = shard.keys().filter(|key| key != "labels").collect();
            assert_eq!(own, keys[first..first + labels.len()]);
            assert_eq!(labels[[0]], first as i64);
            first += labels.len();
        }
        let merged = merge(&folder, &paths).unwrap();
        assert_eq!(merged.array::<i64>("labels").unwrap(), Array1::from_iter(0..2000_i64).into_dyn());
        let all: Vec<String> = merged.keys().filter(|key| key != "labels").collect();
        assert_eq!(all, keys[..2000]);
    }
}

#[test]
fn a_stack_of_one_image_joins_others() {
    for cuts in [&[0, 5, 6][..], &[0, 1, 6], &[0, 1, 2]] {
        let folder = Folder::new();
        let pages = Array3::from_shape_fn((6, 300, 300), |(i, y, x)| (i * 7 + y * x) % 11 < 4).into_dyn();
        let mut paths = Vec::new();
        for (number, bounds) in cuts.windows(2).enumerate() {
            paths.push(folder.path(&format!("{number}.npz")));
            save(&paths[number], |writer| {
                add(writer, "pages", &part(&pages, bounds[0], bounds[1]));
                writer.add_array("titles", &Array1::from_iter(bounds[0] as i64..bounds[1] as i64)).unwrap();
            });
        }
        let pages = part(&pages, 0, *cuts.last().unwrap());
        let sharded = commit(&folder, &paths).unwrap();
        assert!(sharded.images("pages").unwrap().to_array::<bool>().unwrap() == pages, "{cuts:?}");
        assert_eq!(sharded.array("titles").unwrap().len(), pages.shape()[0]);
        let merged = merge(&folder, &paths).unwrap();
        assert!(merged.array::<bool>("pages").unwrap() == pages, "{cuts:?}");
        assert_eq!(merged.array::<i64>("titles").unwrap().len(), pages.shape()[0]);
    }
}

/// Stacks of several archives, one of which has one value only.
#[test]
fn stacks_of_one_value_fit_those_of_two() {
    for ([low, high], one) in
        [([-1, 1], 1), ([-1, 1], -1), ([1, 2], 1), ([1, 2], 2), ([-5, 0], -5), ([-5, 0], 0)]
    {
        let both = stack(400).mapv(|pixel| if pixel { high } else { low });
        // The second is too small for a set.
        let [only, few] = [300, 5].map(|len| Array3::from_elem((len, 20, 30), one));
        let arrays = [both, only, few];
        let folder = Folder::new();
        let saved = [0, 1, 2].map(|number| folder.path(&format!("{number}.npz")));
        for (path, array) in saved.iter().zip(&arrays) {
            save(path, |writer| writer.add_images("s", array).unwrap());
        }
        for pair in [[0, 1], [1, 0], [2, 0], [0, 2]] {
            let paths = pair.map(|number| saved[number].clone());
            let all = concatenate(Axis(0), &pair.map(|number| arrays[number].view())).unwrap().into_dyn();
            let merged = merge(&folder, &paths).unwrap();
            assert!(merged.array::<i8>("s").unwrap() == all, "{low} {high} {one}");
            let sharded = commit(&folder, &paths).unwrap();
            assert!(read::<i8>(&sharded, "s") == all, "{low} {high} {one}");
            let bits = sharded.images("s").unwrap().to_array::<bool>().unwrap();
            assert!(bits == all.mapv(|value| value == high), "{low} {high} {one}");
        }
    }
    // Two of one value each, and a third.
    let folder = Folder::new();
    let paths = [0, 1, 2].map(|number| folder.path(&format!("{number}.npz")));
    for (path, value) in paths.iter().zip([-1, 1, -1_i8]) {
        save(path, |writer| writer.add_images("s", &Array3::from_elem((300, 20, 30), value)).unwrap());
    }
    let merged = merge(&folder, &paths).unwrap().array::<i8>("s").unwrap();
    assert_eq!(merged.slice(s![.., 0, 0]).iter().map(|value| i32::from(*value)).sum::<i32>(), -300);
}

#[test]
fn empty_parts_have_the_values_of_their_stack() {
    let folder = Folder::new();
    let whole = folder.path("whole.npz");
    let one = noise(0..1).mapv(|pixel| if pixel { 1_i8 } else { -1 });
    save(&whole, |writer| {
        writer.add_images("a", &stack(5000)).unwrap();
        writer.add_images("s", &one).unwrap();
    });
    let manifest = folder.path("cut.bitnpz.json");
    bitnpz::shard(&manifest, &whole, NonZero::new(2).unwrap(), &WriteOptions::default()).unwrap();
    let sharded = ShardedArchive::open(&manifest).unwrap();
    assert_eq!(read::<i8>(&sharded, "s"), one.clone().into_dyn());
    compare_with_reference(&manifest);
    let merged = merge(&folder, &[manifest]).unwrap();
    assert_eq!(merged.array::<i8>("s").unwrap(), one.into_dyn());
}

/// Pictures of which some happen to have as many rows as a stack has images are no labels.
#[test]
fn images_as_high_as_a_stack_is_long_are_images() {
    let folder = Folder::new();
    let whole = folder.path("whole.npz");
    let pictures: Vec<_> = (0..200).map(|number| image(32, 25 + number % 9, number)).collect();
    save(&whole, |writer| {
        add(writer, "stack", &stack(32).mapv(f32::from).into_dyn());
        for (number, picture) in pictures.iter().enumerate() {
            writer.add_image(&format!("k{number}"), picture).unwrap();
        }
        add(writer, "labels", &Array1::from_iter(0..200_i64).into_dyn());
    });
    let paths = shards(&folder, &whole, 2);
    let parts: Vec<_> = paths.iter().map(|path| Archive::open(path).unwrap()).collect();
    let labels = parts.iter().map(|part| part.array::<i64>("labels").unwrap().len()).sum::<usize>();
    assert_eq!((labels, parts.iter().map(Archive::len).sum::<usize>()), (200, 200 + 2 * 2));
    let merged = merge(&folder, &paths).unwrap();
    for (number, picture) in pictures.iter().enumerate() {
        assert_eq!(merged.image::<bool>(&format!("k{number}")).unwrap(), *picture);
    }
    // Two under one key are an error.
    let error = merge(&folder, &[whole.clone(), whole]).map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("already"), "{error}");
}

/// An array that split leaves whole in each shard is not one of the shard's images.
#[test]
fn labels_of_few_images_are_joined_beside_an_array_that_was_not_cut() {
    let folder = Folder::new();
    let whole = folder.path("whole.npz");
    let picture = |number: usize| image(12, 12, number).mapv(|pixel| u8::from(pixel) * 255);
    let rows = Array2::from_shape_fn((14, 12), |(row, column)| (row * 7 + column * row) % 5 < 2);
    let fill = |writer: &mut Writer| {
        (0..16).for_each(|number| writer.add_image(&format!("k{number}"), &picture(number)).unwrap());
        writer.add_image("rows", &rows).unwrap();
        writer.add_array("labels", &Array1::from_iter(0..16_i64)).unwrap();
    };
    let mut writer = Writer::create_with(&whole, &WriteOptions::default().with_codec(Codec::Raw)).unwrap();
    fill(&mut writer);
    writer.finish().unwrap();
    let merged = merge(&folder, &shards(&folder, &whole, 3)).unwrap();
    assert_eq!(merged.array::<i64>("labels").unwrap(), Array1::from_iter(0..16_i64).into_dyn());
    assert_eq!(merged.image::<bool>("rows").unwrap(), rows);
    (0..16)
        .for_each(|number| assert_eq!(merged.image::<u8>(&format!("k{number}")).unwrap(), picture(number)));
}

/// Equal arrays are no parts, though they are as long as there are images that all archives have.
#[test]
fn images_that_all_archives_have_count_no_items() {
    let folder = Folder::new();
    let (mask, threshold) = (image(28, 28, 3), ndarray::array![0.5]);
    let paths = [0, 600].map(|first| {
        let path = folder.path(&format!("{first}.npz"));
        save(&path, |writer| {
            writer.add_images("glyphs", &noise(first..first + 600)).unwrap();
            writer.add_image("mask", &mask).unwrap();
            writer.add_array("threshold", &threshold).unwrap();
        });
        path
    });
    let merged = merge(&folder, &paths).unwrap();
    assert_eq!(merged.array::<f64>("threshold").unwrap(), threshold.clone().into_dyn());
    assert_eq!(merged.image::<bool>("mask").unwrap(), mask);
    assert_eq!(merged.images("glyphs").unwrap().len(), 1200);
}

/// What one shard has whole is not joined with the labels of another archive, and these are not lost.
#[test]
fn labels_are_not_left_out_beside_a_whole_array() {
    let folder = Folder::new();
    let [whole, path] = ["whole.npz", "other.npz"].map(|name| folder.path(name));
    let hot = |len: usize| Array2::from_shape_fn((len, 10), |(row, column)| row * 7 % 10 == column);
    save(&whole, |writer| {
        writer.add_images("glyphs", &stack(600)).unwrap();
        writer.add_image("hot", &hot(300)).unwrap();
    });
    let shard = shards(&folder, &whole, 2).remove(1);
    assert_eq!(Archive::open(&shard).unwrap().array::<bool>("hot").unwrap().shape(), [300, 10]);
    save(&path, |writer| {
        writer.add_images("glyphs", &stack(6000)).unwrap();
        writer.add_image("hot", &hot(6000)).unwrap();
    });
    for paths in [[&shard, &path], [&path, &shard]] {
        let error = merge(&folder, &paths.map(PathBuf::clone)).unwrap_err();
        assert!(error.to_string().contains("hot"), "{error}");
    }
}
