//! Is everything that is whole taken out of a damaged archive, and is it said what is gone?

use std::collections::HashSet;
use std::fs;
use std::io::{self, Read};
use std::ops::Range;
use std::path::Path;

use bitnpz::{Archive, Codec, Encoding, Limits, Problem, Salvage, WriteOptions, Writer, salvage};
use ndarray::{Array2, Array3, s};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

/// What was saved.
struct Saved {
    bytes: Vec<u8>,
    named: Vec<(String, Array2<bool>)>,
    stack: Array3<u8>,
    labels: ndarray::Array1<i64>,
    grey: Array2<u8>,
}

fn image(seed: usize, size: [usize; 2]) -> Array2<bool> {
    Array2::from_shape_fn(size, |(row, column)| {
        let (row, column) = (row.abs_diff(6) * 8, column.abs_diff(6) * 8 + seed % 13);
        row * row + column * column < (16 + seed % 31) * (16 + seed % 31)
    })
}

fn saved(folder: &Path) -> Saved {
    let path = folder.join("saved.npz");
    let mut writer = Writer::create_with(&path, &WriteOptions::default()).unwrap();
    let named: Vec<_> = (0..300).map(|i| (format!("page {}", i * i), image(i, [12 + i % 3, 13]))).collect();
    named.iter().for_each(|(key, image)| writer.add_image(key, image).unwrap());
    let stack = Array3::from_shape_fn((500, 12, 12), |(i, row, column)| {
        u8::from(image(i * 7 % 499, [12, 12])[[row, column]]) * 255
    });
    writer.add_images("stack", &stack).unwrap();
    let labels = ndarray::Array1::from_iter(0..200_i64);
    writer.add_array("labels", &labels).unwrap();
    let grey = Array2::from_shape_fn((20, 20), |(row, column)| u8::try_from(row * column % 251).unwrap());
    writer.add_array("grey", &grey).unwrap();
    writer.finish().unwrap();
    Saved { bytes: fs::read(&path).unwrap(), named, stack, labels, grey }
}

/// Where a member's records and its data are in the file.
struct Place {
    name: String,
    local: Range<usize>,
    central: Range<usize>,
    data: Range<usize>,
}

fn places(bytes: &[u8]) -> Vec<Place> {
    let zip = bitnpz_npz::Archive::from_bytes(bytes.to_vec()).unwrap();
    zip.members()
        .map(|member| {
            let data = member.data_range().unwrap();
            let place = |offset: u64| usize::try_from(offset).unwrap();
            let (start, data) = (place(member.offset()), place(data.start)..place(data.end));
            let name = member.name().to_owned();
            let entry = [b"PK\x01\x02", &bytes[0..0]].concat();
            let central =
                bytes.windows(4).enumerate().filter(|(_, window)| *window == entry).find_map(|(at, _)| {
                    bytes[at + 46..].starts_with(name.as_bytes()).then_some(at..at + 46 + name.len())
                });
            Place { name, local: start..data.start, central: central.unwrap(), data }
        })
        .collect()
}

/// Whether a reader has all it needs of a member but its data.
fn is_found(place: &Place, is_touched: &impl Fn(Range<usize>) -> bool) -> bool {
    !is_touched(place.local.clone()) || !is_touched(place.central.clone())
}

fn check(saved: &Saved, places: &[Place], damaged: &[u8], folder: &Path) -> Salvage {
    let (from, to) = (folder.join("damaged.npz"), folder.join("salvaged.npz"));
    fs::write(&from, damaged).unwrap();
    let report = salvage(&from, &to, &Limits::default(), |_| ()).unwrap();
    assert_eq!(fs::read(&from).unwrap(), damaged, "it is left as it is");
    let is_touched =
        |range: Range<usize>| range.end > damaged.len() || saved.bytes[range.clone()] != damaged[range];
    let archive = Archive::open(&to).unwrap();
    assert!(archive.verify(|_| ()).unwrap().problems.is_empty());
    let place = |name: &str| places.iter().find(|place| place.name == name).unwrap();
    let is_whole = |name: &str| {
        let place = place(name);
        !is_touched(place.data.clone()) && is_found(place, &is_touched)
    };
    if is_whole("labels.npy") {
        assert!(archive.array::<i64>("labels").unwrap() == saved.labels.clone().into_dyn());
    }
    if is_whole("grey.npy") {
        assert!(archive.array::<u8>("grey").unwrap() == saved.grey.clone().into_dyn());
    }
    for name in ["labels", "grey"].into_iter().filter(|name| !archive.contains(name)) {
        let is_gone = |gone: &Problem| gone.member.contains(name) || gone.member.starts_with("bytes ");
        // Of two damaged headers both may tell another name.
        let has_name =
            is_found(place(&format!("{name}.npy")), &is_touched) && damaged.len() == saved.bytes.len();
        assert!(report.gone.iter().any(is_gone) || !has_name, "{name}: {report:?}");
    }
    for (set, keyed) in [("images", true), ("stack", false)] {
        let is_of = |folder: &str, place: &Place| place.name.starts_with(&format!(".bitnpz/{folder}/"));
        let parts: Vec<&Place> =
            places.iter().filter(|place| is_of(set, place) || is_of("models", place)).collect();
        let [payload, others]: [Vec<&Place>; 2] = [true, false]
            .map(|is| parts.iter().copied().filter(|place| place.name.contains("payload") == is).collect());
        let can_open = others.iter().all(|place| is_whole(&place.name))
            && payload.iter().all(|place| is_found(place, &is_touched));
        if !can_open {
            continue;
        }
        let doubtful: HashSet<usize> = report
            .doubtful
            .iter()
            .filter(|problem| problem.member == set)
            .filter_map(|problem| problem.image)
            .collect();
        let is_gone = |number: usize| {
            report.gone.iter().any(|problem| problem.member == set && problem.image == Some(number))
        };
        let payload_touched = is_touched(payload[0].data.clone());
        let mut lost = HashSet::new();
        for number in 0..if keyed { saved.named.len() } else { saved.stack.len_of(ndarray::Axis(0)) } {
            if is_gone(number) {
                lost.insert(if keyed {
                    saved.named[number].1.iter().map(|&pixel| u8::from(pixel)).collect::<Vec<_>>()
                } else {
                    saved.stack.slice(s![number, .., ..]).iter().copied().collect()
                });
                assert!(payload_touched, "image {number} of {set} is whole");
                continue;
            }
            let same = if keyed {
                let (key, image) = &saved.named[number];
                archive.image::<bool>(key).unwrap() == *image
            } else {
                archive.images("stack").unwrap().read::<u8>(number).unwrap()
                    == saved.stack.slice(s![number, .., ..])
            };
            assert!(same || doubtful.contains(&number), "image {number} of {set} is not as it was");
        }
        // A byte says something of one image and its repeats, or where images of its block are.
        let changed =
            payload[0].data.clone().filter(|&at| at >= damaged.len() || saved.bytes[at] != damaged[at]);
        let (bytes, lost) = (changed.count(), lost.len());
        assert!(lost <= bytes * 128, "{lost} images of {set} are gone, {bytes} bytes were damaged");
    }
    report
}

/// Returns the number of damaged archives to try: those of `.ci/nightly`, or as many as take ten seconds.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(50)
}

/// A part of a length.
fn part(of: usize, thousandths: usize) -> usize {
    of * thousandths / 1000
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, rng_seed: RngSeed::Fixed(5), ..ProptestConfig::default() })]

    #[test]
    fn is_every_image_whose_bytes_are_whole_recovered(
        spots in prop::collection::vec((0_usize..1000, 0_usize..100, 1_usize..40, any::<u8>()), 0..4),
        cut in prop::option::weighted(0.3, 0_usize..1000),
        wipes_directory in prop::bool::weighted(0.2),
    ) {
        thread_local! {
            static SAVED: (tempfile::TempDir, Saved) = {
                let folder = tempfile::tempdir().unwrap();
                let saved = saved(folder.path());
                (folder, saved)
            };
        }
        SAVED.with(|(folder, saved)| {
            let places = places(&saved.bytes);
            let mut damaged = saved.bytes.clone();
            for (place, more, len, with) in spots {
                let start = part(damaged.len(), place) + part(damaged.len() / 100, 10 * more);
                let start = start.min(damaged.len());
                let end = damaged.len().min(start + len);
                damaged[start..end].iter_mut().for_each(|byte| *byte ^= with);
            }
            let directory = places.iter().map(|place| place.data.end).max().unwrap();
            if wipes_directory {
                damaged[directory..].fill(0);
            }
            if let Some(cut) = cut {
                damaged.truncate(part(damaged.len(), cut));
            }
            check(saved, &places, &damaged, folder.path());
        });
    }
}

#[test]
fn is_an_archive_without_its_central_directory_recovered_whole() {
    let folder = tempfile::tempdir().unwrap();
    let saved = saved(folder.path());
    let places = places(&saved.bytes);
    let end = places.iter().map(|place| place.data.end).max().unwrap();
    let report = check(&saved, &places, &saved.bytes[..end], folder.path());
    assert_eq!((report.doubtful.len(), report.saved.images), (0, 800));
    assert_eq!(report.gone.len(), 1);
    assert!(report.gone[0].to_string().contains("there may have been others"), "{}", report.gone[0]);
}

#[test]
fn is_one_damaged_image_named_and_blank_in_its_stack() {
    let folder = tempfile::tempdir().unwrap();
    let saved = saved(folder.path());
    let places = places(&saved.bytes);
    let payload = places.iter().find(|place| place.name == ".bitnpz/stack/payload-0").unwrap();
    let mut damaged = saved.bytes.clone();
    let middle = usize::midpoint(payload.data.start, payload.data.end);
    damaged[middle] ^= 0x10;
    let report = check(&saved, &places, &damaged, folder.path());
    assert!(!report.gone.is_empty() && report.doubtful.is_empty(), "{report:?}");
    let stack = Archive::open(folder.path().join("salvaged.npz")).unwrap().images("stack").unwrap();
    assert_eq!(stack.len(), 500);
    for problem in &report.gone {
        assert_eq!(stack.read::<u8>(problem.image.unwrap()).unwrap().sum(), 0, "{problem:?}");
    }
}

#[test]
fn are_images_recovered_if_their_member_has_a_damaged_name_too() {
    let folder = tempfile::tempdir().unwrap();
    let saved = saved(folder.path());
    let places = places(&saved.bytes);
    let payload = places.iter().find(|place| place.name == ".bitnpz/images/payload-0").unwrap();
    let mut damaged = saved.bytes.clone();
    damaged[usize::midpoint(payload.data.start, payload.data.end)] ^= 1;
    let local_name = payload.local.start + 30;
    for names in [
        payload.central.end - payload.name.len()..payload.central.end,
        local_name..local_name + payload.name.len(),
    ] {
        for at in names {
            damaged[at] ^= 0x40;
            check(&saved, &places, &damaged, folder.path());
            damaged[at] ^= 0x40;
        }
    }
}

/// A block of one image is read whole with it: what is doubtful is kept all the same.
#[test]
fn keeps_an_image_alone_in_its_block() {
    let folder = tempfile::tempdir().unwrap();
    let [path, saved] = ["a.npz", "saved.npz"].map(|name| folder.path().join(name));
    let image =
        |number: usize| Array2::from_shape_fn((16, 16), |(y, x)| (y * 7 + x * number + number / 7) % 11 < 4);
    for is_keyed in [false, true] {
        let mut writer = Writer::create_with(&path, &WriteOptions::default().with_codec(Codec::Raw)).unwrap();
        if is_keyed {
            (0..257).for_each(|number| writer.add_image(&format!("k{number}"), &image(number)).unwrap());
        } else {
            writer
                .add_images("w/x", &Array3::from_shape_fn((257, 16, 16), |(n, y, x)| image(n)[[y, x]]))
                .unwrap();
        }
        writer.finish().unwrap();
        let mut bytes = fs::read(&path).unwrap();
        let places = places(&bytes);
        let payload = places.iter().find(|place| place.name.contains("payload-0")).unwrap();
        bytes[payload.data.end - 1] ^= 1;
        fs::write(&path, bytes).unwrap();
        let report = salvage(&path, &saved, &Limits::default(), |_| ()).unwrap();
        assert_eq!((report.doubtful.len() + report.gone.len(), report.saved.images), (1, 257));
        let key = report.doubtful.iter().chain(&report.gone).find_map(|problem| problem.key.as_deref());
        assert_eq!(key, Some(if is_keyed { "k256" } else { "image 256 of w/x" }));
        drop(fs::remove_file(&saved));
    }
}

/// Arrays that deflate makes a thousand times smaller are members like others.
#[test]
fn takes_all_of_archives_that_are_far_smaller_than_their_arrays() {
    let folder = tempfile::tempdir().unwrap();
    let [path, saved] = ["a.npz", "saved.npz"].map(|name| folder.path().join(name));
    let mut writer = Writer::create(&path).unwrap();
    writer.add_array("zeros", &ndarray::Array1::<i64>::zeros(100_000)).unwrap();
    writer.add_array("numbers", &ndarray::Array1::from_iter(0..99_i64)).unwrap();
    writer.finish().unwrap();
    let report = salvage(&path, &saved, &Limits::default(), |_| ()).unwrap();
    assert_eq!((report.gone.len(), report.saved.keys), (0, 2));
    // A damaged stream is damage of its member, whatever the decoder says.
    let whole = fs::read(&path).unwrap();
    let mut damaged = 0;
    for place in 180..260 {
        let mut bytes = whole.clone();
        bytes[place] ^= 8;
        let zip = bitnpz_npz::Archive::from_bytes(bytes).unwrap();
        let mut read = Vec::new();
        if let Err(error) = zip.find("zeros").unwrap().reader().unwrap().read_to_end(&mut read) {
            assert!(error.kind() == io::ErrorKind::InvalidData, "{place}: {error}");
            damaged += usize::from(error.to_string().contains("its compressed data is damaged"));
        }
    }
    assert!(damaged > 0);
}

/// What NumPy could read, it can still read, and what is appended later is like it.
#[test]
fn keeps_the_encoding() {
    let folder = tempfile::tempdir().unwrap();
    let [path, saved] = ["a.npz", "saved.npz"].map(|name| folder.path().join(name));
    for encoding in Encoding::ALL {
        let options = WriteOptions::default().with_encoding(encoding);
        let mut writer = Writer::create_with(&path, &options).unwrap();
        writer.add_images("x", &Array3::from_shape_fn((300, 9, 9), |(n, y, x)| (n + y * x) % 7 < 2)).unwrap();
        writer.finish().unwrap();
        let report = salvage(&path, &saved, &Limits::default(), |_| ()).unwrap();
        assert_eq!((report.gone.len(), report.saved.images), (0, 300), "{encoding}");
        assert_eq!(Archive::open(&saved).unwrap().encoding(), encoding);
    }
}

/// Another program may write two sets that have a key in common, or a member with the key of an image.
#[test]
fn takes_the_first_of_images_with_one_key() {
    let folder = tempfile::tempdir().unwrap();
    let [first, second, both, saved] = ["1", "2", "both", "saved"].map(|name| folder.path().join(name));
    for (path, start) in [(&first, 0), (&second, 50)] {
        let mut writer = Writer::create(path).unwrap();
        for number in start..start + 100 {
            let image = Array2::from_shape_fn((16, 16), |(y, x)| (y * 7 + x * number + start) % 11 < 4);
            writer.add_image(&format!("k{number}"), &image).unwrap();
        }
        writer.finish().unwrap();
    }
    let [one, other] = [&first, &second].map(|path| bitnpz_npz::Archive::open(path).unwrap());
    let mut writer =
        bitnpz_npz::Writer::new(io::Cursor::new(Vec::new()), &bitnpz_npz::WriteOptions::default());
    for (archive, name) in [(&one, "images"), (&other, "others")] {
        for member in archive.members().filter(|member| member.name() != ".bitnpz/sets.json") {
            let name = member.name().replace(".bitnpz/images/", &format!(".bitnpz/{name}/"));
            drop(writer.copy_as(&member, &name));
        }
    }
    writer.add(".bitnpz/sets.json", br#"{"version": 1, "sets": ["images", "others"]}"#.to_vec()).unwrap();
    writer.add("k3.npy", bitnpz::DynArray::from_ndarray(&ndarray::array![1.5]).to_npy().unwrap()).unwrap();
    fs::write(&both, writer.finish().unwrap().into_inner()).unwrap();

    let report = salvage(&both, &saved, &Limits::default(), |_| ()).unwrap();
    let gone: HashSet<_> = report.gone.iter().filter_map(|problem| problem.key.clone()).collect();
    assert_eq!((report.gone.len(), report.saved.images), (51, 150), "{report:?}");
    assert!((50..100).all(|number| gone.contains(&format!("k{number}"))));
    let (archive, first) = (Archive::open(&saved).unwrap(), Archive::open(&first).unwrap());
    for number in 0..100 {
        let key = format!("k{number}");
        assert_eq!(archive.image::<bool>(&key).unwrap(), first.image::<bool>(&key).unwrap());
    }
    assert_eq!(archive.len(), 150);
}
