//! Keys that end in `.npy` or have control characters.

use std::io::Cursor;
use std::path::Path;

use bitnpz::{Archive, DynArray, Encoding, OpenOptions, WriteOptions, Writer};
use bitnpz_oracle::Oracle;
use ndarray::{Array1, arr1};

use crate::support::{Folder, create, image, reference_decoder, stack};

/// Saves a stack, an array and images with keys of their own, of which `named` makes the keys.
fn save(path: &Path, encoding: Encoding, named: impl Fn(&str) -> String) {
    let mut writer = create(path, encoding);
    writer.add_images(&named("stack"), &stack(300)).unwrap();
    writer.add_images(&named("few"), &stack(2)).unwrap();
    writer.add_array(&named("labels"), &Array1::from_iter(0_i64..300)).unwrap();
    for number in 0..40 {
        writer.add_image(&named(&format!("ix-{number}")), &image(20, 30, number)).unwrap();
    }
    writer.finish().unwrap();
}

/// Checks that an archive has what `save` saved, in order, under these keys; and that `given` finds it, too.
fn check(archive: &Archive, named: impl Fn(&str) -> String, given: impl Fn(&str) -> String) {
    let names: Vec<String> = ["stack", "few", "labels"].map(str::to_owned).into();
    let names: Vec<String> = names.into_iter().chain((0..40).map(|number| format!("ix-{number}"))).collect();
    assert!(
        archive.keys().eq(names.iter().map(|name| named(name))),
        "{:?}",
        archive.keys().collect::<Vec<_>>()
    );
    for key in [&named as &dyn Fn(&str) -> String, &given] {
        assert!(names.iter().all(|name| archive.contains(&key(name))));
        assert_eq!(archive.array::<bool>(&key("stack")).unwrap(), stack(300).into_dyn());
        assert_eq!(archive.array::<bool>(&key("few")).unwrap(), stack(2).into_dyn());
        assert_eq!(archive.array::<i64>(&key("labels")).unwrap().len(), 300);
        for number in 0..40 {
            assert_eq!(archive.image::<bool>(&key(&format!("ix-{number}"))).unwrap(), image(20, 30, number));
        }
    }
    assert!(archive.verify(|_| ()).unwrap().problems.is_empty());
}

/// Returns the keys that the reference decoder finds, each followed by the number of its array's items.
fn read_by_reference(python: &mut Oracle, path: &Path) -> Vec<Vec<u8>> {
    let code = "
for key, array in bitnpz_reference.load(inputs[0].decode()).items():
    outputs += [key.encode(), b'%d' % array.size]
";
    python.run(code, &[path.to_str().unwrap().as_bytes()])
}

const ENCODINGS: [Encoding; 3] = [Encoding::Sets, Encoding::Packed, Encoding::Plain];

#[test]
fn npy_at_the_end_of_a_key_does_not_count() {
    let folder = Folder::new();
    let (bare, ending) = (|name: &str| name.to_owned(), |name: &str| format!("{name}.npy"));
    for encoding in ENCODINGS {
        let [first, second, merged] = ["first.npz", "second.npz", "merged.npz"].map(|name| folder.path(name));
        save(&first, encoding, bare);
        save(&second, encoding, ending);
        assert_eq!(std::fs::read(&first).unwrap(), std::fs::read(&second).unwrap(), "{encoding:?}");
        check(&Archive::open(&second).unwrap(), bare, ending);
        for other in ENCODINGS {
            let mut writer = create(&merged, other);
            writer.copy_from(&Archive::open(&second).unwrap()).unwrap();
            writer.finish().unwrap();
            check(&Archive::open(&merged).unwrap(), bare, ending);
        }
    }
}

#[test]
fn archives_of_other_programs_may_have_npy_twice() {
    let folder = Folder::new();
    let npy = |values: &[u8]| DynArray::from_ndarray(&arr1(values)).to_npy().unwrap();
    let rows =
        DynArray::from_ndarray(&ndarray::arr3(&[[[0x80_u8], [0xE0]], [[0x20], [0xE0]]])).to_npy().unwrap();
    let packed = |exceptions: &str| {
        format!(
            r#"{{"version":1,"default":{{"dtype":"|b1","values":[false,true],"width":3}},"exceptions":{exceptions}}}"#
        )
    };
    let described = [None, Some(packed(r#"{"k": null}"#)), Some(packed(r#"{"k.npy": null}"#))];
    for (number, description) in described.into_iter().enumerate() {
        let mut writer =
            bitnpz_npz::Writer::new(Cursor::new(Vec::new()), &bitnpz_npz::WriteOptions::default());
        writer.add("k.npy.npy", npy(&[1, 2, 3])).unwrap();
        writer.add("m.npy", rows.clone()).unwrap();
        if let Some(json) = description {
            writer.add(".bitnpz/packed.json", json.into_bytes()).unwrap();
        }
        let path = folder.path("a.npz");
        std::fs::write(&path, writer.finish().unwrap().into_inner()).unwrap();
        let archive = Archive::open(&path).unwrap();
        assert!(archive.keys().eq(["k", "m"]));
        for key in ["k", "k.npy", "k.npy.npy"] {
            assert_eq!(archive.array::<u8>(key).unwrap(), arr1(&[1, 2, 3]).into_dyn(), "{number}");
        }
        assert_eq!(archive.entry("m").unwrap().shape(), [2, 2, if number > 0 { 3 } else { 1 }]);
        assert!(archive.verify(|_| ()).unwrap().problems.is_empty(), "{number}");
        let copy = folder.path("b.npz");
        Writer::merge(&copy, &[&path], &WriteOptions::default()).unwrap().finish().unwrap();
        assert!(Archive::open(&copy).unwrap().keys().eq(["k", "m"]));
        if number == 0 {
            // Only images can be shards.
            continue;
        }
        let manifest = folder.path(&format!("{number}.bitnpz.json"));
        bitnpz::commit(&manifest, &[&path], &OpenOptions::default()).unwrap();
        assert!(bitnpz::ShardedArchive::open(&manifest).unwrap().array_keys().eq(["m", "k"]));
    }
}

#[test]
fn keys_may_have_control_characters() {
    let folder = Folder::new();
    let mut python = reference_decoder();
    let path = folder.path("a.npz");
    for encoding in ENCODINGS {
        for named in [|name: &str| format!("{name}\n\u{7F}\u{85}"), |name: &str| format!("\u{1}{name}\t")] {
            save(&path, encoding, named);
            let archive = Archive::open(&path).unwrap();
            check(&archive, named, named);
            let read = read_by_reference(&mut python, &path);
            assert!(
                read.iter().step_by(2).eq(archive.keys().map(String::into_bytes).collect::<Vec<_>>().iter())
            );
        }
    }
    let code =
        "np.savez(inputs[0].decode(), **{'x\\ny': np.eye(3), '\\x7f': np.arange(2), '': np.arange(3)})";
    python.run(code, &[path.to_str().unwrap().as_bytes()]);
    let archive = Archive::open(&path).unwrap();
    assert!(archive.keys().eq(["x\ny", "\u{7F}", ""]));
    assert_eq!(archive.array::<f64>("x\ny").unwrap().shape(), [3, 3]);
    assert_eq!(archive.array::<i64>("").unwrap().shape(), [3]);
    let error = Writer::create(folder.path("b.npz")).unwrap().add_array("a\0b", &arr1(&[1])).unwrap_err();
    assert!(error.to_string().contains("without NUL"), "{error}");
}

/// Of images that are all removed none need be whole, and none is left out because it has the key of another.
#[test]
fn images_are_removed_from_damaged_sets() {
    let folder = Folder::new();
    let path = folder.path("a.npz");
    let mut writer = create(&path, Encoding::Sets);
    (0..200).for_each(|number| writer.add_image(&format!("{number}"), &image(20, 30, number)).unwrap());
    writer.add_array("labels", &ndarray::array![3]).unwrap();
    writer.finish().unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    let place = bytes.windows(9).position(|name| name == b"payload-0").unwrap() + 9 + 60;
    bytes[place] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let without = |is_removed: &dyn Fn(&str) -> bool| {
        Writer::without(&path, &WriteOptions::default(), is_removed).and_then(Writer::finish)
    };
    assert!(without(&|key| key == "7").is_err());
    without(&|key| key != "labels").unwrap();
    assert_eq!(Archive::open(&path).unwrap().keys().collect::<Vec<_>>(), ["labels"]);
}
