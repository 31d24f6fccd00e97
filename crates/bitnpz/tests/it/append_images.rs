//! Archives to which images are added few at a time, and by several writers.

use std::path::Path;

use bitnpz::{Archive, Codec, Dtype, Encoding, ErrorKind, WriteOptions, Writer};
use ndarray::{Array2, s};

use crate::support::{Folder, create, image, stack};

/// Images of two sizes and two dtypes.
fn add(writer: &mut Writer, number: usize) {
    let pixels = image(20 + number % 2 * 5, 30, number);
    match number % 5 {
        4 => writer.add_image(&key(number), &pixels.mapv(|pixel| u8::from(pixel) * 9)).unwrap(),
        _ => writer.add_image(&key(number), &pixels).unwrap(),
    }
}

fn key(number: usize) -> String {
    format!("{}-{number}", number * 37 % 101)
}

fn check(path: &Path, count: usize) {
    let archive = Archive::open(path).unwrap();
    assert_eq!(archive.verify(|_| ()).unwrap().problems, []);
    let keys = archive.keys().filter(|key| key != "labels");
    assert!(keys.eq((0..count).map(key)), "{:?}", archive.keys().collect::<Vec<_>>());
    for number in 0..count {
        let pixels = image(20 + number % 2 * 5, 30, number);
        assert_eq!(archive.image::<bool>(&key(number)).unwrap(), pixels, "{number}");
        let is_u8 = archive.dyn_array(&key(number)).unwrap().dtype() == &Dtype::of::<u8>();
        assert_eq!(is_u8, number % 5 == 4, "{number}");
    }
}

#[test]
fn images_added_one_by_one_share_segments() {
    let (folder, options) = (Folder::new(), WriteOptions::default());
    let [few, all] = ["few.npz", "all.npz"].map(|name| folder.path(name));
    for each in [1, 3, 10, 70] {
        Writer::create(&few).unwrap().finish().unwrap();
        for first in (0..140).step_by(each) {
            let mut writer = Writer::append(&few, &options).unwrap();
            (first..140.min(first + each)).for_each(|number| add(&mut writer, number));
            writer.finish().unwrap();
            if first % 30 == 0 {
                check(&few, 140.min(first + each));
            }
        }
        check(&few, 140);
        let mut writer = Writer::create(&all).unwrap();
        (0..140).for_each(|number| add(&mut writer, number));
        writer.finish().unwrap();
        let sizes = [&few, &all].map(|path| Archive::open(path).unwrap().size());
        assert!(10 * sizes[0] < 12 * sizes[1], "{each} each: {sizes:?} bytes");
    }
}

/// So do stacks, large ones and small ones.
#[test]
fn stacks_extended_one_by_one_share_segments() {
    let (folder, options) = (Folder::new(), WriteOptions::default());
    let path = folder.path("a.npz");
    for start in [5, 400, 20_000] {
        let all = stack(start + 60);
        let mut writer = Writer::create(&path).unwrap();
        writer.add_images("stack", &all.slice(s![..start, .., ..])).unwrap();
        if start < 20_000 {
            writer.add_images("other", &all.slice(s![..20, .., ..])).unwrap();
        }
        writer.finish().unwrap();
        for number in start..start + 60 {
            let mut writer = Writer::append(&path, &options).unwrap();
            writer.extend("stack", &all.slice(s![number..=number, .., ..])).unwrap();
            writer.finish().unwrap();
        }
        let archive = Archive::open(&path).unwrap();
        assert_eq!(archive.verify(|_| ()).unwrap().problems, []);
        assert_eq!(archive.array::<bool>("stack").unwrap(), all.clone().into_dyn());
        let zip = bitnpz_npz::Archive::open(&path).unwrap();
        assert!(zip.members().count() < 14, "{start}: {} members", zip.members().count());
        // A codec that is asked for is taken for what is encoded again.
        let mut writer = Writer::append(&path, &WriteOptions::default().with_codec(Codec::Zstd)).unwrap();
        writer.extend("stack", &all.slice(s![..2, .., ..])).unwrap();
        writer.finish().unwrap();
        let codec = Archive::open(&path).unwrap().images("stack").unwrap().codec();
        assert_eq!(codec == Some(Codec::Zstd), start == 400, "{start}: {codec:?}");
    }
}

/// Other things between them stay where they are.
#[test]
fn few_images_wait_for_others_in_their_order() {
    let (folder, options) = (Folder::new(), WriteOptions::default());
    let path = folder.path("a.npz");
    let expected = |count: usize| -> Vec<String> {
        (0..count)
            .map(|number| if number == 3 { "labels".to_owned() } else { format!("i{number}") })
            .collect()
    };
    for number in 0..20 {
        let mut writer = match number {
            0 => Writer::create(&path).unwrap(),
            _ => Writer::append(&path, &options).unwrap(),
        };
        match number {
            3 => writer.add_array("labels", &ndarray::array![[0.5, 2.0], [7.0, 8.0]]).unwrap(),
            _ => writer.add_image(&format!("i{number}"), &Array2::from_elem((9, number + 1), true)).unwrap(),
        }
        writer.finish().unwrap();
        let archive = Archive::open(&path).unwrap();
        assert_eq!(archive.keys().collect::<Vec<_>>(), expected(number + 1));
        let zip = bitnpz_npz::Archive::open(&path).unwrap();
        let has_set = zip.members().any(|member| member.name().ends_with("set.json"));
        assert_eq!(has_set, number >= 8, "{number}");
    }
}

/// Damaged images are copied as they are: they get no new checksums.
#[test]
fn damage_stays_damage() {
    let (folder, options) = (Folder::new(), WriteOptions::default());
    let path = folder.path("a.npz");
    let mut writer = Writer::create(&path).unwrap();
    (0..40).for_each(|number| add(&mut writer, number));
    writer.finish().unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    let place = bytes.windows(9).position(|name| name == b"payload-0").unwrap() + 9 + 60;
    bytes[place] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let damaged = Archive::open(&path).unwrap().verify(|_| ()).unwrap().problems;
    assert!(!damaged.is_empty());
    let mut writer = Writer::append(&path, &options).unwrap();
    (40..50).for_each(|number| add(&mut writer, number));
    writer.finish().unwrap();
    let archive = Archive::open(&path).unwrap();
    assert_eq!(archive.verify(|_| ()).unwrap().problems.len(), damaged.len());
    assert_eq!(archive.image::<bool>(&key(45)).unwrap(), image(25, 30, 45));
}

/// Of several that append at the same time one succeeds, and the others say so: nothing is lost in silence.
#[test]
fn of_several_writers_one_appends() {
    let (folder, options) = (Folder::new(), WriteOptions::default());
    let path = folder.path("a.npz");
    let create = || {
        let mut writer = Writer::create(&path).unwrap();
        (0..20).for_each(|number| add(&mut writer, number));
        writer.finish().unwrap();
    };
    create();
    let results: Vec<bool> = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..4)
            .map(|_| {
                let mut writer = Writer::append(&path, &options).unwrap();
                add(&mut writer, 20);
                writer
            })
            .collect();
        let threads = writers.into_iter().map(|writer| {
            scope.spawn(move || match writer.finish() {
                Ok(_) => true,
                Err(error) => {
                    assert!(matches!(error.kind(), ErrorKind::ArchiveChanged { .. }), "{error}");
                    false
                }
            })
        });
        let threads: Vec<_> = threads.collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(results.iter().filter(|is_done| **is_done).count(), 1);
    check(&path, 21);
    // A new file, and the same one written to in place.
    for in_place in [false, true] {
        let mut writer = Writer::append(&path, &options).unwrap();
        add(&mut writer, 21);
        let removal = Writer::without(&path, &options, |key| key == "labels").unwrap();
        match in_place {
            false => create(),
            true => std::fs::write(&path, b"other").unwrap(),
        }
        assert!(writer.finish().is_err() && removal.finish().is_err());
        assert_eq!(std::fs::metadata(&path).unwrap().len() == 5, in_place);
    }
    assert_eq!(folder.files(), ["a.npz"]);
}

/// What was added as an ordinary array stays one, and is the same in all shards.
#[test]
fn arrays_of_two_values_stay_arrays() {
    let (folder, options) = (Folder::new(), WriteOptions::default());
    let path = folder.path("a.npz");
    let mut writer = Writer::create(&path).unwrap();
    writer.add_images("stack", &stack(400)).unwrap();
    for number in 0..12 {
        writer.add_array(&format!("m{number}"), &Array2::<f64>::eye(9)).unwrap();
    }
    (0..3).for_each(|number| add(&mut writer, number));
    writer.finish().unwrap();
    let check = |path: &Path, images: usize| {
        let archive = Archive::open(path).unwrap();
        assert_eq!(archive.len(), 1 + 12 + images);
        let zip = bitnpz_npz::Archive::open(path).unwrap();
        assert!((0..12).all(|number| zip.find(&format!("m{number}.npy")).is_some()));
        assert_eq!(archive.array::<f64>("m7").unwrap(), Array2::<f64>::eye(9).into_dyn());
    };
    check(&path, 3);
    let mut writer = Writer::append(&path, &options).unwrap();
    add(&mut writer, 3);
    writer.finish().unwrap();
    check(&path, 4);
    let shards = [0, 1].map(|number| folder.path(&format!("{number}.npz")));
    for (number, shard) in shards.iter().enumerate() {
        let of = std::num::NonZero::new(2).unwrap();
        Writer::split_part(shard, &path, number, of, &options).unwrap().finish().unwrap();
        let mut writer = Writer::append(shard, &options).unwrap();
        writer.add_array(&format!("note {number}"), &ndarray::array![1]).unwrap();
        writer.finish().unwrap();
    }
    Writer::merge(&path, &shards, &options).unwrap().finish().unwrap();
    check(&path, 6);
    // Seven images and one more are a set at last.
    let mut writer = Writer::append(&path, &options).unwrap();
    (4..9).for_each(|number| add(&mut writer, number));
    writer.finish().unwrap();
    check(&path, 11);
    let sets = Archive::open(&path).unwrap().keyed_images().unwrap();
    assert_eq!(sets.iter().map(bitnpz::Images::len).collect::<Vec<_>>(), [8]);
}

/// A blank image with axes of length 1 is in another set, and says nothing of the second value of this one.
#[test]
fn sets_keep_their_second_value() {
    let folder = Folder::new();
    let path = folder.path("a.npz");
    let blank = Array2::<u8>::zeros((20, 30));
    let inked = |number: usize| image(20, 30, number).mapv(|pixel| u8::from(pixel) * 255);
    for starts_flat in [false, true] {
        let mut writer = Writer::create(&path).unwrap();
        let add_column = |writer: &mut Writer| {
            let column = blank.clone().insert_axis(ndarray::Axis(2));
            writer.add_images("column", &column).unwrap();
        };
        if !starts_flat {
            add_column(&mut writer);
        }
        (0..10).for_each(|number| writer.add_image(&key(number), &inked(number)).unwrap());
        if starts_flat {
            add_column(&mut writer);
        }
        writer.add_image("blank", &blank).unwrap();
        writer.finish().unwrap();
        let mut writer = Writer::append(&path, &WriteOptions::default()).unwrap();
        writer.add_image("another", &blank).unwrap();
        writer.finish().unwrap();
        let archive = Archive::open(&path).unwrap();
        (0..10).for_each(|number| assert_eq!(archive.image::<u8>(&key(number)).unwrap(), inked(number)));
    }
}

/// An image that is read alone is compared with no checksum: those of its set are compared before it gets another.
#[test]
fn damage_is_not_encoded_again_image_by_image() {
    let folder = Folder::new();
    let path = folder.path("a.npz");
    let mut writer = Writer::create_with(&path, &WriteOptions::default().with_codec(Codec::Raw)).unwrap();
    (0..20).for_each(|number| writer.add_image(&key(number), &image(20, 30, number)).unwrap());
    writer.finish().unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    let place = bytes.windows(9).position(|name| name == b"payload-0").unwrap() + 9 + 500;
    bytes[place] ^= 1;
    let damaged = Archive::from_bytes(bytes).unwrap();
    for encoding in Encoding::ALL {
        let error = create(&folder.path("b.npz"), encoding).copy_from(&damaged).unwrap_err().to_string();
        assert!(error.contains("payload-0"), "{encoding}: {error}");
    }
}
