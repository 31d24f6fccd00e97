//! Whether images of image sets come back, by key, by index and by batch, and what happens to damaged ones.

use std::cell::{Cell, RefCell};
use std::path::{Path, PathBuf};

use bitnpz::{
    Access, Archive, Bitmap, Codec, Dtype, DynArray, Encoding, Header, OpenOptions, PixelValues,
    WriteOptions, Writer,
};
use bitnpz_oracle::Oracle;
use ndarray::{Array2, Array3, Array4, Axis, s};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

/// Blobs, bars and noise, of which many are the same.
fn image(height: usize, width: usize, seed: usize) -> Array2<bool> {
    let seed = seed % 60;
    Array2::from_shape_fn((height, width), |(row, column)| match seed % 3 {
        0 => {
            row.abs_diff(height / 2).pow(2) + column.abs_diff(width * (seed % 7) / 7).pow(2)
                < (seed + 9).pow(2) / 9
        }
        1 => (row * seed + column * 7) % (5 + seed % 11) < 2,
        _ => (row * 31 + column * 17 + seed * 13) % 101 * seed % 7 < 3,
    })
}

fn read_in_every_way(path: &Path) -> [Archive; 3] {
    [
        Archive::open(path).unwrap(),
        Archive::open_with(path, OpenOptions::default().with_access(Access::Positional)).unwrap(),
        Archive::from_bytes(std::fs::read(path).unwrap()).unwrap(),
    ]
}

/// What can be said of one image: its key, shape, dtype and the value of its set pixels.
type Saved = (String, [usize; 2], &'static str, u8);

fn saved() -> impl Strategy<Value = Vec<Saved>> {
    let key = prop_oneof![
        3 => (0_usize..3000).prop_map(|number| format!("ix-{number:06}")),
        1 => "[a-c/]{1,4}",
        1 => (0_usize..30).prop_map(|number| format!("page {number}.ink")),
    ];
    let size = prop_oneof![4 => Just([12, 12]), 1 => (0_usize..20, 0_usize..20).prop_map(|(h, w)| [h, w])];
    let dtype =
        prop_oneof![5 => Just("|b1"), 1 => Just("|u1"), 1 => Just(">f4"), 1 => Just("<i8"), 1 => Just("<f2")];
    let one = (key, size, dtype, prop_oneof![6 => Just(1_u8), 1 => 2_u8..20]);
    prop::collection::hash_map(any::<u8>(), one, 0..60).prop_map(|saved| {
        let mut saved: Vec<Saved> = saved.into_values().collect();
        saved.sort_by(|a, b| a.0.cmp(&b.0));
        saved.dedup_by(|a, b| a.0 == b.0);
        saved
    })
}

/// The array of an image, and its items.
fn array((_, [height, width], dtype, value): &Saved, seed: usize) -> DynArray {
    let dtype = Dtype::from_type_string(dtype).unwrap();
    let item: Vec<u8> = match dtype.type_string().as_str() {
        "|b1" => vec![1],
        "|u1" => vec![*value],
        ">f4" => f32::from(*value).to_be_bytes().to_vec(),
        "<i8" => (-i64::from(*value)).to_le_bytes().to_vec(),
        _ => half_bytes(*value),
    };
    let pixels = image(*height, *width, seed);
    let data =
        pixels.iter().flat_map(|&pixel| if pixel { item.clone() } else { vec![0; item.len()] }).collect();
    DynArray::new(Header::new(dtype, vec![*height, *width]), data).unwrap()
}

/// A small whole number as a float of 16 bits.
fn half_bytes(value: u8) -> Vec<u8> {
    let exponent = value.ilog2();
    let bits = u16::try_from((15 + exponent) << 10).unwrap() | ((u16::from(value) << 10 >> exponent) & 0x3FF);
    bits.to_le_bytes().to_vec()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn do_images_under_any_keys_come_back(mut saved in saved(), sorted in any::<bool>(), codec in 0_usize..5) {
        if !sorted {
            let middle = saved.len() / 2;
            saved.rotate_left(middle);
        }
        let folder = Folder::new();
        let path = folder.path("a.npz");
        let mut options = WriteOptions::default();
        options.codec = Codec::ALL.get(codec).copied();
        let mut writer = Writer::create_with(&path, &options).unwrap();
        let arrays: Vec<DynArray> = saved.iter().enumerate().map(|(seed, saved)| array(saved, seed)).collect();
        for (saved, array) in saved.iter().zip(&arrays) {
            writer.add_dyn_images(&saved.0, &array.view()).unwrap();
            prop_assert!(writer.add_dyn_images(&saved.0, &array.view()).is_err(), "the key is taken");
        }
        writer.add_array("labels", &ndarray::arr1(&[1_i32, 2, 3])).unwrap();
        let summary = writer.finish().unwrap();
        prop_assert_eq!(summary.keys, saved.len() + 1);
        for archive in read_in_every_way(&path) {
            prop_assert_eq!(archive.verify(|_| ()).unwrap().problems, []);
            prop_assert_eq!(archive.len(), saved.len() + 1);
            for (saved, array) in saved.iter().zip(&arrays) {
                prop_assert_eq!(&archive.dyn_array(&saved.0).unwrap(), array);
                let image = archive.image::<bool>(&saved.0).unwrap();
                prop_assert_eq!(image.shape(), array.shape());
            }
            let mut keys: Vec<String> = archive.keys().collect();
            keys.sort();
            let mut expected: Vec<String> = saved.iter().map(|saved| saved.0.clone()).collect();
            expected.push("labels".to_owned());
            expected.sort();
            prop_assert_eq!(keys, expected);
            prop_assert!(archive.entry("no such key").is_err());
        }
    }
}

/// The decoder in pure Python, on everything that an archive has.
#[test]
fn does_the_reference_decoder_agree() {
    let folder = Folder::new();
    let reference = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../reference");
    let python = RefCell::new(Oracle::start());
    let import = "
import sys
sys.path.insert(0, inputs[0].decode())
import bitnpz_reference
";
    python.borrow_mut().run(import, &[reference.to_str().unwrap().as_bytes()]);
    let images = Cell::new(0);
    let mut runner = TestRunner::new(ProptestConfig::with_cases(60));
    let strategy = (saved(), 0_usize..5, 1_usize..40, 0_usize..3);
    let result = runner.run(&strategy, |(saved, codec, side, copies)| {
        let [sets, plain] = ["sets.npz", "plain.npz"].map(|name| folder.path(name));
        let mut options = WriteOptions::default();
        options.codec = Codec::ALL.get(codec).copied();
        let mut writer = Writer::create_with(&sets, &options).unwrap();
        for (seed, saved) in saved.iter().enumerate() {
            writer.add_dyn_images(&saved.0, &array(saved, seed).view()).unwrap();
        }
        let mut large = Array3::from_elem((20 + 20 * copies, side, 100), 0_i16);
        for (seed, mut to) in large.outer_iter_mut().enumerate() {
            to.assign(&image(side, 100, seed % 25 * 7).mapv(|pixel| i16::from(pixel) * -3));
        }
        writer.add_images("the stack", &large).unwrap();
        writer.add_array("labels", &ndarray::arr1(&[1_i32, 2, 3])).unwrap();
        images.set(images.get() + writer.finish().unwrap().images);
        let mut writer =
            Writer::create_with(&plain, &WriteOptions::default().with_encoding(Encoding::Plain)).unwrap();
        writer.copy_from(&Archive::open(&sets).unwrap()).unwrap();
        writer.finish().unwrap();
        let code = "
import contextlib
a, b, said = None, np.load(inputs[1].decode()), io.StringIO()
with contextlib.redirect_stderr(said):
    a = bitnpz_reference.load(inputs[0].decode())
assert said.getvalue() == '', said.getvalue()
assert sorted(a) == sorted(b.files)
for key in b.files:
    assert a[key].dtype == b[key].dtype and np.array_equal(a[key], b[key]), key
";
        let paths = [&sets, &plain].map(|path| path.to_str().unwrap().as_bytes());
        python.borrow_mut().try_run(code, &paths).map(|_| ()).map_err(TestCaseError::fail)
    });
    result.unwrap();
    assert!(images.get() > 1000, "{} images", images.get());
}

fn stack(count: usize) -> Array3<bool> {
    let mut stack = Array3::from_elem((count, 20, 30), false);
    stack.outer_iter_mut().enumerate().for_each(|(seed, mut to)| to.assign(&image(20, 30, seed * seed)));
    stack
}

#[test]
fn does_a_stack_come_back_as_it_was_by_index_by_batch_and_whole() {
    let folder = Folder::new();
    let path = folder.path("a.npz");
    let stack = stack(600);
    for codec in [None, Some(Codec::Contour), Some(Codec::Pixel), Some(Codec::Zstd), Some(Codec::Raw)] {
        let mut options = WriteOptions::default();
        options.codec = codec;
        let mut writer = Writer::create_with(&path, &options).unwrap();
        let four: Array4<bool> = stack.to_shape((200, 3, 20, 30)).unwrap().to_owned();
        writer.add_images("a key/with parts", &four).unwrap();
        let floats = stack.mapv(|pixel| if pixel { 0.5_f32 } else { -1.0 });
        writer.add_images("floats", &floats).unwrap();
        let mut streamed = writer.stack("streamed", &Dtype::of::<u8>(), [20, 30]).unwrap();
        for image in stack.outer_iter() {
            streamed.push(&image.mapv(|pixel| u8::from(pixel) * 255)).unwrap();
        }
        streamed.finish().unwrap();
        assert_eq!(writer.finish().unwrap().images, 1800);
        for archive in read_in_every_way(&path) {
            assert_eq!(archive.verify(|_| ()).unwrap().problems, []);
            assert_eq!(archive.array::<bool>("a key/with parts").unwrap(), four.clone().into_dyn());
            assert_eq!(archive.array::<f32>("floats").unwrap(), floats.clone().into_dyn());
            assert_eq!(
                archive.array::<u8>("streamed").unwrap(),
                stack.mapv(|pixel| u8::from(pixel) * 255).into_dyn()
            );
            let entry = archive.entry("floats").unwrap();
            assert_eq!((entry.encoding(), entry.image_count()), (Encoding::Sets, Some(600)));
            assert!(codec.is_none_or(|codec| entry.codec() == Some(codec)));
            let set = archive.images("floats").unwrap();
            assert_eq!(set.shape(), [600, 20, 30]);
            assert_eq!(set.to_array::<f32>().unwrap(), floats.clone().into_dyn());
            let indices = [599, 0, 7, 7, 300];
            let mut batch = Array3::from_elem((5, 20, 30), 0_f64);
            set.read_batch_into(&indices, &mut batch).unwrap();
            for (&index, image) in indices.iter().zip(batch.outer_iter()) {
                assert_eq!(image, floats.slice(s![index, .., ..]).mapv(f64::from));
                assert_eq!(set.read::<bool>(index).unwrap(), stack.slice(s![index, .., ..]));
            }
            assert!(set.bitmap(600).is_err());
        }
    }
}

/// The archive that lies in `golden` for each codec: keys without a pattern, sizes that differ, images that repeat, a stack.
fn write_golden(path: &Path, options: &WriteOptions) {
    let mut writer = Writer::create_with(path, options).unwrap();
    for number in 0..70 {
        let key = format!("{}/{}", ["b", "a", "ü"][number % 3], number * 31 % 71);
        writer
            .add_image(&key, &image(9 + number % 4, 17, number % 20).mapv(|pixel| u8::from(pixel) * 255))
            .unwrap();
    }
    writer.add_images("stack", &stack(80).mapv(|pixel| if pixel { 1.5_f32 } else { -1.0 })).unwrap();
    writer.add_array("labels", &ndarray::arr1(&[1_i64, 2, 3])).unwrap();
    writer.finish().unwrap();
}

/// Archives that were written before are read for good. Those that are not there are made by
/// `GOLDEN=1 cargo test -p bitnpz for_good`, once for each version of the format.
#[test]
fn are_archives_of_this_version_read_for_good() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let folder = Folder::new();
    let sets = [1, 2].into_iter().flat_map(|version| {
        let coded =
            move |codec| (format!("sets-{version}-{codec}"), WriteOptions::default().with_codec(codec));
        Codec::ALL.map(coded)
    });
    let members = [("packed-1", Encoding::Packed), ("plain", Encoding::Plain)]
        .map(|(name, encoding)| (name.to_owned(), WriteOptions::default().with_encoding(encoding)));
    for (name, options) in sets.chain(members) {
        let old = golden.join(format!("{name}.npz"));
        if std::env::var_os("GOLDEN").is_some() && !old.exists() {
            write_golden(&old, &options);
        }
        let new = folder.path("a.npz");
        write_golden(&new, &options);
        let [old, new] = [old, new].map(|path| Archive::open(path).unwrap());
        assert_eq!(old.verify(|_| ()).unwrap().problems, []);
        assert_eq!(old.len(), 72);
        for key in new.keys() {
            assert_eq!(old.dyn_array(&key).unwrap(), new.dyn_array(&key).unwrap(), "{name} {key}");
        }
    }
}

#[test]
fn are_images_added_to_what_is_there() {
    let folder = Folder::new();
    let path = folder.path("a.npz");
    for first in Encoding::ALL {
        for second in Encoding::ALL {
            let mut writer =
                Writer::create_with(&path, &WriteOptions::default().with_encoding(first)).unwrap();
            (0..40).for_each(|i| writer.add_image(&format!("ix-{i:06}"), &image(20, 30, i)).unwrap());
            writer.add_images("stack", &stack(90)).unwrap();
            writer.add_array("labels", &ndarray::arr1(&[1.5, 2.5])).unwrap();
            writer.finish().unwrap();
            let before = Archive::open(&path).unwrap();
            let expected: Vec<(String, DynArray)> =
                before.keys().map(|key| (key.clone(), before.dyn_array(&key).unwrap())).collect();

            let options = WriteOptions::default().with_encoding(second);
            let mut writer = Writer::append(&path, &options).unwrap();
            for key in ["ix-000003", "stack", "labels"] {
                assert!(writer.add_image(key, &image(5, 5, 1)).is_err(), "{key} is taken");
            }
            drop(writer);
            let mut writer = Writer::append(&path, &options).unwrap();
            (40..90)
                .for_each(|i| writer.add_image(&format!("ix-{i:06}"), &image(20 + i % 2, 30, i)).unwrap());
            writer.add_images("more", &stack(70)).unwrap();
            let summary = writer.finish().unwrap();
            assert_eq!((summary.keys, summary.images), (93, 250), "{first} {second}");
            for archive in read_in_every_way(&path) {
                assert_eq!(archive.verify(|_| ()).unwrap().problems, []);
                assert_eq!(archive.len(), 93);
                expected.iter().for_each(|(key, array)| assert_eq!(&archive.dyn_array(key).unwrap(), array));
                (40..90).for_each(|i| {
                    assert_eq!(
                        archive.image::<bool>(&format!("ix-{i:06}")).unwrap(),
                        image(20 + i % 2, 30, i)
                    );
                });
                assert_eq!(archive.array::<bool>("more").unwrap(), stack(70).into_dyn());
            }
        }
    }
}

#[test]
fn does_a_small_set_use_the_model_that_ships() {
    let folder = Folder::new();
    let path = folder.path("a.npz");
    let mut writer = Writer::create(&path).unwrap();
    for number in 0..30 {
        writer.add_image(&format!("{number}"), &image(64, 64, number * 3)).unwrap();
    }
    writer.finish().unwrap();
    let zip = bitnpz_npz::Archive::open(&path).unwrap();
    assert!(zip.find(".bitnpz/images/set.json").is_some() && zip.find(".bitnpz/images/model.npy").is_none());
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let bytes = ["crates/bitmap/models", "reference"]
        .map(|folder| std::fs::read(root.join(folder).join("contour-1.bin")));
    let [shipped, reference] = bytes.map(Result::unwrap);
    assert!(shipped == reference, "both decoders have the same model");
}

#[test]
fn are_images_that_are_the_same_stored_once() {
    let folder = Folder::new();
    let write = |name: &str, count: usize, distinct: usize| {
        let path = folder.path(name);
        let mut writer = Writer::create(&path).unwrap();
        for number in 0..count {
            let noise = Array2::from_shape_fn((40, 40), |(row, column)| {
                let place = row * 40 + column + 1 + (number % distinct) * 1600;
                (place as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 60 < 7
            });
            writer.add_image(&format!("{number}"), &noise).unwrap();
        }
        writer.finish().unwrap();
        assert_eq!(Archive::open(&path).unwrap().verify(|_| ()).unwrap().problems, []);
        std::fs::metadata(&path).unwrap().len()
    };
    let (once, often) = (write("once.npz", 50, 50), write("often.npz", 2000, 50));
    assert!(often < once + 2000 * 3, "{once} bytes for 50 images, {often} for 40 copies of each");
}

#[test]
fn do_the_bytes_not_depend_on_the_number_of_threads() {
    let folder = Folder::new();
    let write = |threads: usize| {
        let path = folder.path("a.npz");
        let options = WriteOptions::default().with_threads(threads.try_into().unwrap());
        let mut writer = Writer::create_with(&path, &options).unwrap();
        writer.add_images("x", &stack(500)).unwrap();
        writer.finish().unwrap();
        std::fs::read(&path).unwrap()
    };
    let one = write(1);
    assert!(one == write(2) && one == write(5));
}

#[test]
fn does_verify_list_the_damaged_images_and_all_else_can_be_read() {
    let folder = Folder::new();
    let path = folder.path("a.npz");
    let stack = stack(60);
    let mut writer = Writer::create(&path).unwrap();
    for (number, image) in stack.outer_iter().enumerate() {
        writer
            .add_bitmap(
                &format!("ix-{number:03}"),
                Bitmap::pack_with(&image, PixelValues::default()).unwrap().view(),
            )
            .unwrap();
    }
    writer.finish().unwrap();
    let bytes = std::fs::read(&path).unwrap();
    let at = |name: &[u8]| bytes.windows(name.len()).position(|window| window == name).unwrap();
    let (start, end) = (at(b".bitnpz/images/payload-0.npy") + 192, at(b".bitnpz/images/index-0.npy") - 30);
    let mut found = 0;
    for place in start..end {
        let mut damaged = bytes.clone();
        damaged[place] ^= 0x55;
        let archive = Archive::from_bytes(damaged).unwrap();
        let wrong: Vec<usize> = (0..60)
            .filter(|number| {
                let image = archive.image::<bool>(&format!("ix-{number:03}"));
                image.ok().is_none_or(|image| image != stack.slice(s![*number, .., ..]))
            })
            .collect();
        let problems = archive.verify(|_| ()).unwrap().problems;
        let mut listed: Vec<usize> = problems.iter().filter_map(|problem| problem.image).collect();
        listed.sort_unstable();
        assert_eq!(listed, wrong, "byte {place}");
        found += wrong.len();
    }
    assert!(found > (end - start) / 2, "nearly every byte belongs to an image");
}

#[test]
fn is_a_stack_that_was_given_up_no_archive() {
    let folder = Folder::new();
    let path = folder.path("a.npz");
    let mut writer = Writer::create(&path).unwrap();
    drop(writer.stack("x", &Dtype::of::<bool>(), [3, 3]).unwrap());
    assert!(writer.finish().is_err());
    assert!(!path.exists());
}

#[test]
fn do_archives_convert_in_every_direction() {
    let folder = Folder::new();
    let first = folder.path("first.npz");
    let mut writer = Writer::create(&first).unwrap();
    for number in 0..50 {
        writer.add_image(&format!("k{number}"), &image(10 + number % 3, 30, number)).unwrap();
    }
    writer.add_images("stack", &stack(600).mapv(|pixel| u16::from(pixel) * 7)).unwrap();
    writer.add_array("labels", &ndarray::arr1(&[1.5, 2.5])).unwrap();
    writer.finish().unwrap();
    for from in Encoding::ALL {
        for to in Encoding::ALL {
            let [a, b] = ["a.npz", "b.npz"].map(|name| folder.path(name));
            for (source, target, encoding) in [(&first, &a, from), (&a, &b, to)] {
                let mut writer =
                    Writer::create_with(target, &WriteOptions::default().with_encoding(encoding)).unwrap();
                writer.copy_from(&Archive::open(source).unwrap()).unwrap();
                assert_eq!(writer.finish().unwrap().keys, 52);
            }
            let [first, last] = [&first, &b].map(|path| Archive::open(path).unwrap());
            assert_eq!(last.entry("stack").unwrap().encoding(), to);
            for key in first.keys() {
                assert_eq!(
                    first.dyn_array(&key).unwrap(),
                    last.dyn_array(&key).unwrap(),
                    "{from} {to} {key}"
                );
            }
        }
    }
}

/// Letters in fonts: a few strokes, drawn with another pen and slant by each font.
fn letters(letters: usize, fonts: usize) -> Vec<Array2<bool>> {
    let mut state = 1_u64;
    let mut random = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1 << 24) as f32
    };
    let strokes: Vec<[[f32; 4]; 3]> =
        (0..letters).map(|_| [(); 3].map(|()| [(); 4].map(|()| random()))).collect();
    let pens: Vec<[f32; 4]> = (0..fonts).map(|_| [(); 4].map(|()| random())).collect();
    let draw = |strokes: &[[f32; 4]; 3], pen: &[f32; 4]| {
        let size = 14.0 + 8.0 * pen[0];
        Array2::from_shape_fn((24, 24), |(row, column)| {
            let y = (row as f32 - 12.0) / size + 0.5;
            let x = (column as f32 - 12.0) / size + 0.5 + (pen[1] - 0.5) * y;
            strokes.iter().any(|&[x0, y0, x1, y1]| {
                let (along, down) = (x1 - x0, y1 - y0);
                let t = ((x - x0) * along + (y - y0) * down) / (along * along + down * down);
                let t = t.clamp(0.0, 1.0);
                (x - x0 - t * along).hypot(y - y0 - t * down) < 0.04 + 0.08 * pen[2]
            })
        })
    };
    pens.iter().flat_map(|pen| strokes.iter().map(move |strokes| draw(strokes, pen))).collect()
}

#[test]
fn does_the_size_of_a_set_hardly_depend_on_its_order() {
    let (kinds, fonts) = (26, 242);
    let images = letters(kinds, fonts);
    let by_letter = (0..images.len()).map(|i| i / fonts + i % fonts * kinds).collect();
    let by_font = (0..images.len()).collect();
    let order = bitnpz::Shuffle::new(images.len(), 1);
    let shuffled = (0..images.len()).map(|place| order.get(place)).collect();
    let folder = Folder::new();
    let size = |order: Vec<usize>| {
        let path = folder.path("letters.npz");
        let mut writer = Writer::create(&path).unwrap();
        for i in order {
            writer.extend("letters", &images[i].view().insert_axis(Axis(0))).unwrap();
        }
        writer.finish().unwrap();
        let archive = Archive::open(&path).unwrap();
        assert_eq!(archive.images("letters").unwrap().codec(), Some(Codec::Contour));
        archive.size() as f64
    };
    let sizes: [f64; 3] = [by_font, by_letter, shuffled].map(size);
    let [least, most] = [f64::min, f64::max].map(|pick| sizes.into_iter().reduce(pick).unwrap());
    assert!(most < 1.03 * least, "{sizes:?}");
}
