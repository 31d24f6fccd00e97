//! Round trips of arrays through every encoding, compared with stock NumPy.

#![allow(clippy::cast_possible_truncation, reason = "one bit of a hash")]

use std::cell::RefCell;
use std::path::Path;

use bitnpz::{Access, Archive, Dtype, DynArray, Encoding, Header, OpenOptions};
use bitnpz_oracle::Oracle;
use ndarray::{Array2, Array3, ArrayD, array};
use proptest::prelude::*;

use crate::support::{Folder, create};

thread_local! {
    static NUMPY: RefCell<Oracle> = RefCell::new(Oracle::start());
}

fn numpy(code: &str, inputs: &[&[u8]]) -> Vec<Vec<u8>> {
    NUMPY.with_borrow_mut(|numpy| numpy.run(code, inputs))
}

fn opened(path: &Path) -> [Archive; 2] {
    let positional = OpenOptions::default().with_access(Access::Positional);
    [Archive::open(path).unwrap(), Archive::open_with(path, &positional).unwrap()]
}

/// Arrays of two values, of any dtype that pixels can have, with two to four dimensions.
fn images() -> impl Strategy<Value = DynArray> {
    let types = ["|b1", "|i1", "<i2", ">i4", "<i8", "|u1", ">u2", "<u4", ">u8", "<f2", ">f4", "<f8"];
    let shape = prop::collection::vec(0_usize..20, 2..5);
    (prop::sample::select(types.to_vec()), shape, any::<[[u8; 8]; 2]>(), any::<bool>(), any::<u64>())
        .prop_map(|(dtype, shape, values, fortran_order, seed)| {
            let dtype = Dtype::from_type_string(dtype).unwrap();
            let size = dtype.item_size();
            let bool_bytes = [[0; 8], [1; 8]];
            let mut values = if dtype == Dtype::of::<bool>() { bool_bytes } else { values };
            // Clear bits of the exponent, so that no value is NaN.
            for value in &mut values {
                value[0] &= if dtype == Dtype::of::<bool>() { 1 } else { 0x3F };
                value[size - 1] &= if dtype == Dtype::of::<bool>() { 1 } else { 0x3F };
            }
            let mut header = Header::new(dtype, shape);
            header.fortran_order =
                fortran_order && header.shape.iter().filter(|&&n| n > 1).count() > 1 && !header.is_empty();
            let data = (0..header.len() as u64)
                .flat_map(|i| {
                    &values[((seed ^ i).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 63) as usize][..size]
                })
                .copied()
                .collect();
            DynArray::new(header, data).unwrap()
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn round_trips_images_of_every_dtype(images in prop::collection::vec(images(), 0..6)) {
        let folder = Folder::new();
        let path = folder.path("a.npz");
        for encoding in Encoding::ALL {
            let mut writer = create(&path, encoding);
            for (i, image) in images.iter().enumerate() {
                writer.add_dyn_images(&format!("image {i}"), &image.view()).unwrap();
            }
            writer.add_array("ordinary", &array![1.5, f64::NAN, 2.5]).unwrap();
            writer.finish().unwrap();
            for archive in opened(&path) {
                prop_assert_eq!(archive.verify(|_| ()).unwrap().problems, []);
                prop_assert_eq!(archive.len(), images.len() + 1);
                for (i, image) in images.iter().enumerate() {
                    let back = archive.dyn_array(&format!("image {i}")).unwrap();
                    prop_assert_eq!(back.dtype(), image.dtype());
                    prop_assert_eq!(back.shape(), image.shape());
                    prop_assert_eq!(back.view().to_c_order().unwrap(), image.view().to_c_order().unwrap());
                    let set = archive.images(&format!("image {i}")).unwrap();
                    let [height, width] = set.image_size().unwrap();
                    prop_assert_eq!(set.len() * height * width, image.header().len());
                }
                prop_assert_eq!(archive.array::<f64>("ordinary").unwrap().len(), 3);
            }
            // NumPy reads the same arrays from a plain copy.
            let plain = folder.path("plain.npz");
            let mut writer = create(&plain, Encoding::Plain);
            writer.copy_from(&Archive::open(&path).unwrap()).unwrap();
            writer.finish().unwrap();
            let code = "
with np.load(inputs[0].decode()) as z:
    for key in ('image %i' % i for i in range(len(z.files) - 1)):
        outputs += [z[key].dtype.str.encode(), str(z[key].shape).encode(), z[key].tobytes()]
";
            let loaded = numpy(code, &[plain.to_str().unwrap().as_bytes()]);
            prop_assert_eq!(loaded.len(), images.len() * 3);
            for (loaded, image) in loaded.chunks(3).zip(&images) {
                prop_assert_eq!(&loaded[0], &image.dtype().type_string().into_bytes());
                prop_assert_eq!(&loaded[2], &image.view().to_c_order().unwrap());
            }
        }
    }

    #[test]
    fn packed_members_equal_packbits(image in images()) {
        // Other arrays are not packed along their last axis.
        prop_assume!(!image.shape().ends_with(&[1]) && !image.header().fortran_order);
        let folder = Folder::new();
        let path = folder.path("a.npz");
        let mut writer = create(&path, Encoding::Packed);
        writer.add_dyn_images("x", &image.view()).unwrap();
        writer.finish().unwrap();
        // The code that docs/format.md gives for reading packed arrays.
        let code = "
import json
z = np.load(inputs[0].decode())
kind = json.loads(z['.bitnpz/packed.json'])['default']
off, on = (np.array(float(v) if isinstance(v, str) else v).astype(kind['dtype']) for v in kind['values'])
bits = np.unpackbits(z['x'], axis=-1, count=kind['width'])
array = np.where(bits, on, off).astype(kind['dtype'])
assert np.array_equal(np.packbits(array == on, axis=-1), z['x'])
outputs += [array.tobytes(), str(array.shape).encode()]
";
        let [bytes, shape] = numpy(code, &[path.to_str().unwrap().as_bytes()]).try_into().unwrap();
        prop_assert_eq!(bytes, image.view().to_c_order().unwrap());
        let expected = format!("({})", image.shape().iter().map(ToString::to_string).collect::<Vec<_>>().join(", "));
        prop_assert_eq!(shape, expected.into_bytes());
    }
}

#[test]
fn round_trips_an_archive_of_numpy() {
    let folder = Folder::new();
    let [blog, packed, plain] = ["blog.npz", "packed.npz", "plain.npz"].map(|name| folder.path(name));
    let code = "
rng = np.random.default_rng(0)
images = {'ix-%06i' % i: rng.random((28, 28)) > 0.8 for i in range(300)}
images['outputs'] = np.arange(300)
images['names'] = np.array(['a', 'bc'])
images['grey'] = rng.random((5, 5))
images['points'] = np.zeros(3, [('x', '<f4'), ('y', '<i2')])
images['stack'] = (rng.random((4, 3, 9, 11)) > 0.5).astype(np.float32)
np.savez_compressed(inputs[0].decode(), **images)
";
    numpy(code, &[blog.to_str().unwrap().as_bytes()]);
    for (from, to, encoding) in [(&blog, &packed, Encoding::Packed), (&packed, &plain, Encoding::Plain)] {
        let mut writer = create(to, encoding);
        writer.copy_from(&Archive::open(from).unwrap()).unwrap();
        let summary = writer.finish().unwrap();
        assert_eq!(summary.keys, 305);
    }
    let archive = Archive::open(&packed).unwrap();
    assert_eq!(archive.entry("ix-000007").unwrap().encoding(), Encoding::Packed);
    assert_eq!(archive.entry("grey").unwrap().encoding(), Encoding::Plain);
    assert_eq!(archive.images("stack").unwrap().len(), 12);
    let code = "
a, b = np.load(inputs[0].decode()), np.load(inputs[1].decode())
assert a.files == b.files
for key in a.files:
    assert a[key].dtype == b[key].dtype and np.array_equal(a[key], b[key]), key
";
    numpy(code, &[&blog, &plain].map(|path| path.to_str().unwrap().as_bytes()));
}

#[test]
fn converts_images_exactly_or_not_at_all() {
    let folder = Folder::new();
    let path = folder.path("a.npz");
    let image = array![[0_u8, 255, 255], [255, 0, 0]];
    for encoding in Encoding::ALL {
        let mut writer = create(&path, encoding);
        writer.add_image("x", &image).unwrap();
        writer.add_image("half", &image.mapv(|value| f32::from(value) / 510.0)).unwrap();
        writer.finish().unwrap();
        let archive = Archive::open(&path).unwrap();
        assert_eq!(archive.image::<u8>("x").unwrap(), image);
        assert_eq!(archive.image::<bool>("x").unwrap(), image.mapv(|value| value == 255));
        assert_eq!(archive.image::<f32>("x").unwrap(), image.mapv(f32::from));
        assert_eq!(archive.image::<i64>("x").unwrap(), image.mapv(i64::from));
        assert!(archive.image::<i8>("x").unwrap_err().to_string().contains("'|u1'"));
        assert!(archive.image::<u8>("half").is_err());
        assert_eq!(archive.image::<f64>("half").unwrap()[[0, 1]], 0.5);
        assert_eq!(archive.bitmap("half").unwrap(), archive.bitmap("x").unwrap());
    }
}

#[test]
fn batches_and_stacks_agree_with_their_images() {
    let folder = Folder::new();
    let path = folder.path("a.npz");
    let stack = Array3::from_shape_fn((50, 9, 13), |(i, row, column)| (i * row + column) % 3 == 0);
    for encoding in Encoding::ALL {
        let mut writer = create(&path, encoding);
        writer.add_images("whole", &stack).unwrap();
        let mut one_by_one = writer.stack("streamed", &Dtype::of::<bool>(), [9, 13]).unwrap();
        for image in stack.outer_iter() {
            one_by_one.push(&image).unwrap();
        }
        one_by_one.finish().unwrap();
        assert_eq!(writer.finish().unwrap().images, 100);
        let archive = Archive::open(&path).unwrap();
        assert_eq!(archive.verify(|_| ()).unwrap().problems, []);
        for key in ["whole", "streamed"] {
            assert_eq!(archive.array::<bool>(key).unwrap(), stack.clone().into_dyn());
            let set = archive.images(key).unwrap();
            assert_eq!(set.to_array::<bool>().unwrap(), stack.clone().into_dyn());
            let indices = [49, 0, 7, 7];
            let mut batch = Array3::from_elem((4, 9, 13), 0_f32);
            set.read_batch_into(&indices, &mut batch).unwrap();
            for (&index, image) in indices.iter().zip(batch.outer_iter()) {
                assert_eq!(
                    image,
                    stack.index_axis(ndarray::Axis(0), index).mapv(|pixel| f32::from(u8::from(pixel)))
                );
            }
            assert!(
                set.read::<bool>(50)
                    .unwrap_err()
                    .to_string()
                    .contains("expected an image index below 50, found 50")
            );
            assert!(set.read_into(0, &mut Array2::from_elem((9, 12), false)).is_err());
        }
    }
}

#[test]
fn keeps_empty_archives_and_empty_images() {
    let folder = Folder::new();
    let path = folder.path("a.npz");
    for encoding in Encoding::ALL {
        let writer = create(&path, encoding);
        assert_eq!(writer.finish().unwrap().keys, 0);
        assert!(Archive::open(&path).unwrap().is_empty());

        let shapes: [&[usize]; 6] = [&[0, 28, 28], &[28, 0], &[0, 28], &[0, 0], &[3, 5], &[2, 9, 1]];
        let mut writer = create(&path, encoding);
        for shape in shapes {
            writer.add_images(&format!("{shape:?}"), &ArrayD::from_elem(shape, true)).unwrap();
        }
        writer.finish().unwrap();
        let archive = Archive::open(&path).unwrap();
        assert_eq!(archive.verify(|_| ()).unwrap().problems, []);
        for shape in shapes {
            let array = archive.array::<bool>(&format!("{shape:?}")).unwrap();
            assert_eq!(array, ArrayD::from_elem(shape, true));
        }
    }
}
