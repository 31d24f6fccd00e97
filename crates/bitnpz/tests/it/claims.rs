//! False claims in the metadata of archives: impossible sizes, keys, values and indices are refused or reported.

use std::fs;

use bitnpz::{Archive, Bitmap, Codec, ErrorKind, Limits, OpenOptions, WriteOptions, Writer, salvage};
use ndarray::{Array2, Array3, Axis};

use crate::support::{Folder, Members, archive, in_members, members};

fn image(seed: usize) -> Array2<bool> {
    Array2::from_shape_fn((20, 20), |(row, column)| {
        row.abs_diff(4) + column.abs_diff(3 + seed % 5) < 2 + seed % 3
    })
}

fn written(options: &WriteOptions, add: impl FnOnce(&mut Writer)) -> Members {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sample.npz");
    let mut writer = Writer::create_with(&path, options).unwrap();
    add(&mut writer);
    writer.finish().unwrap();
    members(&fs::read(&path).unwrap())
}

fn stack(codec: Codec) -> Members {
    let stack = Array3::from_shape_fn((200, 20, 20), |(seed, row, column)| image(seed)[[row, column]]);
    written(&WriteOptions::default().with_codec(codec), |writer| writer.add_images("stack", &stack).unwrap())
}

fn keyed() -> Members {
    written(&WriteOptions::default(), |writer| {
        for seed in 0..12 {
            writer.add_image(&format!("{}", seed * 7919 % 101), &image(seed)).unwrap();
        }
    })
}

/// Replaces text in the members whose names end with `end`.
fn replaced(members: &Members, end: &str, old: &str, new: &str) -> Members {
    let replace = |(name, bytes): &(String, Vec<u8>)| {
        if !name.ends_with(end) {
            return (name.clone(), bytes.clone());
        }
        let text = String::from_utf8(bytes.clone()).unwrap();
        assert!(text.contains(old), "{text}");
        (name.clone(), text.replace(old, new).into_bytes())
    };
    members.iter().map(replace).collect()
}

/// Adds a segment with the images and keys of the first.
fn with_segment_twice(members: &Members) -> Members {
    let mut all = members.clone();
    let (payload, bytes) = members.iter().find(|(name, _)| name.ends_with("payload-0")).unwrap();
    all.push((payload.replace("payload-0", "payload-1"), bytes.clone()));
    let description = all.iter_mut().find(|(name, _)| name.ends_with("set.json")).unwrap();
    let mut about: serde_json::Value = serde_json::from_slice(&description.1).unwrap();
    let segments = about["segments"].as_array_mut().unwrap();
    segments.push(segments[0].clone());
    description.1 = serde_json::to_vec(&about).unwrap();
    all
}

/// Adds a copy of the set under another name.
fn doubled(members: &Members) -> Members {
    let of_set =
        members.iter().filter(|(name, _)| name.starts_with(".bitnpz/") && !name.ends_with("sets.json"));
    let set = of_set.clone().next().unwrap().0.split('/').nth(1).unwrap().to_owned();
    let copies = of_set.map(|(name, bytes)| (name.replace(&format!("/{set}/"), "/again/"), bytes.clone()));
    let sets = (format!("\"{set}\""), format!("\"{set}\",\"again\""));
    let mut all = replaced(members, "sets.json", &sets.0, &sets.1);
    all.extend(copies);
    all
}

#[test]
fn every_codec_refuses_impossible_sizes() {
    for codec in [Codec::Contour, Codec::Pixel, Codec::Zstd, Codec::Raw] {
        let members = stack(codec);
        let sides: [u64; 9] = [0, 1, 1 << 16, 600_000, 1 << 32, 1 << 40, 1 << 60, 1 << 63, u64::MAX];
        for (height, width) in sides.iter().flat_map(|height| sides.iter().map(move |width| (height, width)))
        {
            let lie = replaced(&members, "set.json", "[20,20]", &format!("[{height},{width}]"));
            let lie = replaced(&lie, "set.json", "[200,20,20]", &format!("[200,{height},{width}]"));
            let name = format!("{codec}: {height} x {width}");
            let Ok(archive) = Archive::from_bytes(archive(&lie)) else { continue };
            assert!(!archive.verify(|_| ()).unwrap().problems.is_empty(), "{name}");
            // A side of 0 counts as 1, so that huge numbers of empty rows are refused too.
            let is_huge = (*height).max(1).saturating_mul((*width).max(1)) > 1 << 30;
            if let Ok(images) = archive.images("stack")
                && is_huge
            {
                assert!(images.bitmap(0).is_err(), "{name}");
                // An array without items has nothing to read.
                assert!(images.to_array::<f32>().is_err() || height * width == 0, "{name}");
                assert!(images.count_ones(&[0, 1]).is_err(), "{name}");
            }
        }
    }
}

#[test]
fn refuses_images_out_of_proportion_to_their_payload() {
    let mut blank = Bitmap::zeros(1000, 1000).unwrap();
    let members = written(&WriteOptions::default(), |writer| {
        for number in 0..20 {
            blank.set(number, 7, true);
            writer.add_bitmap(&format!("{number}"), blank.view()).unwrap();
        }
    });
    let bytes = archive(&members);
    let open = |image_bytes| {
        let mut limits = Limits::default();
        limits.image_bytes = image_bytes;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("blank.npz");
        fs::write(&path, &bytes).unwrap();
        Archive::open_with(&path, &OpenOptions::default().with_limits(limits)).unwrap().bitmap("19")
    };
    let refused = open(1000).unwrap_err();
    assert!(
        matches!(refused.kind(), ErrorKind::TooLarge { found: 125_000, name: "image_bytes", .. }),
        "{refused}"
    );
    assert!(refused.to_string().contains("19"), "{refused}");
    assert_eq!(open(125_000).unwrap(), blank);
}

#[test]
fn refuses_or_reports_duplicate_keys() {
    let refused = Archive::from_bytes(archive(&doubled(&stack(Codec::Raw)))).unwrap_err();
    assert!(refused.to_string().contains("stack"), "{refused}");
    let mut members = stack(Codec::Raw);
    members.push(("stack.npy".to_owned(), written_array()));
    let refused = Archive::from_bytes(archive(&members)).unwrap_err();
    assert!(refused.to_string().contains("stack"), "{refused}");

    let archive = Archive::from_bytes(archive(&doubled(&keyed()))).unwrap();
    let problems = archive.verify(|_| ()).unwrap().problems;
    assert_eq!(problems.len(), 12, "{problems:?}");
    assert!(problems.iter().all(|problem| problem.member == "again" && problem.key.is_some()));
}

/// Nothing is left out in silence.
#[test]
fn two_images_with_one_key_are_not_copied() {
    let folder = Folder::new();
    let [path, other, to] = ["a.npz", "b.npz", "c.npz"].map(|name| folder.path(name));
    let numbered = written(&WriteOptions::default(), |writer| {
        (0..12).for_each(|seed| writer.add_image(&format!("{seed}"), &image(seed)).unwrap());
    });
    let options = WriteOptions::default();
    fs::write(&other, archive(&stack(Codec::Raw))).unwrap();
    for twice in [doubled(&numbered), with_segment_twice(&numbered)] {
        fs::write(&path, archive(&twice)).unwrap();
        assert_eq!(Archive::open(&path).unwrap().verify(|_| ()).unwrap().problems.len(), 12);
        assert!(Writer::merge(&to, &[&other, &path], &options).and_then(Writer::finish).is_err());
        let error = Writer::without(&path, &options, |key| key == "7").and_then(Writer::finish).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::DuplicateKey), "{error}");
    }
}

fn written_array() -> Vec<u8> {
    let members = written(&WriteOptions::default(), |writer| {
        writer.add_array("stack", &ndarray::arr1(&[1_i32, 2])).unwrap();
    });
    members.into_iter().find(|(name, _)| name == "stack.npy").unwrap().1
}

#[test]
fn refuses_ambiguous_pixel_values() {
    let bools = stack(Codec::Raw);
    let turned = replaced(&bools, "set.json", "[false,true]", "[true,false]");
    assert!(Archive::from_bytes(archive(&turned)).is_err());
    let ints = replaced(&bools, "set.json", "\"|b1\"", "\"<i2\"");
    for (values, is_read) in
        [("[0,1]", true), ("[-0,1]", false), ("[0,0]", false), ("[0,1.5]", false), ("[0,\"x\"]", false)]
    {
        let members = replaced(&ints, "set.json", "[false,true]", values);
        assert_eq!(Archive::from_bytes(archive(&members)).is_ok(), is_read, "{values}");
    }
}

#[test]
fn reports_a_damaged_directory_that_still_finds_images() {
    let mut members = in_members(keyed());
    let (name, directory) = members.iter_mut().find(|(name, _)| name.contains("blocks")).unwrap();
    // The bits behind the start of the last block.
    let name = name.clone();
    *directory.last_mut().unwrap() |= 0x80;
    let bytes = archive(&members);
    let damaged = Archive::from_bytes(bytes.clone()).unwrap();
    let problems = damaged.verify(|_| ()).unwrap().problems;
    assert_eq!(problems.iter().map(|problem| problem.member.as_str()).collect::<Vec<_>>(), [name.as_str()]);
    let folder = tempfile::tempdir().unwrap();
    let [from, to] = ["damaged.npz", "saved.npz"].map(|name| folder.path().join(name));
    fs::write(&from, bytes).unwrap();
    let saved = salvage(&from, &to, &Limits::default(), |_| ()).unwrap();
    assert_eq!((saved.gone.len(), saved.saved.images), (0, 12));
    let saved = Archive::open(&to).unwrap();
    assert!(saved.verify(|_| ()).unwrap().problems.is_empty());
    assert_eq!(saved.image::<bool>("0").unwrap(), image(0));
}

#[test]
fn a_damaged_start_or_model_takes_its_images_only() {
    let all = Array3::from_shape_fn((3000, 20, 20), |(seed, row, column)| {
        let mixed = (((seed * 32 + row) * 32 + column + 1) as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        (mixed ^ mixed >> 29).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 60 < 5
    });
    let folder = tempfile::tempdir().unwrap();
    let shards = [Codec::Contour, Codec::Pixel].map(|codec| {
        let path = folder.path().join(format!("{codec}.npz"));
        let options = WriteOptions::default().with_codec(codec);
        let mut writer = Writer::create_with(&path, &options).unwrap();
        writer.add_images("stack", &all).unwrap();
        writer.finish().unwrap();
        path
    });
    let path = folder.path().join("all.npz");
    Writer::merge(&path, &shards, &WriteOptions::default()).unwrap().finish().unwrap();
    let whole = in_members(members(&fs::read(&path).unwrap()));
    let damage = |name: &str, change: &dyn Fn(&mut Vec<u8>)| {
        let mut members = whole.clone();
        change(&mut members.iter_mut().find(|(other, _)| other.contains(name)).unwrap().1);
        let [from, to] = ["damaged.npz", "saved.npz"].map(|name| folder.path().join(name));
        fs::write(&from, archive(&members)).unwrap();
        let saved = salvage(&from, &to, &Limits::default(), |_| ()).unwrap();
        (saved.gone.len(), saved.doubtful.len(), saved.saved.images)
    };
    // A start in the middle of the directory: the images of two blocks.
    let (gone, doubtful, images) = damage("blocks-0", &|bytes| bytes[22 + 9] ^= 0x80);
    assert!((1..=256).contains(&(gone + doubtful)) && images == 6000, "{gone} {doubtful}");
    let (gone, doubtful, images) = damage("models/pixel", &|bytes| bytes.truncate(5));
    assert!(gone >= 3000 && doubtful == 0 && images == 6000, "{gone} {doubtful}");
}

#[test]
fn merges_old_sets_that_could_have_repeats() {
    // The image of the example of docs/format.md, and the index of its eight bytes, with a byte of repeats.
    let rows = [0, 0x3C, 0x7E, 0x66, 0x7E, 0x3C, 0, 0];
    let checksum = [0xF0, 0x83, 0xD7, 0xEC, 0x40, 0x7E, 0x40, 0x9F];
    let index = [&[0; 4][..], &[5, 0, 0, 0, 0, 0, 0, 0], &[0], &[0], &checksum].concat();
    let description = r#"{"version":1,"codec":"raw","dtype":"|b1","values":[false,true],"key":"s",
        "shape":[1,8,8],"segments":[{"images":1,"size":[8,8],"repeats":true}]}"#;
    let members = [
        (".bitnpz/sets.json", br#"{"version":1,"sets":["s"]}"#.to_vec()),
        (".bitnpz/s/set.json", description.as_bytes().to_vec()),
        (".bitnpz/s/model.npy", bytes(&[])),
        (".bitnpz/s/payload-0.npy", bytes(&rows)),
        (".bitnpz/s/index-0.npy", bytes(&index)),
    ];
    let members: Members = members.into_iter().map(|(name, bytes)| (name.to_owned(), bytes)).collect();
    let folder = tempfile::tempdir().unwrap();
    let [old, path] = ["old.npz", "all.npz"].map(|name| folder.path().join(name));
    fs::write(&old, archive(&members)).unwrap();
    Writer::merge(&path, &[&old], &WriteOptions::default()).unwrap().finish().unwrap();
    for path in [old, path] {
        let archive = Archive::open(path).unwrap();
        assert_eq!(archive.verify(|_| ()).unwrap().problems, []);
        assert_eq!(archive.images("s").unwrap().count_ones(&[0]).unwrap(), [24]);
    }
}

/// Returns an array of bytes.
fn bytes(bytes: &[u8]) -> Vec<u8> {
    bitnpz::DynArray::from_ndarray(&ndarray::Array1::from(bytes.to_vec())).to_npy().unwrap()
}

#[test]
fn a_small_file_has_few_images() {
    for (payload, images) in [(0_usize, 1_000_000_usize), (1, 1024), (100, 300), (8, 20)] {
        let description = format!(
            r#"{{"version":4,"models":[{{"codec":"raw"}}],"dtype":"|b1","values":[false,true],"key":"s",
            "shape":[{images},0,8],"segments":[{{"images":{images},"size":[0,8]}}]}}"#
        );
        let starts = (images.div_ceil(128) * (usize::BITS - payload.leading_zeros()) as usize).div_ceil(8);
        let members = [
            (".bitnpz/sets.json", br#"{"version":1,"sets":["s"]}"#.to_vec()),
            (".bitnpz/s/set.json", description.into_bytes()),
            (".bitnpz/s/payload-0", vec![0; payload]),
            (".bitnpz/s/blocks-0", vec![0; 22 + starts]),
        ];
        let members: Members = members.into_iter().map(|(name, bytes)| (name.to_owned(), bytes)).collect();
        // How large a compressed member is may be a lie, so that it is read before anything is made of its images.
        let options = bitnpz_npz::WriteOptions::default();
        let mut writer = bitnpz_npz::Writer::new(std::io::Cursor::new(Vec::new()), &options);
        members.iter().for_each(|(name, bytes)| writer.add(name, bytes.clone()).unwrap());
        let compressed = writer.finish().unwrap().into_inner();
        assert!(Archive::from_bytes(compressed).unwrap_err().to_string().contains("expected fewer than"));
        let read = Archive::from_bytes(archive(&members)).and_then(|archive| archive.array::<bool>("s"));
        let error = read.unwrap_err().to_string();
        assert!(error.contains("expected fewer than"), "{error}");
    }
}

#[test]
fn payloads_that_overlap_are_not_laid_out_anew() {
    // Every 64th start is looked up near the first: half of the images have its bytes.
    let images = 64 * 400;
    let (payload, mut ones) = (vec![0; images], vec![0_u8; (2 * images + 1).div_ceil(64) * 8]);
    (0..=images).for_each(|image| ones[2 * image / 8] |= 1 << (2 * image % 8));
    let samples: Vec<u8> = (0..=400).flat_map(u32::to_le_bytes).collect();
    let index = [samples, ones, vec![0; 8 * images.div_ceil(128)]].concat();
    let description = format!(
        r#"{{"version":1,"codec":"raw","dtype":"|b1","values":[false,true],"key":"s","shape":[{images},1,8],
        "segments":[{{"images":{images},"size":[1,8]}}]}}"#
    );
    let members = [
        (".bitnpz/sets.json", br#"{"version":1,"sets":["s"]}"#.to_vec()),
        (".bitnpz/s/set.json", description.into_bytes()),
        (".bitnpz/s/model.npy", bytes(&[])),
        (".bitnpz/s/payload-0.npy", bytes(&payload)),
        (".bitnpz/s/index-0.npy", bytes(&index)),
    ];
    let members: Members = members.into_iter().map(|(name, bytes)| (name.to_owned(), bytes)).collect();
    let folder = tempfile::tempdir().unwrap();
    let [old, path] = ["old.npz", "all.npz"].map(|name| folder.path().join(name));
    fs::write(&old, archive(&members)).unwrap();
    let error = Writer::merge(&path, &[&old], &WriteOptions::default()).unwrap_err().to_string();
    assert!(error.contains("index-0") && error.contains("salvage"), "{error}");
    assert!(Writer::append(&old, &WriteOptions::default()).and_then(Writer::finish).is_err());
}

#[test]
fn callbacks_can_read_other_images() {
    let plain = WriteOptions::default().with_encoding(bitnpz::Encoding::Plain);
    let stack = Array3::from_shape_fn((3, 20, 20), |(seed, row, column)| image(seed)[[row, column]]);
    let plain = written(&plain, |writer| writer.add_images("stack", &stack).unwrap());
    for members in [plain, self::stack(Codec::Contour)] {
        let archive = Archive::from_bytes(archive(&members)).unwrap();
        let images = archive.images("stack").unwrap();
        let nested = images.with_bitmap(0, |outer| {
            let inner = images.with_bitmap(1, |inner| inner.to_bitmap()).unwrap();
            (outer.to_bitmap(), inner)
        });
        assert_eq!(nested.unwrap(), (images.bitmap(0).unwrap(), images.bitmap(1).unwrap()));
    }
}

#[test]
fn one_image_may_be_a_stack() {
    let folder = Folder::new();
    let path = folder.path("a.npz");
    let with = |segments: &str, shape: &str| {
        format!(
            r#"{{"version":4,"models":[{{"codec":"raw"}}],"dtype":"|b1","values":[false,true],"key":"s",
            "shape":{shape},"segments":{segments}}}"#
        )
    };
    // A stack without an axis of images.
    let mut block = vec![0; 2 + 1 + 3];
    let crc = crc32fast::hash(&[&3_u64.to_le_bytes()[..], &8_u64.to_le_bytes(), &[0; 3]].concat());
    block.extend([crc, crc.wrapping_mul(crc32fast::hash(&[0; 4]))].map(u32::to_le_bytes).concat());
    let directory = [&3_u32.to_le_bytes()[..], &[0; 16], &[8, 8, 0]].concat();
    let description = with(r#"[{"images":1,"size":[3,8]}]"#, "[3,8]");
    let members = [
        (".bitnpz/sets.json", br#"{"version":1,"sets":["s"]}"#.to_vec()),
        (".bitnpz/s/set.json", description.into_bytes()),
        (".bitnpz/s/payload-0", block),
        (".bitnpz/s/blocks-0", directory),
    ];
    let members: Members = members.into_iter().map(|(name, bytes)| (name.to_owned(), bytes)).collect();
    std::fs::write(&path, archive(&members)).unwrap();
    assert_eq!(Archive::open(&path).unwrap().array::<bool>("s").unwrap().shape(), [3, 8]);
    let (options, two) = (WriteOptions::default(), std::num::NonZero::new(2).unwrap());
    let to = folder.path("b.npz");
    drop(Writer::split_part(&to, &path, 1, two, &options).map(Writer::finish));
    drop(Writer::merge(&to, &[&path, &path], &options).map(Writer::finish));
    drop(Writer::append(&path, &options).map(Writer::finish));
}

/// What another writer saved without an axis of images is copied, and nothing is added to it.
#[test]
fn one_image_that_is_a_stack_does_not_grow() {
    let folder = Folder::new();
    let [path, to] = ["a.npz", "b.npz"].map(|name| folder.path(name));
    let members = written(&WriteOptions::default(), |writer| {
        writer.extend("s", &Array3::from_shape_fn((1, 600, 300), |(_, y, x)| y * x % 7 < 3)).unwrap();
    });
    fs::write(&path, archive(&replaced(&members, "set.json", "[1,600,300]", "[600,300]"))).unwrap();
    let image = Archive::open(&path).unwrap().array::<bool>("s").unwrap();
    assert_eq!(image.shape(), [600, 300]);
    let options = WriteOptions::default();
    let error = Writer::merge(&to, &[&path, &path], &options).map(drop).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::NotAStack { .. }), "{error}");
    let mut writer = Writer::append(&path, &options).unwrap();
    let error = writer.extend("s", &Array2::from_elem((2, 300), true)).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::NotAStack { .. }), "{error}");
    writer.finish().unwrap();
    assert_eq!(Archive::open(&path).unwrap().array::<bool>("s").unwrap(), image);
}

/// In a set whose images have sizes of their own, each must have that of its stack.
#[test]
fn refuses_images_of_another_size_than_their_stack() {
    let members = written(&WriteOptions::default(), |writer| {
        for number in 0..20 {
            let size = [40, 20 + number];
            let stack = Array3::from_shape_fn((60, size[0], size[1]), |(seed, row, column)| {
                image(seed)[[row / 2, column * 20 / size[1]]]
            });
            writer.add_images(&format!("k{number}"), &stack).unwrap();
        }
    });
    let name = |members: &Members, shape: &str| {
        let has = |(name, bytes): &&(String, Vec<u8>)| {
            name.ends_with("/set.json") && String::from_utf8_lossy(bytes).contains(shape)
        };
        members.iter().find(has).unwrap().0.clone()
    };
    let (last, expected) = (name(&members, "[60,40,39]"), archive(&members));
    assert!(Archive::from_bytes(expected).unwrap().verify(|_| ()).unwrap().problems.is_empty());
    for lie in ["[60,39,40]", "[60,40,40]", "[59,40,39]", "[60,40,1000000]"] {
        let false_members = archive(&replaced(&members, &last, "[60,40,39]", lie));
        let Ok(archive) = Archive::from_bytes(false_members) else { continue };
        assert!(!archive.verify(|_| ()).unwrap().problems.is_empty(), "{lie}");
        let images = archive.images("k19").unwrap();
        let size = images.image_size().unwrap();
        let mut batch = Array3::from_elem((2, size[0], size[1]), false);
        let error = images.read_batch_into(&[0, 3], &mut batch).unwrap_err().to_string();
        assert!(error.contains("of its stack"), "{lie}: {error}");
        assert!(images.read_into(3, &mut batch.index_axis_mut(Axis(0), 0)).is_err());
        assert!(archive.array::<bool>("k19").is_err() && images.count_ones(&[0]).is_err());
        assert_eq!(archive.images("k0").unwrap().count_ones(&[0]).unwrap().len(), 1);
    }
}

/// Segments without images, which no writer makes, are left behind by one that appends.
#[test]
fn stacks_without_images_but_with_segments_can_be_extended() {
    let mut members = Vec::new();
    for key in ["a", "b"] {
        let description = format!(
            r#"{{"version":4,"models":[{{"codec":"raw"}}],"dtype":"|b1","values":[false,true],"key":"{key}","shape":[0,20,20],"segments":[{{"images":0,"size":[20,20]}}]}}"#
        );
        members.push((format!(".bitnpz/{key}/payload-0.npy"), bytes(&[])));
        members.push((format!(".bitnpz/{key}/blocks-0.npy"), bytes(&[0; 22])));
        members.push((format!(".bitnpz/{key}/set.json"), description.into_bytes()));
    }
    members.push((".bitnpz/sets.json".to_owned(), br#"{"version":1,"sets":["a","b"]}"#.to_vec()));
    let folder = Folder::new();
    let path = folder.path("a.npz");
    fs::write(&path, archive(&members)).unwrap();
    let images = Array3::from_shape_fn((200, 20, 20), |(seed, row, column)| image(seed)[[row, column]]);
    let mut writer = Writer::append(&path, &WriteOptions::default()).unwrap();
    for key in ["a", "b"] {
        writer.extend(key, &images).unwrap();
    }
    writer.finish().unwrap();
    for key in ["a", "b"] {
        assert_eq!(Archive::open(&path).unwrap().array::<bool>(key).unwrap(), images.clone().into_dyn());
    }
}
