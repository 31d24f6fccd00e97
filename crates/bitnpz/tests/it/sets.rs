//! Image sets: reading by key, by index and by batch, appending, converting, and damage.

use std::cell::{Cell, RefCell};
use std::path::Path;

use bitnpz::{
    Access, Archive, Bitmap, Codec, Dtype, DynArray, Effort, Encoding, Header, OpenOptions, PixelValues,
    WriteOptions, Writer,
};
use ndarray::{Array2, Array3, Array4, s};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::support::{Folder, create, image, in_members, members, reference_decoder, stack};

fn read_in_every_way(path: &Path) -> [Archive; 3] {
    [
        Archive::open(path).unwrap(),
        Archive::open_with(path, &OpenOptions::default().with_access(Access::Positional)).unwrap(),
        Archive::from_bytes(std::fs::read(path).unwrap()).unwrap(),
    ]
}

/// The key, size, dtype and foreground value of an image.
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

/// Returns the array of an image.
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

/// Returns the bytes of a small integer as a 16-bit float.
fn half_bytes(value: u8) -> Vec<u8> {
    let exponent = value.ilog2();
    let bits = u16::try_from((15 + exponent) << 10).unwrap() | ((u16::from(value) << 10 >> exponent) & 0x3FF);
    bits.to_le_bytes().to_vec()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn round_trips_images_under_any_keys(
        mut saved in saved(), sorted in any::<bool>(), codec in 0_usize..5, effort in 0_usize..3
    ) {
        if !sorted {
            let middle = saved.len() / 2;
            saved.rotate_left(middle);
        }
        let folder = Folder::new();
        let path = folder.path("a.npz");
        let mut options = WriteOptions::default();
        options.codec = Codec::ALL.get(codec).copied();
        options.effort = Effort::ALL[effort];
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

#[test]
fn reference_decoder_agrees() {
    let folder = Folder::new();
    let python = RefCell::new(reference_decoder());
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
        let mut writer = create(&plain, Encoding::Plain);
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

/// Stripes, each image's of an angle and a width of its own: the shares of their model adapt.
#[test]
fn reference_decoder_agrees_on_shares_that_adapt() {
    let folder = Folder::new();
    let path = folder.path("stripes.npz");
    let stripes = Array3::from_shape_fn((90, 50, 41), |(image, row, column)| {
        let (angle, period) = (image as f64 * 0.61, 5.0 + (image % 7) as f64);
        (column as f64 * angle.cos() + row as f64 * angle.sin() + 200.0) % period < period / 2.0
    });
    let mut writer = Writer::create(&path).unwrap();
    writer.add_images("stripes", &stripes).unwrap();
    writer.finish().unwrap();
    let members = in_members(members(&std::fs::read(&path).unwrap()));
    let (_, model) = members.iter().find(|(name, _)| name.contains("models/pixel")).unwrap();
    let (trust, fixed) = model.split_last().unwrap();
    assert!(*trust > 0 && bitnpz_bitmap::codec::Model::from_bytes(Codec::Pixel, fixed).is_ok());
    let bytes: Vec<u8> = stripes.iter().map(|&pixel| pixel.into()).collect();
    let code = "
stripes = bitnpz_reference.load(inputs[0].decode())['stripes']
assert stripes.dtype == bool and stripes.shape == (90, 50, 41) and stripes.tobytes() == inputs[1]
";
    reference_decoder().run(code, &[path.to_str().unwrap().as_bytes(), &bytes]);
}

#[test]
fn round_trips_stacks_by_index_batch_and_whole() {
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

#[test]
fn appends_images() {
    let folder = Folder::new();
    let path = folder.path("a.npz");
    for first in Encoding::ALL {
        for second in Encoding::ALL {
            let mut writer = create(&path, first);
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
fn verify_lists_exactly_the_damaged_images() {
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
    let (start, end) = (at(b".bitnpz/images/payload-0"), at(b".bitnpz/images/set.json") - 30);
    // The checksum is between the payloads and the next local header; at most 3 bytes for two images are before them.
    let (start, end) = (start + 24 + 60 / 2 * 3, end - 8);
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
    assert!(
        end > start && found > (end - start) / 2,
        "nearly every byte of {start}..{end} belongs to an image"
    );
}

#[test]
fn converts_between_all_encodings() {
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
                let mut writer = create(target, encoding);
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

#[test]
fn an_output_that_takes_bytes_gets_the_same_archive() {
    let folder = Folder::new();
    for encoding in [Encoding::Sets, Encoding::Packed, Encoding::Plain] {
        let (sender, parts) = std::sync::mpsc::channel();
        let options = WriteOptions::default().with_encoding(encoding);
        let outputs = Writer::into_output(Sending(sender), &options);
        let files = Writer::create_with(folder.path("a.npz"), &options).unwrap();
        for mut writer in [outputs, files] {
            writer.add_images("glyphs", &stack(3000)).unwrap();
            writer.add_image("one", &image(30, 40, 3)).unwrap();
            writer.add_array("labels", &ndarray::Array1::from_iter(0..400_000_i64)).unwrap();
            writer.finish().unwrap();
        }
        let sent: Vec<u8> = parts.iter().flatten().collect();
        let [sent, file] =
            [Archive::from_bytes(sent), Archive::open(folder.path("a.npz"))].map(Result::unwrap);
        assert!(sent.keys().eq(file.keys()));
        assert_eq!(sent.verify(|_| ()).unwrap().problems, []);
        assert!(sent.array::<bool>("glyphs").unwrap() == stack(3000).into_dyn(), "{encoding:?}");
        assert_eq!(sent.array::<i64>("labels").unwrap(), file.array::<i64>("labels").unwrap());
    }
    let mut writer = Writer::into_output(Sending(std::sync::mpsc::channel().0), &WriteOptions::default());
    writer.add_images("glyphs", &stack(3000)).unwrap();
    assert!(writer.finish().unwrap_err().to_string().contains("closed"));
}

/// An output that only takes bytes.
struct Sending(std::sync::mpsc::Sender<Vec<u8>>);

impl std::io::Write for Sending {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.send(bytes.to_vec()).map_err(|error| std::io::Error::other(error.to_string()))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// An image of a rectangle: many seeds give the same.
fn page(seed: usize) -> Array2<u8> {
    let mut page = Array2::zeros((1024, 1024));
    let [top, left] = [seed * 37 % 500, seed * 91 % 500];
    page.slice_mut(s![top..top + seed % 7 * 50 + 1, left..left + 300]).fill(255);
    page
}

/// Returns the numbers of images of the segments of the only set of an archive, after the archive is verified.
fn segments(path: &Path) -> Vec<usize> {
    let report = Archive::open(path).unwrap().verify(|_| ()).unwrap();
    assert_eq!(report.problems.len(), 0, "{:?}", report.problems);
    let zip = bitnpz_npz::Archive::open(path).unwrap();
    let set = zip.members().find(|member| member.name().ends_with("/set.json")).unwrap();
    let set: serde_json::Value = serde_json::from_slice(&set.read().unwrap()).unwrap();
    let images = |segment: &serde_json::Value| segment["images"].as_u64().unwrap().try_into().unwrap();
    set["segments"].as_array().unwrap().iter().map(images).collect()
}

#[test]
fn images_that_are_encoded_one_after_the_other_share_a_segment() {
    // Those of 32 MiB of packed rows are encoded together: 256 of these.
    let folder = Folder::new();
    let (numbered, named) = (folder.path("numbered.npz"), folder.path("named.npz"));
    let mut writers = [&numbered, &named].map(|path| create(path, Encoding::Sets));
    for number in 0..700 {
        writers[0].add_image(&format!("page-{number}"), &page(number)).unwrap();
        writers[1].add_image(&format!("{:x}", number * 7919 % 1009), &page(number)).unwrap();
    }
    for writer in writers {
        writer.finish().unwrap();
    }
    assert_eq!(segments(&numbered), [700]);
    // A key table is made of all keys of a segment at once, while the next images are collected.
    assert_eq!(segments(&named), [256, 256, 188]);
    for archive in read_in_every_way(&numbered) {
        for number in (0..700).step_by(13).chain([255, 256, 511, 512, 699]) {
            assert_eq!(archive.image::<u8>(&format!("page-{number}")).unwrap(), page(number), "{number}");
        }
    }

    // Other images have another model, and a segment of their own.
    let mixed = folder.path("mixed.npz");
    let mut writer = create(&mixed, Encoding::Sets);
    let mut random = 1_u64;
    let mut noise = || {
        Array2::from_shape_simple_fn((1024, 1024), || {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (random >> 63) as u8 * 255
        })
    };
    for number in 0..1024 {
        let image = if number / 256 == 2 { noise() } else { page(number) };
        writer.add_image(&format!("page-{number}"), &image).unwrap();
    }
    writer.finish().unwrap();
    assert_eq!(segments(&mixed), [512, 256, 256]);
    assert_eq!(Archive::open(&mixed).unwrap().image::<u8>("page-1000").unwrap(), page(1000));
}
