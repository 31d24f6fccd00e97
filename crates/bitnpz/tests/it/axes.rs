//! Arrays whose images are not along the last two axes: they round trip, and take no more bytes than others.

use std::path::Path;

use bitnpz::{Archive, Content, DynArray, Encoding, ErrorKind, ImageAxes, Limits, WriteOptions, Writer};
use bitnpz_oracle::Oracle;
use ndarray::{Array3, ArrayD, Axis, IxDyn};

use crate::support::{Folder, create, reference_decoder};

/// Returns images of moving blobs, shape `(n, 28, 20)`.
fn blobs(n: usize) -> Array3<u8> {
    Array3::from_shape_fn((n, 28, 20), |(i, y, x)| {
        let (y, x) = (y.abs_diff(9 + i % 11), x.abs_diff(5 + i % 7));
        u8::from(y * y + 2 * x * x < 30 + i % 40) * 255
    })
}

/// Arranges a stack with its axes and items in another order, such as `NHW1 F`: F for Fortran order.
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
fn stores_images_along_any_axes_equally_well() {
    let folder = Folder::new();
    let mut python = reference_decoder();
    let stack = blobs(700);
    let mut smallest = u64::MAX;
    for (form, axes) in FORMS {
        let array = arranged(&stack, form);
        for encoding in Encoding::ALL {
            let path = folder.path("axes.npz");
            let mut writer = create(&path, encoding);
            writer.add_dyn_images_of("g", &array.view(), axes).unwrap();
            assert_eq!(writer.finish().unwrap().images, 700, "{form} {encoding}");
            let archive = Archive::open(&path).unwrap();
            assert_eq!(archive.entry("g").unwrap().header(), array.header(), "{form} {encoding}");
            assert!(archive.dyn_array("g").unwrap() == array, "{form} {encoding}");
            assert_reference_reads(&mut python, &path, &array);
            if encoding == Encoding::Sets {
                smallest = smallest.min(archive.size());
                let size = archive.size();
                assert!(size < smallest + 200, "{form}: {size} bytes, {smallest} for others");
                check_set(&archive, &stack, form);
                check_copies(&folder, &archive, &array, form);
            }
        }
    }
}

/// Checks that the reference decoder reads the array from an archive.
fn assert_reference_reads(python: &mut Oracle, path: &Path, array: &DynArray) {
    let npy = array.view().to_npy().unwrap();
    let same = python.run(
        "import io\nfound = bitnpz_reference.load(inputs[0].decode())['g']\nexpected = np.load(io.BytesIO(inputs[1]))\n\
         assert found.dtype == expected.dtype and np.array_equal(found, expected), found.shape\noutputs.append(b'')",
        &[path.to_str().unwrap().as_bytes(), &npy],
    );
    assert_eq!(same.len(), 1);
}

/// Checks the images of a set, and the number of trailing axes of length 1.
fn check_set(archive: &Archive, stack: &Array3<u8>, form: &str) {
    let images = archive.images("g").unwrap();
    assert_eq!(images.len(), 700);
    for image in [0, 17, 699] {
        assert_eq!(images.read::<u8>(image).unwrap(), stack.index_axis(Axis(0), image), "{form}");
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

/// Checks that copies in every encoding keep the axes.
fn check_copies(folder: &Folder, archive: &Archive, array: &DynArray, form: &str) {
    for encoding in Encoding::ALL {
        let path = folder.path("copy.npz");
        let mut writer = create(&path, encoding);
        writer.copy_from(archive).unwrap();
        writer.finish().unwrap();
        let copy = Archive::open(&path).unwrap();
        assert!(copy.dyn_array("g").unwrap() == *array, "{form} to {encoding}");
        let is_same_size = copy.size() == archive.size();
        assert!(encoding != Encoding::Sets || is_same_size, "{form} to {encoding}: {}", copy.size());
    }
}

#[test]
fn extends_and_salvages_stacks_along_any_axes() {
    let folder = Folder::new();
    let (first, second) = (blobs(600), blobs(90));
    // Whatever the order of its items, the first axis of a batch counts images.
    for (form, axes) in FORMS.into_iter().filter(|(form, _)| *form != "HWN F") {
        let path = folder.path("axes.npz");
        let (one, two) = (arranged(&first, form), arranged(&second, form));
        for encoding in Encoding::ALL {
            let mut writer = create(&path, encoding);
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
    let name = b".bitnpz/g/payload-0";
    let place = bytes.windows(name.len()).position(|window| window == name).unwrap();
    bytes[place + name.len() + 250] ^= 0xFF;
    std::fs::write(&path, bytes).unwrap();
    let saved = folder.path("saved.npz");
    bitnpz::salvage(&path, &saved, &Limits::default(), |_| ()).unwrap();
    let saved = Archive::open(saved).unwrap().dyn_array("g").unwrap();
    assert_eq!(saved.header(), array.header());
    let same = saved.data().iter().zip(array.data()).filter(|(one, other)| one == other).count();
    assert!(same > array.data().len() * 99 / 100);
}

#[test]
fn images_with_axes_of_length_1_share_a_set() {
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

/// A description says how many axes of length 1 there are, 31 on either side at most.
#[test]
fn images_with_very_many_axes_come_back() {
    let folder = Folder::new();
    let path = folder.path("a.npz");
    for [before, behind] in [[31, 0], [32, 0], [31, 31], [0, 62]] {
        let shape = [vec![1; before], vec![28, 20], vec![1; behind]].concat();
        let image = blobs(1).into_shape_with_order(IxDyn(&shape)).unwrap();
        let mut writer = Writer::create(&path).unwrap();
        (0..8).for_each(|key| writer.add_images(&key.to_string(), &image).unwrap());
        writer.finish().unwrap();
        assert_eq!(Archive::open(&path).unwrap().array::<u8>("7").unwrap(), image);
    }
}

#[test]
fn stacks_along_other_axes_are_compared_with_plain_arrays() {
    let folder = Folder::new();
    let stack = blobs(700).mapv(|pixel| pixel > 0);
    for (form, axes) in [((1, 2, 0), "HWN"), ((0, 2, 1), "NWH")] {
        let other = stack.view().permuted_axes([form.0, form.1, form.2]).as_standard_layout().into_owned();
        let array = DynArray::from_ndarray(&other);
        let [sets, plain] = [Encoding::Sets, Encoding::Plain].map(|encoding| {
            let path = folder.path(&format!("{encoding}.npz"));
            let mut writer = create(&path, encoding);
            writer.add_dyn_images_of("g", &array.view(), axes.parse().unwrap()).unwrap();
            writer.finish().unwrap();
            Archive::open(&path).unwrap()
        });
        assert_eq!(sets.diff(&plain, |_| true, |_| ()).unwrap(), [], "{axes}");
        assert_eq!(plain.diff(&sets, |_| true, |_| ()).unwrap(), [], "{axes}");
    }
}
