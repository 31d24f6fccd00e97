//! Small stacks that share an image set.

use std::num::NonZero;
use std::path::Path;

use bitnpz::{Archive, Limits, WriteOptions, Writer, salvage};
use ndarray::{Array3, ArrayD, Axis, ShapeBuilder, array, concatenate, s};

use crate::support::{Folder, image, stack};

/// Returns the names of the archive's sets.
pub(crate) fn sets(path: &Path) -> Vec<String> {
    let zip = bitnpz_npz::Archive::open(path).unwrap();
    let names = zip.members().filter_map(|member| {
        Some(member.name().strip_prefix(".bitnpz/")?.strip_suffix("/set.json")?.to_owned())
    });
    names.collect()
}

pub(crate) fn open(path: &Path) -> Archive {
    let archive = Archive::open(path).unwrap();
    assert_eq!(archive.verify(|_| ()).unwrap().problems, []);
    archive
}

/// Returns stack number `class`, of images of a class.
fn class(class: usize, count: usize) -> Array3<bool> {
    let mut stack = Array3::from_elem((count, 20, 30), false);
    let images = stack.outer_iter_mut().enumerate();
    images.for_each(|(number, mut to)| to.assign(&image(20, 30, class * 31 + number * number)));
    stack
}

/// Damages an image of one of the last stacks of the set `stacks`. Returns the bytes of the archive.
fn damage(path: &Path) -> Vec<u8> {
    let mut bytes = std::fs::read(path).unwrap();
    let zip = bitnpz_npz::Archive::open(path).unwrap();
    let payload = zip.find(".bitnpz/stacks/payload-0").unwrap().read().unwrap();
    let start = bytes.windows(64).position(|window| window == &payload[payload.len() - 64..]).unwrap();
    bytes[start] ^= 0x55;
    std::fs::write(path, &bytes).unwrap();
    bytes
}

fn key(class: usize) -> String {
    format!("class {class:03}")
}

fn write(path: &Path, classes: std::ops::Range<usize>, count: usize) {
    let mut writer = Writer::create(path).unwrap();
    classes.for_each(|number| writer.add_images(&key(number), &class(number, count)).unwrap());
    writer.finish().unwrap();
}

#[test]
fn a_stack_for_each_class_takes_hardly_more_than_one_for_all() {
    let folder = Folder::new();
    let (many, one) = (folder.path("many.npz"), folder.path("one.npz"));
    write(&many, 0..200, 20);
    let mut writer = Writer::create(&one).unwrap();
    let all: Vec<_> = (0..200).map(|number| class(number, 20)).collect();
    let all = concatenate(Axis(0), &all.iter().map(|stack| stack.view()).collect::<Vec<_>>()).unwrap();
    writer.add_images("all", &all).unwrap();
    writer.finish().unwrap();

    let [of_many, of_one] = [&many, &one].map(|path| std::fs::metadata(path).unwrap().len());
    // A key takes a few bytes.
    assert!(of_many < of_one + 200 * 8, "{of_many} and {of_one} bytes");
    assert_eq!(sets(&many), ["stacks"]);
    let archive = open(&many);
    assert!(archive.keys().eq((0..200).map(key)));
    for number in [0, 1, 77, 199] {
        let images = archive.images(&key(number)).unwrap();
        assert_eq!(images.shape(), [20, 20, 30]);
        let mut batch = Array3::from_elem((3, 20, 30), false);
        images.read_batch_into(&[19, 0, 7], &mut batch).unwrap();
        assert_eq!(batch, class(number, 20).select(Axis(0), &[19, 0, 7]));
        assert!(images.read_into(20, &mut batch.index_axis_mut(Axis(0), 0).to_owned()).is_err());
    }
    assert!(archive.images("class 200").is_err());
}

#[test]
fn only_stacks_that_are_alike_share_a_set() {
    let folder = Folder::new();
    let path = folder.path("a.npz");
    let mut writer = Writer::create(&path).unwrap();
    let bytes = |stack: Array3<bool>, on: u8| stack.mapv(|pixel| u8::from(pixel) * on);
    writer.add_images("a", &class(1, 200)).unwrap();
    writer.add_images("b", &bytes(class(2, 200), 255)).unwrap();
    writer.add_images("c", &bytes(class(3, 200), 1)).unwrap();
    writer.add_images("d", &class(4, 200)).unwrap();
    // Its second value is not known.
    writer.add_images("e", &bytes(Array3::from_elem((200, 20, 30), false), 1)).unwrap();
    writer.add_images("f", &class(6, 200).slice(s![.., ..19, ..]).to_owned()).unwrap();
    writer.add_images("large", &stack(60_000)).unwrap();
    writer.add_array("labels", &array![1, 2, 3]).unwrap();
    writer.finish().unwrap();
    let archive = open(&path);
    assert!(archive.keys().eq(["a", "b", "c", "d", "e", "f", "large", "labels"]));
    assert_eq!(archive.array::<u8>("b").unwrap(), bytes(class(2, 200), 255).into_dyn());
    assert_eq!(archive.array::<u8>("c").unwrap(), bytes(class(3, 200), 1).into_dyn());
    assert_eq!(archive.array::<u8>("e").unwrap(), ArrayD::<u8>::zeros(vec![200, 20, 30]));
    assert_eq!(archive.array::<bool>("d").unwrap(), class(4, 200).into_dyn());
    let mut names = sets(&path);
    names.sort();
    // "stacks" of a and d, a number for b and e.
    assert_eq!(names, ["3", "c", "f", "large", "stacks"]);
}

/// A stack of crops for each thing: all sizes differ.
#[test]
fn stacks_of_many_sizes_share_a_few_sets() {
    let folder = Folder::new();
    let path = folder.path("a.npz");
    let crops = |number: usize| {
        let (height, width) = (12 + number % 31, 9 + number % 17 * 2);
        let mut stack = Array3::from_elem((15, height, width), false);
        let each = stack.outer_iter_mut().enumerate();
        each.for_each(|(seed, mut to)| to.assign(&image(height, width, number + seed * 7)));
        stack
    };
    let mut writer = Writer::create(&path).unwrap();
    (0..300).for_each(|number| writer.add_images(&key(number), &crops(number)).unwrap());
    writer.finish().unwrap();
    assert!(sets(&path).len() <= 8);
    let archive = open(&path);
    assert!(archive.keys().eq((0..300).map(key)));
    for number in 0..300 {
        let images = archive.images(&key(number)).unwrap();
        assert_eq!(images.image_size(), Some(crops(number).dim()).map(|(_, height, width)| [height, width]));
        assert_eq!(archive.array::<bool>(&key(number)).unwrap(), crops(number).into_dyn());
    }
}

/// Splits an archive into so many shards, and merges these again.
fn split_and_merge(folder: &Folder, path: &Path, of: usize) -> std::path::PathBuf {
    let of = NonZero::new(of).unwrap();
    let options = WriteOptions::default();
    let shards: Vec<_> = (0..of.get()).map(|number| folder.path(&format!("{number}.npz"))).collect();
    for (number, shard) in shards.iter().enumerate() {
        Writer::split_part(shard, path, number, of, &options).unwrap().finish().unwrap();
        open(shard);
    }
    let merged = folder.path("merged.npz");
    Writer::merge(&merged, &shards, &options).unwrap().finish().unwrap();
    merged
}

#[test]
fn pieces_without_images_cost_little_and_keep_the_order() {
    let folder = Folder::new();
    let path = folder.path("a.npz");
    let counts = [100, 2, 100, 6, 20, 20, 20, 0, 300];
    let mut writer = Writer::create(&path).unwrap();
    for (number, &count) in counts.iter().enumerate() {
        writer.add_images(&key(number), &class(number, count)).unwrap();
    }
    writer.finish().unwrap();
    for of in [2, 3, 7, 32] {
        let merged = split_and_merge(&folder, &path, of);
        let archive = open(&merged);
        assert!(archive.keys().eq((0..counts.len()).map(key)), "{:?}", archive.keys().collect::<Vec<_>>());
        for (number, &count) in counts.iter().enumerate() {
            assert_eq!(archive.array::<bool>(&key(number)).unwrap(), class(number, count).into_dyn());
        }
        assert_eq!(sets(&merged).len(), 1);
        let [before, after] = [&path, &merged].map(|path| std::fs::metadata(path).unwrap().len());
        assert!(after < before + 1000, "{before} and {after} bytes");
    }
}

/// Sets of the same name get other names.
#[test]
fn archives_of_stacks_of_other_sizes_are_merged() {
    let folder = Folder::new();
    let paths: Vec<_> = (0..4).map(|number| folder.path(&format!("{number}.npz"))).collect();
    let of = |number: usize, class: usize| {
        Array3::from_shape_fn((90, 20 + number, 30), |(seed, row, column)| {
            image(23, 30, class * 31 + seed)[[row, column]]
        })
    };
    for (number, path) in paths.iter().enumerate() {
        let mut writer = Writer::create(path).unwrap();
        for class in 0..5 {
            writer.add_images(&format!("{number} {class}"), &of(number, class)).unwrap();
        }
        writer.finish().unwrap();
        assert_eq!(sets(path), ["stacks"]);
    }
    let merged = folder.path("merged.npz");
    Writer::merge(&merged, &paths, &WriteOptions::default()).unwrap().finish().unwrap();
    assert_eq!(sets(&merged).len(), 4);
    let archive = open(&merged);
    for (number, class) in (0..4).flat_map(|number| (0..5).map(move |class| (number, class))) {
        assert_eq!(
            archive.array::<bool>(&format!("{number} {class}")).unwrap(),
            of(number, class).into_dyn()
        );
    }
}

#[test]
fn labels_of_small_stacks_are_cut_with_them() {
    let folder = Folder::new();
    let path = folder.path("a.npz");
    let labels = ndarray::Array1::from_iter(0_i64..5);
    let mut writer = Writer::create(&path).unwrap();
    writer.add_images("big", &class(1, 600)).unwrap();
    writer.add_images("small", &class(2, 5).mapv(|pixel| u8::from(pixel) * 255)).unwrap();
    writer.add_images("smaller", &class(2, 3).mapv(|pixel| if pixel { 1.0_f32 } else { 0.0 })).unwrap();
    writer.add_array("labels", &labels).unwrap();
    writer.finish().unwrap();
    let archive = open(&split_and_merge(&folder, &path, 2));
    assert_eq!(archive.array::<i64>("labels").unwrap(), labels.into_dyn());
    assert_eq!(archive.array::<u8>("small").unwrap().shape(), [5, 20, 30]);
    assert_eq!(archive.array::<f32>("smaller").unwrap().shape(), [3, 20, 30]);
}

#[test]
fn what_is_left_of_a_set_can_be_extended() {
    let folder = Folder::new();
    let path = folder.path("a.npz");
    write(&path, 0..40, 20);
    let options = WriteOptions::default();
    let mut writer = Writer::without(&path, &options, |removed| removed == key(3)).unwrap();
    writer.extend(&key(7), &class(7, 5)).unwrap();
    // In another order than they were saved.
    for number in [30, 10, 20] {
        writer.extend(&key(number), &class(number, 5)).unwrap();
    }
    writer.finish().unwrap();
    let archive = open(&path);
    assert!(archive.keys().eq((0..40).filter(|number| *number != 3).map(key)));
    for number in (0..40).filter(|number| *number != 3) {
        let expected = if [7, 10, 20, 30].contains(&number) { 25 } else { 20 };
        assert_eq!(archive.images(&key(number)).unwrap().len(), expected);
    }
    assert_eq!(sets(&path), ["stacks"]);
}

/// An archive to which stacks are added one by one is hardly larger than one that is written at once.
#[test]
fn stacks_that_are_appended_one_by_one_share_a_set() {
    let folder = Folder::new();
    for (count, classes) in [(2, 60), (20, 60)] {
        let (path, at_once) = (folder.path("a.npz"), folder.path("b.npz"));
        write(&path, 0..1, count);
        for number in 1..classes {
            let mut writer = Writer::append(&path, &WriteOptions::default()).unwrap();
            if number % 3 == 0 {
                writer.extend(&key(number), &class(number, count)).unwrap();
            } else {
                writer.add_images(&key(number), &class(number, count)).unwrap();
            }
            writer.finish().unwrap();
        }
        write(&at_once, 0..classes, count);
        let archive = open(&path);
        assert!(archive.keys().eq((0..classes).map(key)));
        for number in 0..classes {
            assert_eq!(archive.array::<bool>(&key(number)).unwrap(), class(number, count).into_dyn());
        }
        assert_eq!(sets(&path), ["stacks"]);
        let [one_by_one, at_once] = [&path, &at_once].map(|path| std::fs::metadata(path).unwrap().len());
        assert!(one_by_one < at_once + 500, "{one_by_one} and {at_once} bytes");
    }
}

/// Labels of a hundred thousand examples are no image that a codec takes, and deflate makes them small.
#[test]
fn arrays_with_very_long_sides_are_deflated() {
    let folder = Folder::new();
    let path = folder.path("a.npz");
    let labels = ndarray::Array2::from_shape_fn((100_000, 20), |(row, column)| row / 500 % 20 == column);
    let wide = ndarray::Array3::from_shape_fn((2, 3, 70_000), |(number, row, column)| {
        column / 90 % 7 == row + number
    });
    let mut writer = Writer::create(&path).unwrap();
    writer.add_images("labels", &labels).unwrap();
    writer.add_images("wide", &wide).unwrap();
    writer.add_images("glyphs", &class(1, 500)).unwrap();
    writer.finish().unwrap();
    assert!(std::fs::metadata(&path).unwrap().len() < 60_000);
    let archive = open(&path);
    assert_eq!(archive.array::<bool>("labels").unwrap(), labels.into_dyn());
    assert_eq!(archive.array::<bool>("wide").unwrap(), wide.into_dyn());
    assert_eq!(archive.images("wide").unwrap().shape(), [2, 3, 70_000]);
}

/// What a stack shared a set with does not decide which values it can have.
#[test]
fn a_blank_stack_takes_the_values_that_come() {
    let folder = Folder::new();
    let path = folder.path("a.npz");
    let bytes = |on: u8| class(1, 200).mapv(|pixel| u8::from(pixel) * on);
    let mut writer = Writer::create(&path).unwrap();
    writer.add_images("blank", &bytes(0)).unwrap();
    writer.add_images("other", &bytes(255)).unwrap();
    writer.finish().unwrap();
    let mut writer = Writer::append(&path, &WriteOptions::default()).unwrap();
    writer.extend("blank", &bytes(1)).unwrap();
    writer.finish().unwrap();
    let archive = open(&path);
    let expected = concatenate(Axis(0), &[bytes(0).view(), bytes(1).view()]).unwrap();
    assert_eq!(archive.array::<u8>("blank").unwrap(), expected.into_dyn());
    assert_eq!(archive.array::<u8>("other").unwrap(), bytes(255).into_dyn());
}

/// Stacks that are not touched are copied: their payloads stay as they are.
#[test]
fn appending_copies_stacks_that_share_a_set() {
    let folder = Folder::new();
    let path = folder.path("a.npz");
    // Smaller ones are encoded again.
    write(&path, 0..30, 500);
    let payload = |path: &Path| {
        let zip = bitnpz_npz::Archive::open(path).unwrap();
        zip.find(".bitnpz/stacks/payload-0").unwrap().read().unwrap()
    };
    let before = payload(&path);
    let mut writer = Writer::append(&path, &WriteOptions::default()).unwrap();
    (30..60).for_each(|number| writer.add_images(&key(number), &class(number, 20)).unwrap());
    writer.finish().unwrap();
    assert_eq!(payload(&path), before);
    let archive = open(&path);
    for number in 0..60 {
        let count = if number < 30 { 500 } else { 20 };
        assert_eq!(archive.array::<bool>(&key(number)).unwrap(), class(number, count).into_dyn());
    }
}

#[test]
fn a_damaged_image_is_blank_in_its_stack() {
    let folder = Folder::new();
    let (path, saved) = (folder.path("a.npz"), folder.path("b.npz"));
    write(&path, 0..30, 20);
    damage(&path);
    let problems = Archive::open(&path).unwrap().verify(|_| ()).unwrap().problems;
    assert!(problems.iter().any(|problem| problem.to_string().contains(" of class 028")), "{problems:?}");
    let outcome = salvage(&path, &saved, &Limits::default(), |_| ()).unwrap();
    assert!(!outcome.gone.is_empty() || !outcome.doubtful.is_empty());
    let archive = open(&saved);
    assert!(archive.keys().eq((0..30).map(key)));
    for number in 0..20 {
        assert_eq!(archive.array::<bool>(&key(number)).unwrap(), class(number, 20).into_dyn());
    }
    let blank = archive.array::<bool>(&key(28)).unwrap();
    assert_eq!(blank.shape(), [20, 20, 30]);
    assert!(
        blank.outer_iter().zip(class(28, 20).outer_iter()).any(|(found, saved)| found == saved.into_dyn())
    );
}

#[test]
fn stacks_in_column_order_come_back_so() {
    let folder = Folder::new();
    let path = folder.path("a.npz");
    let mut writer = Writer::create(&path).unwrap();
    let columns = |number: usize| {
        let mut array = ArrayD::from_elem(vec![50, 20, 30].f(), false);
        array.assign(&class(number, 50));
        array
    };
    for number in 0..9 {
        writer.add_images(&key(number), &columns(number)).unwrap();
        writer.add_images(&format!("rows {number}"), &class(number, 50)).unwrap();
    }
    writer.finish().unwrap();
    let archive = open(&path);
    for number in 0..9 {
        assert_eq!(archive.array::<bool>(&key(number)).unwrap(), columns(number));
    }
    Writer::without(&path, &WriteOptions::default(), |key| key == "rows 3").unwrap().finish().unwrap();
    assert_eq!(open(&path).array::<bool>(&key(8)).unwrap(), columns(8));
}

/// What is damaged does not get new checksums.
#[test]
fn damaged_stacks_are_not_encoded_again() {
    let folder = Folder::new();
    let path = folder.path("a.npz");
    write(&path, 0..30, 20);
    let bytes = damage(&path);
    let options = WriteOptions::default();
    let mut writer = Writer::append(&path, &options).unwrap();
    let error = writer.extend(&key(3), &class(3, 5)).unwrap_err().to_string();
    assert!(error.contains("payload-0"), "{error}");
    assert!(writer.finish().is_err());
    let mut writer = Writer::append(&path, &options).unwrap();
    writer.add_images("new", &class(31, 20)).unwrap();
    assert!(writer.finish().is_err());
    assert!(Writer::without(&path, &options, |removed| removed == key(1)).and_then(Writer::finish).is_err());
    assert!(Writer::split_part(folder.path("s.npz"), &path, 0, NonZero::new(2).unwrap(), &options).is_err());
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
}

/// What is removed need not be whole.
#[test]
fn damaged_stacks_are_removed() {
    let folder = Folder::new();
    let path = folder.path("a.npz");
    write(&path, 0..30, 20);
    damage(&path);
    let options = WriteOptions::default();
    let mut writer = Writer::append(&path, &options).unwrap();
    writer.add_array("labels", &ndarray::array![3]).unwrap();
    writer.finish().unwrap();
    Writer::without(&path, &options, |key| key.starts_with("class")).unwrap().finish().unwrap();
    assert_eq!(open(&path).keys().collect::<Vec<_>>(), ["labels"]);
}
