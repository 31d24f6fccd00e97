//! Merging archives.

use std::path::PathBuf;

use bitnpz::{Archive, Encoding, ErrorKind, WriteOptions, Writer};
use ndarray::{Array1, Array3, Axis, array, concatenate, s};

use crate::support::{Folder, create, image, stack};

/// Writes an archive of each of these, and merges them.
fn merged(
    folder: &Folder,
    options: &WriteOptions,
    fills: &[&dyn Fn(&mut Writer)],
) -> bitnpz::Result<Archive> {
    let paths: Vec<PathBuf> = (0..fills.len()).map(|number| folder.path(&format!("{number}.npz"))).collect();
    for (path, fill) in paths.iter().zip(fills) {
        let mut writer = Writer::create_with(path, options).unwrap();
        fill(&mut writer);
        writer.finish().unwrap();
    }
    let path = folder.path("merged.npz");
    Writer::merge(&path, &paths, &WriteOptions::default())?.finish()?;
    let archive = Archive::open(&path)?;
    assert_eq!(archive.verify(|_| ())?.problems, []);
    Ok(archive)
}

#[test]
fn joins_stacks_images_and_labels() {
    let folder = Folder::new();
    let all = stack(1500).mapv(|pixel| u8::from(pixel) * 255);
    let labels = Array1::from_iter(0..1500_i32);
    // The last part is too small for a set.
    let bounds = [0, 700, 1495, 1500];
    let fill = |part: usize| {
        let (all, labels) = (&all, &labels);
        move |writer: &mut Writer| {
            let part = bounds[part]..bounds[part + 1];
            for number in part.clone().take(20) {
                writer.add_image(&format!("ix-{number}"), &image(9, 17, number % 6)).unwrap();
            }
            writer.add_images("stack", &all.slice(s![part.clone(), .., ..]).to_owned()).unwrap();
            writer.add_array("labels", &labels.slice(s![part]).to_owned()).unwrap();
            writer.add_array("names", &array![1.5, 2.5]).unwrap();
        }
    };
    let archive = merged(&folder, &WriteOptions::default(), &[&fill(0), &fill(1), &fill(2)]).unwrap();
    assert!(archive.array::<u8>("stack").unwrap() == all.clone().into_dyn());
    assert_eq!(archive.array::<i32>("labels").unwrap(), labels.into_dyn());
    assert_eq!(archive.array::<f64>("names").unwrap(), array![1.5, 2.5].into_dyn());
    for number in (0..20).chain(700..720).chain(1495..1500) {
        assert_eq!(archive.image::<bool>(&format!("ix-{number}")).unwrap(), image(9, 17, number % 6));
    }
    let keys: Vec<String> = archive.keys().collect();
    assert_eq!(keys.len(), 20 + 20 + 5 + 3);
    assert_eq!(keys[0], "ix-0");
    let images = archive.images("stack").unwrap();
    let mut batch = Array3::from_elem((60, 20, 30), 0_u8);
    let indices: Vec<usize> = (0..60).map(|number| number * 997 % 1500).collect();
    images.read_batch_into(&indices, &mut batch).unwrap();
    assert_eq!(batch, all.select(Axis(0), &indices));
    // What was merged can be appended to.
    let path = folder.path("merged.npz");
    let mut writer = Writer::append(&path, &WriteOptions::default()).unwrap();
    writer.extend("stack", &all.slice(s![..3, .., ..]).to_owned()).unwrap();
    writer.finish().unwrap();
    let longer = Archive::open(&path).unwrap().array::<u8>("stack").unwrap();
    assert!(longer == concatenate![Axis(0), all, all.slice(s![..3, .., ..])].into_dyn());
}

#[test]
fn a_stack_may_have_the_name_of_a_folder_of_ours() {
    let folder = Folder::new();
    let all = stack(3000);
    let fill = |writer: &mut Writer| writer.add_images("models", &all).map(drop).unwrap();
    let archive = merged(&folder, &WriteOptions::default(), &[&fill, &fill]).unwrap();
    assert_eq!(archive.images("models").unwrap().len(), 6000);
    let zip = bitnpz_npz::Archive::open(folder.path("merged.npz")).unwrap();
    assert!(zip.find(".bitnpz/models/set.json").is_none());
}

#[test]
fn equal_models_are_kept_once() {
    let folder = Folder::new();
    let all = stack(3000);
    let fill = |writer: &mut Writer| writer.add_images("stack", &all).map(drop).unwrap();
    let archive = merged(&folder, &WriteOptions::default(), &[&fill, &fill, &fill]).unwrap();
    let zip = bitnpz_npz::Archive::open(folder.path("merged.npz")).unwrap();
    let of = |folder: &str| zip.members().filter(|member| member.name().starts_with(folder)).count();
    assert!(of(".bitnpz/models/") <= 1 && of(".bitnpz/stack/payload-") == 3);
    assert_eq!(archive.images("stack").unwrap().len(), 9000);
}

#[test]
fn refuses_what_does_not_fit_together() {
    let error = |first: &dyn Fn(&mut Writer), second: &dyn Fn(&mut Writer)| {
        let folder = Folder::new();
        let error = merged(&folder, &WriteOptions::default(), &[first, second]).unwrap_err().to_string();
        assert!(!folder.path("merged.npz").exists());
        assert!(error.contains("1.npz"), "{error}");
        error
    };
    let add = |key: &'static str, values: [u8; 2]| {
        move |writer: &mut Writer| {
            let [off, on] = values;
            let images = stack(600).mapv(|pixel| if pixel { on } else { off });
            writer.add_images(key, &images).unwrap();
        }
    };
    let label = |values: Array1<i64>| {
        move |writer: &mut Writer| writer.add_array("labels", &values).map(drop).unwrap()
    };
    let keyed = |writer: &mut Writer| {
        (0..20).for_each(|number| writer.add_image(&format!("{number}"), &image(9, 9, number)).unwrap());
    };
    let wide = |writer: &mut Writer| {
        writer.add_images("a", &Array3::from_elem((600, 20, 31), 255_u8)).map(drop).unwrap();
    };
    let floats = |writer: &mut Writer| {
        writer.add_images("a", &stack(600).mapv(|pixel| f32::from(u8::from(pixel)))).map(drop).unwrap();
    };
    assert!(error(&add("a", [0, 255]), &add("a", [0, 1])).contains("expected pixels of 0 and 255"));
    assert!(error(&add("a", [0, 255]), &wide).contains("expected shape (20, 30), found (20, 31)"));
    assert!(error(&add("a", [0, 255]), &floats).contains("expected images of "));
    assert!(error(&keyed, &keyed).contains("has this key already"));
    assert!(error(&label(array![1, 2]), &label(array![1, 3])).contains("expected arrays that can be joined"));
    assert!(error(&add("labels", [0, 1]), &label(array![1, 3])).contains("has this key already"));
}

#[test]
fn merges_other_encodings() {
    for encoding in [Encoding::Plain, Encoding::Packed] {
        let folder = Folder::new();
        let options = WriteOptions::default().with_encoding(encoding);
        let fill = |part: usize| {
            move |writer: &mut Writer| {
                for number in part * 5..part * 5 + 5 {
                    writer.add_image(&format!("ix-{number}"), &image(9, 17, number)).unwrap();
                }
                writer.add_array("labels", &Array1::from_elem(5, part as i64)).unwrap();
                let images = stack(700).slice(s![part * 300..part * 300 + 300, .., ..]).to_owned();
                writer.add_images("stack", &images).unwrap();
            }
        };
        let archive = merged(&folder, &options, &[&fill(0), &fill(1)]).unwrap();
        assert_eq!(archive.encoding(), encoding);
        assert!(
            archive.array::<bool>("stack").unwrap()
                == stack(700).slice(s![..600, .., ..]).to_owned().into_dyn()
        );
        assert_eq!(archive.array::<i64>("labels").unwrap(), array![0, 0, 0, 0, 0, 1, 1, 1, 1, 1].into_dyn());
        (0..10).for_each(|number| {
            assert_eq!(archive.image::<bool>(&format!("ix-{number}")).unwrap(), image(9, 17, number));
        });
    }
}

/// Blank images have one value, and could have had any second one.
#[test]
fn blank_images_fit_those_of_any_second_value() {
    for inks in [[0, 255, 0], [255, 0, 0], [0, 0, 9], [0, 0, 0]] {
        let folder = Folder::new();
        let images = |ink: u8| stack(300).mapv(|pixel| u8::from(pixel) * ink);
        let fill = |number: usize, writer: &mut Writer| {
            writer.add_images("stack", &images(inks[number])).unwrap();
            for (image, pixels) in images(inks[number]).outer_iter().take(20).enumerate() {
                writer.add_image(&format!("{number}-{image}"), &pixels).unwrap();
            }
        };
        let [zero, one, two] = [0, 1, 2].map(|number| move |writer: &mut Writer| fill(number, writer));
        let archive = merged(&folder, &WriteOptions::default(), &[&zero, &one, &two]).unwrap();
        let expected = inks.map(images);
        let expected = concatenate(Axis(0), &expected.each_ref().map(|images| images.view())).unwrap();
        assert_eq!(archive.array::<u8>("stack").unwrap(), expected.clone().into_dyn(), "{inks:?}");
        for (number, ink) in inks.into_iter().enumerate() {
            assert_eq!(
                archive.image::<u8>(&format!("{number}-7")).unwrap(),
                images(ink).index_axis(Axis(0), 7),
                "{inks:?}"
            );
        }
        assert_eq!(archive.keyed_images().unwrap().len(), 1, "{inks:?}");
        // What is blank can still be extended with a value of its own.
        let path = folder.path("merged.npz");
        let mut writer = Writer::append(&path, &WriteOptions::default()).unwrap();
        let more = images(*inks.iter().max().unwrap().max(&3));
        writer.extend("stack", &more).unwrap();
        writer.finish().unwrap();
        let all = concatenate(Axis(0), &[expected.view(), more.view()]).unwrap();
        assert_eq!(Archive::open(&path).unwrap().array::<u8>("stack").unwrap(), all.into_dyn(), "{inks:?}");
    }
}

/// Packed rows of 0 and 1 are the same bytes as those of 0 and 255.
#[test]
fn packed_images_of_other_values_are_not_the_same() {
    let folder = Folder::new();
    let options = WriteOptions::default().with_encoding(Encoding::Packed);
    let images = stack(200);
    let of = |value: u8| {
        let images = images.mapv(|pixel| u8::from(pixel) * value);
        move |writer: &mut Writer| writer.add_images("x", &images).unwrap()
    };
    let bools = |writer: &mut Writer| writer.add_images("x", &images).unwrap();
    for second in [&of(255) as &dyn Fn(&mut Writer), &bools] {
        let error = merged(&folder, &options, &[&of(1), second]).unwrap_err().to_string();
        assert!(error.contains("\"x\""), "{error}");
    }
    let archive = merged(&folder, &options, &[&of(255), &of(255)]).unwrap();
    assert!(archive.images("x").unwrap().len() >= 200);
}

/// An archive may have very many stacks that are empty in it and not in others.
#[test]
fn empty_stacks_fit_in_any_order() {
    let folder = Folder::new();
    let add = |count: usize| {
        move |writer: &mut Writer| {
            for number in 0..1100 {
                let images = Array3::from_shape_fn((count, 6, 6), |(n, y, x)| (y + n) % 6 == x);
                writer.add_images(&format!("k{number}"), &images).unwrap();
            }
        }
    };
    for counts in [[0, 3], [3, 0]] {
        let archive = merged(&folder, &WriteOptions::default(), &[&add(counts[0]), &add(counts[1])]).unwrap();
        assert_eq!((archive.len(), archive.images("k1099").unwrap().len()), (1100, 3), "{counts:?}");
    }
}

/// Stacks of very many sizes share a set, also those of which a shard has one value.
#[test]
fn a_stack_that_shares_a_set_may_lack_a_value() {
    let folder = Folder::new();
    let path = folder.path("a.npz");
    let one_value =
        Array3::from_shape_fn((4, 1, 6), |(n, _, x)| if (n, x) == (3, 4) { 127_i8 } else { -128 });
    let both =
        Array3::from_shape_fn((4, 1, 170), |(n, _, x)| if x * x % (n + 5) == 1 { 127_i8 } else { -128 });
    let mut writer = Writer::create(&path).unwrap();
    for width in [2, 3, 8, 16, 24, 27, 176] {
        let images = Array3::from_shape_fn((4, 1, width), |(n, _, x)| (n + x * x) % 3 == 0);
        writer.add_images(&format!("t{width}"), &images).unwrap();
    }
    writer.add_images("one", &one_value).unwrap();
    writer.add_images("two", &both).unwrap();
    for number in 0..8 {
        writer.add_image(&format!("k{number}"), &array![[if number < 4 { -0.0 } else { 0.0 }]]).unwrap();
    }
    writer.finish().unwrap();
    let of = std::num::NonZero::new(4).unwrap();
    let shards: Vec<PathBuf> = (0..4).map(|number| folder.path(&format!("{number}.npz"))).collect();
    for (number, shard) in shards.iter().enumerate() {
        Writer::split_part(shard, &path, number, of, &WriteOptions::default()).unwrap().finish().unwrap();
    }
    let path = folder.path("merged.npz");
    Writer::merge(&path, &shards, &WriteOptions::default()).unwrap().finish().unwrap();
    let archive = Archive::open(&path).unwrap();
    assert!(archive.array::<i8>("one").unwrap() == one_value.into_dyn());
    assert!(archive.array::<i8>("two").unwrap() == both.into_dyn());
}

/// A key is one of a member or of a set, in every encoding.
#[test]
fn a_key_of_a_member_and_a_set_is_refused() {
    let folder = Folder::new();
    let [plain, sets, merged] = ["plain.npz", "sets.npz", "merged.npz"].map(|name| folder.path(name));
    let mut writer = create(&plain, Encoding::Plain);
    writer.add_array("a", &array![1, 2]).unwrap();
    writer.finish().unwrap();
    let mut writer = create(&sets, Encoding::Sets);
    writer.add_images("a", &stack(600)).unwrap();
    writer.finish().unwrap();
    for encoding in Encoding::ALL {
        let options = WriteOptions::default().with_encoding(encoding);
        for paths in [[&plain, &sets], [&sets, &plain]] {
            let error = Writer::merge(&merged, &paths, &options).and_then(Writer::finish).unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::DuplicateKey), "{encoding}: {error}");
        }
    }
}
