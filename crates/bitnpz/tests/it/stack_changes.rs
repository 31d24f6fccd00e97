//! Archives of many stacks that are changed again and again.

use std::num::NonZero;
use std::path::Path;

use bitnpz::{DynArray, ImageAxes, WriteOptions, Writer};
use ndarray::{Array3, ArrayD, Axis, concatenate};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::shared_sets::{open, sets};
use crate::support::{Folder, image};

/// What a change of an archive does.
#[derive(Clone, Debug)]
enum Change {
    /// Adds stacks of so many images of these kinds, whole or in two batches.
    Append(Vec<(usize, usize, bool)>),
    /// Adds images to these stacks.
    Extend(Vec<usize>),
    Remove(Vec<usize>),
    /// Splits it into so many, and merges these again.
    Split(usize),
    /// Merges it with an archive of stacks of these kinds under the next keys, and with one that has these keys too.
    Merge(Vec<usize>, Vec<usize>),
    /// Continues a writer that keeps it.
    Resume(Vec<usize>),
}

fn change() -> impl Strategy<Value = Change> {
    let numbers = || prop::collection::vec(0_usize..40, 0..5);
    prop_oneof![
        3 => prop::collection::vec((0..KINDS, 0_usize..150, any::<bool>()), 1..12).prop_map(Change::Append),
        2 => numbers().prop_map(Change::Extend),
        1 => numbers().prop_map(Change::Remove),
        1 => (1_usize..4).prop_map(Change::Split),
        1 => (numbers(), numbers()).prop_map(|(new, same)| Change::Merge(new, same)),
        1 => numbers().prop_map(Change::Resume),
    ]
}

/// What the archive has: keys in the order of saving, each with the kind of its images and their array.
#[derive(Default)]
struct Expected {
    next: usize,
    arrays: Vec<(String, usize, ArrayD<u8>)>,
}

/// The kinds of images: of more sizes than there are sets, and as matrices or flat.
const KINDS: usize = 2 * SIZES;
const SIZES: usize = 11;

fn size(kind: usize) -> (usize, usize) {
    (9 + kind % SIZES * 3, 17 + kind % SIZES % 4)
}

fn images(kind: usize, count: usize, seed: usize) -> ArrayD<u8> {
    let (height, width) = size(kind);
    let mut all = Array3::zeros((count, height, width));
    let each = all.outer_iter_mut().enumerate();
    each.for_each(|(number, mut to)| {
        to.assign(&image(height, width, seed * 7 + number).mapv(|pixel| u8::from(pixel) * 255));
    });
    let all = all.into_dyn();
    if kind < SIZES { all } else { all.into_shape_with_order(vec![count, height * width]).unwrap() }
}

fn axes(kind: usize) -> ImageAxes {
    let (height, width) = size(kind);
    if kind < SIZES { ImageAxes::Inferred } else { format!("{height}x{width}").parse().unwrap() }
}

impl Expected {
    fn add(&mut self, writer: &mut Writer, kind: usize, count: usize, in_batches: bool) {
        let (key, mut all) = (format!("k{}", self.next), images(kind, count, self.next));
        self.next += 1;
        // One in five is an image with a key of its own.
        if count % 5 == 1 && kind < SIZES {
            all.index_axis_inplace(Axis(0), 0);
            all = all.as_standard_layout().into_owned();
            writer.add_dyn_images(&key, &DynArray::from_ndarray(&all).view()).unwrap();
            self.arrays.push((key, kind, all));
            return;
        }
        let dynamic = DynArray::from_ndarray(&all);
        if in_batches {
            let (one, two) = all.view().split_at(Axis(0), count / 2);
            for part in [one, two] {
                let part = ArrayD::from_shape_vec(part.shape(), part.iter().copied().collect()).unwrap();
                let part = DynArray::from_ndarray(&part);
                writer.extend_dyn_of(&key, &part.view(), axes(kind)).unwrap();
            }
        } else {
            writer.add_dyn_images_of(&key, &dynamic.view(), axes(kind)).unwrap();
        }
        self.arrays.push((key, kind, all));
    }

    /// Adds images to the array with this number, if there is one and it has no flat images.
    fn extend(&mut self, writer: &mut Writer, number: usize) {
        // Flat images in an ordinary array are no images to those who read it.
        let can_grow = |(_, kind, all): &&mut (String, usize, ArrayD<u8>)| *kind < SIZES && all.ndim() > 2;
        let Some((key, kind, all)) = self.arrays.get_mut(number).filter(can_grow) else { return };
        let more = images(*kind, 5, number + 1000);
        writer.extend_dyn_of(key, &DynArray::from_ndarray(&more).view(), axes(*kind)).unwrap();
        *all = concatenate(Axis(0), &[all.view(), more.view()]).unwrap();
    }

    fn check(&self, path: &Path) {
        let archive = open(path);
        let keys: Vec<String> = archive.keys().collect();
        assert!(keys.iter().eq(self.arrays.iter().map(|(key, ..)| key)), "{keys:?}");
        for (key, _, all) in &self.arrays {
            let found = archive.array::<u8>(key).unwrap();
            assert!(found == *all, "{key}: {:?} instead of {:?}", found.shape(), all.shape());
        }
    }

    fn apply(&mut self, change: &Change, folder: &Folder, path: &Path) {
        let options = WriteOptions::default();
        match change {
            Change::Append(stacks) => {
                let mut writer = Writer::append(path, &options).unwrap();
                for &(kind, count, in_batches) in stacks {
                    self.add(&mut writer, kind, count, in_batches);
                }
                writer.finish().unwrap();
            }
            Change::Extend(numbers) => {
                let mut writer = Writer::append(path, &options).unwrap();
                numbers.iter().for_each(|&number| self.extend(&mut writer, number));
                writer.finish().unwrap();
            }
            Change::Remove(numbers) => {
                let keys: Vec<String> =
                    numbers.iter().filter_map(|&number| Some(self.arrays.get(number)?.0.clone())).collect();
                let is_removed = |key: &str| keys.iter().any(|removed| removed == key);
                Writer::without(path, &options, is_removed).unwrap().finish().unwrap();
                self.arrays.retain(|(key, ..)| !is_removed(key));
            }
            Change::Split(of) => {
                // Flat images in an ordinary array, as above.
                let archive = open(path);
                let is_flat = |(key, kind, _): &(String, usize, ArrayD<u8>)| {
                    *kind >= SIZES && archive.images(key).unwrap().shape().len() < 3
                };
                if sets(path).is_empty() || self.arrays.iter().any(is_flat) {
                    return;
                }
                let of = NonZero::new(*of).unwrap();
                let shards: Vec<_> =
                    (0..of.get()).map(|number| folder.path(&format!("{number}.npz"))).collect();
                for (number, shard) in shards.iter().enumerate() {
                    Writer::split_part(shard, path, number, of, &options).unwrap().finish().unwrap();
                    open(shard);
                }
                Writer::merge(path, &shards, &options).unwrap().finish().unwrap();
            }
            Change::Merge(new, same) => {
                let [one, two] = ["one.npz", "two.npz"].map(|name| folder.path(name));
                let mut writer = Writer::create(&one).unwrap();
                new.iter()
                    .for_each(|&number| self.add(&mut writer, number * 7 % KINDS, number, number % 2 == 0));
                writer.finish().unwrap();
                let mut writer = Writer::create(&two).unwrap();
                let mut numbers = same.clone();
                numbers.sort_unstable();
                numbers.dedup();
                numbers.into_iter().for_each(|number| self.extend(&mut writer, number));
                writer.finish().unwrap();
                let from = [path.to_owned(), one, two];
                Writer::merge(folder.path("merged.npz"), &from, &options).unwrap().finish().unwrap();
                std::fs::rename(folder.path("merged.npz"), path).unwrap();
            }
            Change::Resume(numbers) => {
                let mut writer = Writer::resume(path, &options, None).unwrap();
                for &number in numbers {
                    self.extend(&mut writer, number);
                    self.add(&mut writer, number * 7 % KINDS, number, number % 2 == 1);
                    writer.keep().unwrap();
                }
                writer.finish().unwrap();
            }
        }
    }
}

/// Whatever is done to an archive, it has the arrays that were added, in their order.
#[test]
fn survives_every_change() {
    let changes = (
        prop::collection::vec((0..KINDS, 0_usize..150, any::<bool>()), 1..12),
        prop::collection::vec(change(), 1..5),
    );
    let mut runner = TestRunner::new(ProptestConfig { cases: 40, ..ProptestConfig::default() });
    runner
        .run(&changes, |(stacks, changes)| {
            let folder = Folder::new();
            let path = folder.path("a.npz");
            let mut expected = Expected::default();
            let mut writer = Writer::create(&path).unwrap();
            for (kind, count, in_batches) in stacks {
                expected.add(&mut writer, kind, count, in_batches);
            }
            writer.finish().unwrap();
            expected.check(&path);
            for change in &changes {
                expected.apply(change, &folder, &path);
                expected.check(&path);
            }
            Ok(())
        })
        .unwrap();
}
