//! Do arrays come back whose images are not along the last two axes, and are they coded as well as those that are?

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use bitnpz::{Archive, Content, DynArray, Encoding, ErrorKind, ImageAxes, Limits, WriteOptions, Writer};
use bitnpz_oracle::Oracle;
use ndarray::{Array3, ArrayD, Axis, IxDyn};

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

/// Blobs that move: shape `(n, 28, 20)`.
fn blobs(n: usize) -> Array3<u8> {
    Array3::from_shape_fn((n, 28, 20), |(i, y, x)| {
        let (y, x) = (y.abs_diff(9 + i % 11), x.abs_diff(5 + i % 7));
        u8::from(y * y + 2 * x * x < 30 + i % 40) * 255
    })
}

/// An array in the order of axes and of items that a text tells: `NHW1 F`.
fn arranged(stack: &Array3<u8>, form: &str) -> DynArray {
    let (axes, fortran) = form.split_once(' ').map_or((form, false), |(axes, _)| (axes, true));
    let array: ArrayD<u8> = match axes {
        "flat" => stack.clone().into_shape_with_order(IxDyn(&[stack.dim().0, 28 * 20])).unwrap(),
        _ => {
            let mut array = stack.clone().into_dyn();
            let order: Vec<usize> = axes.chars().filter_map(|letter| "NHW".find(letter)).collect();
            array = array.permuted_axes(IxDyn(&order));
            for (place, _) in axes.chars().enumerate().filter(|(_, letter)| *letter == '1') {
                array = array.insert_axis(Axis(place));
            }
            array
        }
    };
    let array = if fortran {
        array.t().as_standard_layout().into_owned().reversed_axes()
    } else {
        array.as_standard_layout().into_owned()
    };
    DynArray::from_ndarray(&array)
}

const FORMS: [(&str, ImageAxes); 9] = [
    ("NHW", ImageAxes::Inferred),
    ("NHW1", ImageAxes::Inferred),
    ("NHW11", ImageAxes::Inferred),
    ("N1HW", ImageAxes::Inferred),
    ("1NHW1", ImageAxes::Inferred),
    ("HWN F", ImageAxes::Inferred),
    ("HWN", ImageAxes::Axes { height: 0, width: 1, dimensions: 3 }),
    ("HNW", ImageAxes::Axes { height: 0, width: 2, dimensions: 3 }),
    ("flat", ImageAxes::Flat { height: 28, width: 20 }),
];

#[test]
fn are_images_along_any_axes_coded_alike_and_given_back() {
    let folder = Folder::new();
    let python = RefCell::new(Oracle::start());
    let reference = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../reference");
    let import = "import sys, numpy as np\nsys.path.insert(0, inputs[0].decode())\nimport bitnpz_reference";
    python.borrow_mut().run(import, &[reference.to_str().unwrap().as_bytes()]);
    let stack = blobs(700);
    let mut smallest = u64::MAX;
    for (form, axes) in FORMS {
        let array = arranged(&stack, form);
        for encoding in Encoding::ALL {
            let path = folder.path("axes.npz");
            let mut writer =
                Writer::create_with(&path, &WriteOptions::default().with_encoding(encoding)).unwrap();
            writer.add_dyn_images_of("g", &array.view(), axes).unwrap();
            assert_eq!(writer.finish().unwrap().images, 700, "{form} {encoding}");
            let archive = Archive::open(&path).unwrap();
            let entry = archive.entry("g").unwrap();
            assert_eq!(entry.header(), array.header(), "{form} {encoding}");
            assert!(archive.dyn_array("g").unwrap() == array, "{form} {encoding}");
            let npy = array.view().to_npy().unwrap();
            let same = python.borrow_mut().run(
                "import io\nfound = bitnpz_reference.load(inputs[0].decode())['g']\nexpected = np.load(io.BytesIO(inputs[1]))\n\
                 assert found.dtype == expected.dtype and np.array_equal(found, expected), found.shape\noutputs.append(b'')",
                &[path.to_str().unwrap().as_bytes(), &npy],
            );
            assert_eq!(same.len(), 1);
            if encoding != Encoding::Sets {
                continue;
            }
            let images = archive.images("g").unwrap();
            assert_eq!(images.len(), 700);
            for image in [0, 17, 699] {
                assert_eq!(images.read::<u8>(image).unwrap(), stack.index_axis(Axis(0), image), "{form}");
            }
            smallest = smallest.min(archive.size());
            assert!(
                archive.size() < smallest + 200,
                "{form}: {} bytes, {smallest} for others",
                archive.size()
            );
            // Copies keep what the axes are.
            for other in Encoding::ALL {
                let copy = folder.path("copy.npz");
                let mut writer =
                    Writer::create_with(&copy, &WriteOptions::default().with_encoding(other)).unwrap();
                writer.copy_from(&archive).unwrap();
                writer.finish().unwrap();
                let copy = Archive::open(&copy).unwrap();
                assert!(copy.dyn_array("g").unwrap() == array, "{form} to {other}");
                assert!(
                    other != encoding || copy.size() == archive.size(),
                    "{form} to {other}: {}",
                    copy.size()
                );
            }
            let trailing = match archive.get("g").unwrap() {
                Content::Images(images) => Some(images.trailing()),
                _ => None,
            };
            let expected = match form {
                "NHW" | "N1HW" => Some(0),
                "NHW1" | "1NHW1" => Some(1),
                "NHW11" => Some(2),
                _ => None,
            };
            assert_eq!(trailing, expected, "{form}");
        }
    }
}

#[test]
fn are_stacks_of_any_axes_extended_and_salvaged() {
    let folder = Folder::new();
    let (first, second) = (blobs(600), blobs(90));
    // Of a batch the first axis counts images, in whatever order its items lie.
    for (form, axes) in FORMS.into_iter().filter(|(form, _)| *form != "HWN F") {
        let path = folder.path("axes.npz");
        let (one, two) = (arranged(&first, form), arranged(&second, form));
        for encoding in Encoding::ALL {
            let mut writer =
                Writer::create_with(&path, &WriteOptions::default().with_encoding(encoding)).unwrap();
            let started = writer.extend_dyn_of("g", &one.view(), axes);
            let grows = form.starts_with('N') || form == "flat";
            assert_eq!(started.is_ok(), grows || form == "1NHW1", "{form}: {started:?}");
            if !grows {
                continue;
            }
            writer.extend_dyn_of("g", &two.view(), axes).unwrap();
            writer.finish().unwrap();
            let archive = Archive::open(&path).unwrap();
            let all = arranged(&ndarray::concatenate![Axis(0), first, second], form);
            assert!(archive.dyn_array("g").unwrap() == all, "{form} {encoding}");
        }
    }
    let path = folder.path("fixed.npz");
    let mut writer = Writer::create(&path).unwrap();
    let array = arranged(&first, "HWN F");
    writer.add_dyn_images("g", &array.view()).unwrap();
    writer.finish().unwrap();
    let mut writer = Writer::append(&path, &WriteOptions::default()).unwrap();
    let error = writer.extend_dyn("g", &array.view()).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::FixedStack), "{error}");
    drop(writer);
    let mut bytes = std::fs::read(&path).unwrap();
    let name = b".bitnpz/g/payload-0.npy";
    let place = bytes.windows(name.len()).position(|window| window == name).unwrap();
    bytes[place + name.len() + 400] ^= 0xFF;
    std::fs::write(&path, bytes).unwrap();
    let saved = folder.path("saved.npz");
    bitnpz::salvage(&path, &saved, &Limits::default(), |_| ()).unwrap();
    let saved = Archive::open(saved).unwrap().dyn_array("g").unwrap();
    assert_eq!(saved.header(), array.header());
    let same = saved.data().iter().zip(array.data()).filter(|(one, other)| one == other).count();
    assert!(same > array.data().len() * 99 / 100);
}

#[test]
fn are_single_images_with_axes_of_length_1_one_set() {
    let folder = Folder::new();
    let stack = blobs(600);
    let mut sizes = Vec::new();
    for shape in [&[28, 20][..], &[28, 20, 1], &[1, 28, 20], &[1, 1, 28, 20, 1]] {
        let path = folder.path("single.npz");
        let image =
            |i: usize| stack.index_axis(Axis(0), i).to_owned().into_shape_with_order(IxDyn(shape)).unwrap();
        let mut writer = Writer::create(&path).unwrap();
        for i in 0..600 {
            writer.add_images(&format!("ix-{i:06}"), &image(i)).unwrap();
        }
        writer.finish().unwrap();
        let archive = Archive::open(&path).unwrap();
        for i in [0, 5, 599] {
            let key = format!("ix-{i:06}");
            assert_eq!(archive.array::<u8>(&key).unwrap(), image(i));
            assert_eq!(archive.image::<u8>(&key).unwrap(), stack.index_axis(Axis(0), i));
        }
        assert_eq!(archive.keyed_images().unwrap()[0].len(), 600);
        sizes.push(archive.size());
    }
    assert!(sizes.iter().all(|size| size.abs_diff(sizes[0]) < 100), "{sizes:?}");
}
