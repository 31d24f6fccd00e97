//! The order of keys, and members that are not arrays.

use std::cell::RefCell;
use std::fs;
use std::io::{Cursor, Write as _};
use std::path::Path;

use bitnpz::{Archive, Encoding, Item, Limits, OtherContent, WriteOptions, Writer};
use bitnpz_oracle::Oracle;
use ndarray::{Array1, Array2, Array3, array};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::support::{Folder, create, reference_decoder};

/// A thing to save.
#[derive(Clone, Copy, Debug)]
enum What {
    /// An image of bools, or of bytes, which are another set.
    Image {
        is_bool: bool,
    },
    /// Images under one key, added at once or in two batches.
    Stack {
        images: usize,
        in_batches: bool,
    },
    Labels,
}

/// A key and the thing to save under it.
type Saved = (String, What);

fn what() -> impl Strategy<Value = What> {
    prop_oneof![
        4 => any::<bool>().prop_map(|is_bool| What::Image { is_bool }),
        2 => (1_usize..600, any::<bool>()).prop_map(|(images, in_batches)| What::Stack { images, in_batches }),
        2 => Just(What::Labels),
    ]
}

/// Things to save, with runs of the same kind.
fn saved() -> impl Strategy<Value = Vec<Saved>> {
    let runs = prop::collection::vec((what(), 1_usize..14), 1..9);
    runs.prop_map(|runs| {
        let all = runs.into_iter().flat_map(|(what, count)| std::iter::repeat_n(what, count));
        // Keys whose sorted order is another.
        all.enumerate().map(|(number, what)| (format!("{:03}-{number}", number * 37 % 101), what)).collect()
    })
}

fn add(writer: &mut Writer, (key, what): &Saved) {
    match *what {
        What::Image { is_bool: true } => writer.add_image(key, &Array2::from_elem((9, 9), true)).unwrap(),
        What::Image { is_bool: false } => writer.add_image(key, &Array2::from_elem((9, 9), 7_u8)).unwrap(),
        What::Stack { images, in_batches: false } => {
            writer.add_images(key, &Array3::from_elem((images, 9, 9), false)).unwrap();
        }
        What::Stack { images, in_batches: true } => {
            writer.extend(key, &Array3::from_elem((images, 9, 9), true)).unwrap();
        }
        What::Labels => writer.add_array(key, &Array1::from_iter(0_i64..5)).unwrap(),
    }
}

fn write(path: &Path, encoding: Encoding, all: &[Saved]) {
    let mut writer = create(path, encoding);
    all.iter().for_each(|saved| add(&mut writer, saved));
    // Extends stacks behind which other keys were added.
    for saved in all.iter().filter(|(_, what)| matches!(what, What::Stack { in_batches: true, .. })) {
        add(&mut writer, saved);
    }
    writer.finish().unwrap();
}

fn keys(path: &Path) -> Vec<String> {
    let archive = Archive::open(path).unwrap();
    let keys: Vec<String> = archive.keys().collect();
    let entries: Vec<String> = archive.entries().map(|entry| entry.unwrap().key().to_owned()).collect();
    assert_eq!(keys, entries);
    assert_eq!(archive.len(), keys.len());
    assert!(archive.verify(|_| ()).unwrap().problems.is_empty());
    keys
}

#[test]
fn keeps_keys_in_the_order_of_saving() {
    let python = RefCell::new(reference_decoder());
    let mut runner = TestRunner::new(ProptestConfig::with_cases(8));
    let test = |(first, then): (Vec<Saved>, Vec<Saved>)| {
        let folder = Folder::new();
        let then: Vec<Saved> = then.into_iter().map(|(key, what)| (format!("then-{key}"), what)).collect();
        let expected: Vec<String> = first.iter().map(|(key, _)| key.clone()).collect();
        let of_both: Vec<String> =
            expected.iter().cloned().chain(then.iter().map(|(key, _)| key.clone())).collect();
        for encoding in Encoding::ALL {
            let path = folder.path("first.npz");
            write(&path, encoding, &first);
            prop_assert_eq!(&keys(&path), &expected);
            for other in Encoding::ALL {
                let copy = folder.path("copy.npz");
                let mut writer = create(&copy, other);
                writer.copy_from(&Archive::open(&path).unwrap()).unwrap();
                writer.finish().unwrap();
                prop_assert_eq!(&keys(&copy), &expected);
            }
            let mut writer = Writer::append(&path, &WriteOptions::default()).unwrap();
            then.iter().for_each(|saved| add(&mut writer, saved));
            writer.finish().unwrap();
            prop_assert_eq!(&keys(&path), &of_both);
            let listed = python.borrow_mut().run(
                "outputs.append('\\n'.join(bitnpz_reference.load(inputs[0].decode())).encode())\n\
                 outputs.append('\\n'.join(k for k in np.load(inputs[0].decode()).files if not k.startswith('.bitnpz/')).encode())",
                &[path.to_str().unwrap().as_bytes()],
            );
            let [of_reference, of_numpy] = [0, 1].map(|n| String::from_utf8(listed[n].clone()).unwrap());
            prop_assert_eq!(of_reference.lines().collect::<Vec<_>>(), of_both.iter().collect::<Vec<_>>());
            let mut all = of_both.iter();
            for key in of_numpy.lines() {
                prop_assert!(all.any(|other| other == key), "{} comes too late for NumPy", key);
            }
            let saved = folder.path("saved.npz");
            bitnpz::salvage(&path, &saved, &Limits::default(), |_| ()).unwrap();
            prop_assert_eq!(&keys(&saved), &of_both);
        }
        Ok(())
    };
    runner.run(&(saved(), saved()), test).unwrap();
}

#[test]
fn salvage_keeps_the_order() {
    let folder = Folder::new();
    let path = folder.path("damaged.npz");
    let mut writer = Writer::create(&path).unwrap();
    let image =
        |seed: usize| Array2::from_shape_fn((16, 16), |(y, x)| (y * seed + x * 7) % (5 + seed % 11) < 2);
    for number in 0..60 {
        writer.add_image(&format!("ix-{number}"), &image(number)).unwrap();
        if number % 20 == 7 {
            writer.add_array(&format!("labels-{number}"), &array![1_i64]).unwrap();
        }
    }
    writer.add_images("stack", &Array3::from_shape_fn((600, 16, 16), |(i, y, x)| image(i)[[y, x]])).unwrap();
    writer.add_array("last", &array![2.5]).unwrap();
    writer.finish().unwrap();
    let expected = keys(&path);
    let mut bytes = fs::read(&path).unwrap();
    for set in ["stack", "images"] {
        let name = format!(".bitnpz/{set}/payload-0");
        let place = bytes.windows(name.len()).position(|window| window == name.as_bytes()).unwrap();
        bytes[place + name.len() + 170] ^= 0xFF;
    }
    fs::write(&path, bytes).unwrap();
    let saved = folder.path("saved.npz");
    let salvage = bitnpz::salvage(&path, &saved, &Limits::default(), |_| ()).unwrap();
    assert!(!salvage.gone.is_empty() || !salvage.doubtful.is_empty());
    let found = keys(&saved);
    let mut all = expected.iter();
    assert!(found.iter().all(|key| all.any(|other| other == key)), "{found:?}");
    // An image of each set and its repeats are lost.
    assert!(expected.len() - found.len() < 8, "{found:?}");
}

#[test]
fn small_sets_stay_arrays_for_numpy() {
    let folder = Folder::new();
    let mut python = Oracle::start();
    let path = folder.path("small.npz");
    let sum = |python: &mut Oracle, path: &Path| {
        let code = "import numpy as np\nwith np.load(inputs[0].decode()) as z:\n    g = z['g']\n    \
            outputs.append(f'{g.shape} {g.dtype} {g.sum()}'.encode())";
        String::from_utf8(python.run(code, &[path.to_str().unwrap().as_bytes()]).remove(0)).unwrap()
    };
    let mut writer = Writer::create(&path).unwrap();
    writer.add_images("g", &Array3::from_elem((3, 28, 28), true)).unwrap();
    writer.finish().unwrap();
    assert_eq!(sum(&mut python, &path), "(3, 28, 28) bool 2352");
    // Appending keeps to the encoding of the archive as long as the stack is small.
    let mut writer = Writer::append(&path, &WriteOptions::default()).unwrap();
    writer.extend("g", &Array3::from_elem((2, 28, 28), false)).unwrap();
    writer.add_image("one", &Array2::from_elem((28, 28), true)).unwrap();
    writer.finish().unwrap();
    assert_eq!(sum(&mut python, &path), "(5, 28, 28) bool 2352");
    // Enough images become a set.
    let mut writer = Writer::append(&path, &WriteOptions::default()).unwrap();
    writer.extend("g", &Array3::from_elem((200, 28, 28), false)).unwrap();
    writer.finish().unwrap();
    let archive = Archive::open(&path).unwrap();
    assert_eq!(archive.entry("g").unwrap().encoding(), Encoding::Sets);
    assert_eq!(archive.keys().collect::<Vec<_>>(), ["g", "one"]);
    // A plain archive stays plain.
    let plain = folder.path("plain.npz");
    let of_numpy = "import numpy as np\nnp.savez(inputs[0].decode(), g=np.ones((600, 28, 28), bool))";
    python.run(of_numpy, &[plain.to_str().unwrap().as_bytes()]);
    let mut writer = Writer::append(&plain, &WriteOptions::default()).unwrap();
    writer.add_images("more", &Array3::from_elem((600, 28, 28), false)).unwrap();
    writer.finish().unwrap();
    let archive = Archive::open(&plain).unwrap();
    assert!(archive.entries().all(|entry| entry.unwrap().encoding() == Encoding::Plain));
}

/// Returns an archive as other programs make them: with arrays of Python objects, dtypes that NumPy lacks, arrays without `.npy`,
/// and the files that macOS adds.
fn foreign() -> Vec<u8> {
    let mut python = Oracle::start();
    let code = r#"
import io, zipfile, numpy as np
def npy(array):
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()
file = io.BytesIO()
with zipfile.ZipFile(file, "w") as z:
    z.writestr("meta.json", "{}")
    z.writestr("masks.npy", npy(np.tri(30, dtype=bool)[None].repeat(200, 0)))
    z.writestr("__MACOSX/._masks.npy", b"\0\5\x16\7" + b"\0" * 60)
    z.writestr("names.npy", npy(np.array(["a", 1], object)))
    z.writestr("float8.npy", npy(np.zeros(3, np.uint8)).replace(b"'|u1'", b"'<f1'"))
    z.writestr("bare", npy(np.arange(3)))
    z.writestr("labels.npy", npy(np.arange(200)), zipfile.ZIP_LZMA)
    z.writestr("boxes.npy", npy(np.arange(800).reshape(200, 4)), zipfile.ZIP_BZIP2)
outputs.append(file.getvalue())
"#;
    python.run(code, &[]).remove(0)
}

#[test]
fn copies_members_that_are_not_arrays() {
    let names = ["meta.json", "masks", "__MACOSX/._masks", "names", "float8", "bare", "labels", "boxes"];
    let folder = Folder::new();
    let archive = Archive::from_bytes(foreign()).unwrap();
    let read = |archive: &Archive| -> Vec<String> {
        let name = |item| match item {
            Item::Array(entry) => format!("{}: array", entry.key()),
            Item::Other(other) => format!("{}: {}", other.name(), other.content()),
            _ => unreachable!("items are arrays or others"),
        };
        archive.items().map(|item| name(item.unwrap())).collect()
    };
    let expected = [
        "meta.json: file",
        "masks: array",
        "__MACOSX/._masks: file",
        "names: Python objects",
        "float8: dtype \"<f1\"",
        "bare: file",
        "labels: array",
        "boxes: array",
    ];
    assert_eq!(read(&archive), expected);
    assert!(archive.verify(|_| ()).unwrap().problems.is_empty());
    assert!(archive.verify_structure().unwrap().problems.is_empty());
    for encoding in Encoding::ALL {
        let path = folder.path("copy.npz");
        let mut writer = create(&path, encoding);
        writer.copy_from(&archive).unwrap();
        let summary = writer.finish().unwrap();
        assert_eq!((summary.keys, summary.others), (3, 5));
        let copy = Archive::open(&path).unwrap();
        assert_eq!(read(&copy), expected, "{encoding}");
        assert_eq!(copy.names().collect::<Vec<_>>(), names);
        assert_eq!(copy.other("__MACOSX/._masks").unwrap(), archive.other("__MACOSX/._masks").unwrap());
        assert_eq!(copy.other("meta.json").unwrap().unwrap(), b"{}");
        assert!(copy.other("names").unwrap().is_none());
        assert_eq!(copy.array::<i64>("labels").unwrap()[[199]], 199);
    }
    assert!(matches!(archive.entry("names").unwrap_err().kind(), bitnpz::ErrorKind::Npy(_)));
    let Some(Ok(Item::Other(other))) = archive.items().nth(3) else { panic!("expected Python objects") };
    assert_eq!(*other.content(), OtherContent::Objects);
}

#[test]
fn refuses_to_copy_damaged_members() {
    let mut bytes = foreign();
    let place = bytes.windows(2).position(|window| window == b"{}").unwrap();
    bytes[place] = b'[';
    let folder = Folder::new();
    let mut writer = Writer::create(folder.path("copy.npz")).unwrap();
    let error = writer.copy_from(&Archive::from_bytes(bytes).unwrap()).unwrap_err();
    assert!(error.to_string().contains("meta.json"), "{error}");
}

#[test]
fn counts_bytes_outside_members() {
    let mut python = Oracle::start();
    let code = r#"
import io, numpy as np
class Pipe(io.RawIOBase):
    data = b""
    def writable(self): return True
    def write(self, data):
        self.data += bytes(data)
        return len(data)
pipe = Pipe()
np.savez_compressed(pipe, x=np.eye(9), y=np.arange(5))
outputs.append(pipe.data)
"#;
    let bytes = python.run(code, &[]).remove(0);
    assert_eq!(Archive::from_bytes(bytes.clone()).unwrap().verify(|_| ()).unwrap().gaps, 0);
    let mut longer = Cursor::new(Vec::new());
    longer.write_all(b"something before it").unwrap();
    longer.write_all(&bytes).unwrap();
    assert_eq!(Archive::from_bytes(longer.into_inner()).unwrap().verify(|_| ()).unwrap().gaps, 19);
}
