//! Extending stacks: what is refused adds nothing, the first axis counts images, and there can be many stacks.

use bitnpz::{Archive, DynArray, Encoding, ErrorKind, ImageAxes, WriteOptions, Writer};
use ndarray::{Array3, ArrayD, Axis, IxDyn, concatenate, s};

use crate::support::{Folder, create};

fn images(count: usize) -> Array3<bool> {
    Array3::from_shape_fn((count, 28, 28), |(n, y, x)| (y * 5 + x * (n % 13 + 1)) % 7 < 2)
}

#[test]
fn what_has_other_axes_is_refused_before_it_is_added() {
    let folder = Folder::new();
    let path = folder.path("a.npz");
    let all = images(100);
    let flat = DynArray::from_ndarray(&all.clone().into_shape_with_order((100, 784)).unwrap());
    let axes = |text: &str| text.parse::<ImageAxes>().unwrap();
    for encoding in Encoding::ALL {
        let mut writer = create(&path, encoding);
        writer.extend_dyn_of("k", &flat.view(), axes("28x28")).unwrap();
        writer.extend("n", &all).unwrap();
        let error = writer.extend_dyn_of("k", &flat.view(), axes("14x56")).unwrap_err();
        assert_eq!(error.to_string(), "\"k\": expected shape (28, 28), found (14, 56)", "{encoding}");
        let error = writer.extend_dyn_of("k", &flat.view(), axes("14x28")).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::WrongAxes { .. }), "{encoding} {error}");
        let stack = DynArray::from_ndarray(&all);
        let error = writer.extend_dyn_of("n", &stack.view(), axes("HWN")).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::FixedStack), "{encoding} {error}");
        // Without axes, those of the stack are meant.
        writer.extend_dyn("k", &flat.view()).unwrap();
        writer.extend_dyn_of("n", &stack.view(), axes("NHW")).unwrap();
        assert_eq!(writer.finish().unwrap().images, 400);
        let archive = Archive::open(&path).unwrap();
        assert_eq!(archive.dyn_array("k").unwrap().shape(), [200, 784]);
        assert_eq!(archive.dyn_array("n").unwrap().shape(), [200, 28, 28]);
    }
}

#[test]
fn images_of_one_column_are_extended() {
    let folder = Folder::new();
    let path = folder.path("a.npz");
    for shape in [&[5, 28, 1][..], &[5, 1, 1], &[5, 9, 1, 1], &[2000, 28, 1], &[5, 28, 28, 1]] {
        let of = |shape: &[usize]| ArrayD::from_shape_fn(IxDyn(shape), |at| (at[0] * 3 + at[1]) % 5 < 2);
        let (batch, double) = (of(shape), ndarray::concatenate![ndarray::Axis(0), of(shape), of(shape)]);
        for encoding in Encoding::ALL {
            let mut writer = create(&path, encoding);
            writer.extend("k", &batch).unwrap();
            writer.extend("k", &batch).unwrap();
            writer.finish().unwrap();
            assert_eq!(Archive::open(&path).unwrap().array::<bool>("k").unwrap(), double, "{encoding}");
        }
        // What was saved as one image stays one.
        let mut writer = create(&path, Encoding::Sets);
        writer.add_images("k", &batch).unwrap();
        let images = writer.finish().unwrap().images;
        let mut writer = Writer::append(&path, &WriteOptions::default()).unwrap();
        writer.add_image("other", &images_of_one()).unwrap();
        assert_eq!(writer.finish().unwrap().images, images + 1, "{shape:?}");
        assert_eq!(Archive::open(&path).unwrap().array::<bool>("k").unwrap(), batch);
    }
}

fn images_of_one() -> ndarray::Array2<bool> {
    images(1).slice(s![0, .., ..]).to_owned()
}

/// Stacks that become members wait in one file, whatever their number.
#[cfg(target_os = "linux")]
#[test]
fn many_stacks_take_one_file() {
    let folder = Folder::new();
    let path = folder.path("a.npz");
    let open_files = || {
        let files = std::fs::read_dir("/proc/self/fd").unwrap();
        let links = files.filter_map(|file| std::fs::read_link(file.ok()?.path()).ok());
        links.filter(|link| link.starts_with(path.parent().unwrap())).count()
    };
    for encoding in [Encoding::Packed, Encoding::Plain] {
        let mut writer = create(&path, encoding);
        for round in 0..2 {
            for number in 0..1500 {
                writer.extend(&format!("{number}"), &images(number % 3 + round)).unwrap();
            }
        }
        assert!(open_files() <= 2, "{} files", open_files());
        writer.finish().unwrap();
        let archive = Archive::open(&path).unwrap();
        assert!(archive.keys().eq((0..1500).map(|number| format!("{number}"))));
        for number in 0..1500 {
            let expected =
                ndarray::concatenate![ndarray::Axis(0), images(number % 3), images(number % 3 + 1)];
            assert_eq!(archive.array::<bool>(&format!("{number}")).unwrap(), expected.into_dyn());
        }
    }
}

/// Whichever value came first: bits are 1 where the pixels have the greater one.
#[test]
fn the_greater_value_is_true() {
    let pixels = crate::shards::noise(0..400);
    let pairs = [[-1, 1], [1, 2], [7, 9], [-5, 0], [-7, -2]];
    for ([low, high], is_high) in pairs.into_iter().flat_map(|pair| [(pair, false), (pair, true)]) {
        let blank = Array3::from_elem((300, 20, 30), if is_high { high } else { low });
        let rest = pixels.mapv(|pixel| if pixel { high } else { low });
        let all = concatenate(Axis(0), &[blank.view(), rest.view()]).unwrap();
        let bits = all.mapv(|value| value == high).into_dyn();
        for encoding in [Encoding::Sets, Encoding::Packed] {
            let folder = Folder::new();
            let path = folder.path("a.npz");
            let mut writer = create(&path, encoding);
            for part in [&blank, &rest] {
                writer.extend("stack", part).unwrap();
            }
            for (number, image) in all.outer_iter().enumerate() {
                writer.add_image(&format!("{number:05}"), &image).unwrap();
            }
            writer.finish().unwrap();
            let archive = Archive::open(&path).unwrap();
            let mut images = vec![archive.images("stack").unwrap()];
            images.extend(archive.keyed_images().unwrap());
            for images in images {
                assert_eq!(images.to_array::<i16>().unwrap(), all.clone().into_dyn(), "{low} {high}");
                assert_eq!(images.to_array::<bool>().unwrap(), bits, "{low} {high}");
                let ones = images.count_ones(&[0, 299, 300, 301]).unwrap();
                let expected = [0, 299, 300, 301]
                    .map(|image| bits.index_axis(Axis(0), image).iter().filter(|bit| **bit).count() as u64);
                assert_eq!(ones, expected, "{low} {high}");
                assert_eq!(images.bitmap(0).unwrap().view().count_ones(), if is_high { 600 } else { 0 });
            }
            if encoding == Encoding::Packed {
                // Each image with a key has values of its own.
                continue;
            }
            let ones = bits.iter().filter(|bit| **bit).count() as u64;
            assert_eq!(archive.stats(|_| true, |_| ()).unwrap().ones, 2 * ones, "{low} {high}");
        }
    }
}
