//! Errors name the key, and nothing is lost by them.

use std::fs;
use std::io::Cursor;

use bitnpz::{Archive, Dtype, DynArray, Encoding, ErrorKind, WriteOptions, Writer};
use ndarray::{Array1, Array2, Array3, Axis, array};

#[test]
fn refuses_empty_keys() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = bitnpz::Writer::create(folder.path().join("a.npz")).unwrap();
    for key in ["", ".npy", ".npy.npy"] {
        let error = writer.add_image(key, &ndarray::array![[true, false]]).unwrap_err();
        assert!(error.to_string().contains("expected a name"), "{key:?}: {error}");
    }
}

#[test]
fn errors_name_the_key_and_the_pixel() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = Writer::create(folder.path().join("a.npz")).unwrap();
    let mut stack = Array3::from_elem((3, 4, 5), 0.0_f32);
    stack[[0, 0, 1]] = 1.0;
    stack[[2, 3, 4]] = 0.5;
    let message = |result: bitnpz::Result<()>| result.unwrap_err().to_string();
    assert_eq!(
        message(writer.add_images("grey", &stack)),
        "\"grey\": expected two values, found a third: pixel (2, 3, 4) is 0.5, others are 0.0 and 1.0; \
         compare with a threshold first, or store it as an ordinary array"
    );
    stack[[2, 3, 4]] = f32::NAN;
    assert!(message(writer.add_images("nan", &stack)).contains("found NaN at pixel (2, 3, 4)"));
    assert!(message(writer.add_images("row", &array![true, false])).contains("two or more dimensions"));
    assert!(message(writer.add_array(".bitnpz/x", &array![1])).contains("the library's own"));
    writer.add_image("taken", &array![[true]]).unwrap();
    for key in ["taken", "taken.npy"] {
        assert!(message(writer.add_image(key, &array![[true]])).contains("has this key already"));
    }
    let mut stack = writer.stack("stack", &Dtype::of::<u8>(), [2, 2]).unwrap();
    stack.push(&array![[0_u8, 1], [1, 0]]).unwrap();
    assert!(message(stack.push(&array![[0_u8, 1]])).contains("expected shape (2, 2), found (1, 2)"));
    assert!(message(stack.push(&array![[0.0, 1.0], [1.0, 0.0]])).contains("'|u1'"));
    assert!(message(stack.push(&array![[0_u8, 1], [7, 0]])).contains("pixel (1, 1, 0) is 7"));
    stack.finish().unwrap();
    writer.finish().unwrap();

    let archive = Archive::open(folder.path().join("a.npz")).unwrap();
    assert_eq!(archive.keys().collect::<Vec<_>>(), ["taken", "stack"]);
    assert!(archive.image::<bool>("missing").unwrap_err().to_string().contains("no such key"));
    assert!(archive.image::<bool>("stack").unwrap_err().to_string().contains("one image"));
    assert!(archive.array::<f32>("taken").unwrap_err().to_string().contains("'|b1'"));
    assert!(archive.array::<u8>(".bitnpz/packed.json").is_err());
}

#[test]
fn errors_say_what_can_be_extended() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npz");
    let images = Array3::from_shape_fn((400, 9, 11), |(n, y, x)| (y * 5 + x * n) % 7 < 2);
    for encoding in [Encoding::Sets, Encoding::Packed, Encoding::Plain] {
        let options = WriteOptions::default().with_encoding(encoding);
        let mut writer = Writer::create_with(&path, &options).unwrap();
        writer.add_images("glyphs", &images).unwrap();
        writer.add_array("labels", &Array1::<i64>::zeros(400)).unwrap();
        for (number, image) in images.outer_iter().take(30).enumerate() {
            writer.add_image(&format!("ix-{number}"), &image).unwrap();
        }
        writer.extend("started", &images).unwrap();
        writer.finish().unwrap();

        let mut writer = Writer::append(&path, &WriteOptions::default()).unwrap();
        let mut message = |key: &str, images: &DynArray| {
            let error = writer.extend_dyn(key, &images.view()).map_err(|error| error.to_string());
            error.err().unwrap_or_default()
        };
        let [batch, row] = [DynArray::from_ndarray(&images), DynArray::from_ndarray(&array![1, 2, 3])];
        let one = DynArray::from_ndarray(&images.index_axis(Axis(0), 0));
        for key in ["labels", "ix-7", "ix-7.npy"] {
            assert!(message(key, &batch).contains("to which images cannot be added"), "{encoding:?} {key}");
        }
        for key in ["glyphs", "started"] {
            let extends = message(key, &batch).is_empty();
            assert_eq!(extends, encoding == Encoding::Sets, "{encoding:?} {key}");
        }
        assert!(message("new", &batch).is_empty());
        let error = writer.extend_dyn_of("turned", &batch.view(), "HWN".parse().unwrap()).unwrap_err();
        assert!(error.to_string().contains("found one along another axis"), "{error}");
        let mut message = |key: &str, images: &DynArray| {
            let error = writer.extend_dyn(key, &images.view()).map_err(|error| error.to_string());
            error.err().unwrap_or_default()
        };
        for key in ["glyphs", "labels", "new", "other"] {
            let found = message(key, &row);
            let expected =
                "shape (n, height, width), found shape (3,): arrays of fewer dimensions cannot be extended";
            assert!(found.contains(expected), "{encoding:?} {key}: {found}");
            let found = message(key, &one);
            let expected = "found one image, shape (9, 11): as a stack of one it has shape (1, 9, 11)";
            assert!(found.contains(expected), "{encoding:?} {key}: {found}");
        }
    }
}

#[test]
fn dropped_writer_keeps_the_old_archive() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npz");
    let write = |value: u8| {
        let mut writer = Writer::create(&path).unwrap();
        writer.add_array("x", &array![value]).unwrap();
        writer
    };
    write(1).finish().unwrap();
    drop(write(2));
    assert_eq!(Archive::open(&path).unwrap().array::<u8>("x").unwrap()[0], 1);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    write(3).finish().unwrap();
    assert_eq!(Archive::open(&path).unwrap().array::<u8>("x").unwrap()[0], 3);
}

/// Opens an archive of one packed image with these members.
fn tampered(json: &str, packed: &[u8]) -> bitnpz::Result<Archive> {
    let mut writer = bitnpz_npz::Writer::new(Cursor::new(Vec::new()), &bitnpz_npz::WriteOptions::default());
    writer.add("x.npy", packed.to_vec()).unwrap();
    writer.add(".bitnpz/packed.json", json.as_bytes().to_vec()).unwrap();
    Archive::from_bytes(writer.finish().unwrap().into_inner())
}

#[test]
fn refuses_false_descriptions_of_packed_rows() {
    let npy = |rows: Array2<u8>| bitnpz::DynArray::from_ndarray(&rows).to_npy().unwrap();
    let json = |width: u64| {
        format!(r#"{{"version":1,"default":{{"dtype":"|b1","values":[false,true],"width":{width}}}}}"#)
    };
    let good = npy(array![[0x80], [0xE0]]);
    assert_eq!(tampered(&json(3), &good).unwrap().image::<bool>("x").unwrap().dim(), (2, 3));
    for width in [0, 9, 1 << 40, u64::MAX] {
        let Ok(archive) = tampered(&json(width), &good) else { continue };
        assert!(archive.image::<bool>("x").is_err(), "{width}");
        assert!(archive.dyn_array("x").is_err(), "{width}");
        assert_eq!(archive.verify(|_| ()).unwrap().problems.len(), 1, "{width}");
    }
    let padded = tampered(&json(3), &npy(array![[0x80], [0x10]])).unwrap();
    assert!(padded.image::<bool>("x").unwrap_err().to_string().contains("behind the last pixel of row 1"));
    assert_eq!(padded.verify(|_| ()).unwrap().problems.len(), 1);
    assert!(tampered("{", &good).unwrap_err().to_string().contains(".bitnpz/packed.json"));
    let missing = tampered(r#"{"version":1,"exceptions":{"y":null}}"#, &good).unwrap();
    assert!(missing.verify(|_| ()).unwrap().problems[0].message.contains("\"y\""));
}

/// A sample has no key.
#[test]
fn a_sample_that_does_not_fit_is_told_without_a_key() {
    let images = array![[[0_u8, 1], [2, 0]]];
    let error = bitnpz::Model::train(&images, 9, &WriteOptions::default()).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::NotBilevel { .. }) && error.key().is_none(), "{error}");
}
