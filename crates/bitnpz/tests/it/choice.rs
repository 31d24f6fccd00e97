//! What arrays become does not depend on how they are added.

use std::path::Path;

use bitnpz::{
    Added, Archive, Bitmap, Dtype, DynArray, Encoding, Header, ImageAxes, Limits, Threshold, WriteOptions,
    Writer,
};
use ndarray::{Array3, Axis};

use crate::support::{Folder, create};

/// Numbers that cannot be pixels are stored unchanged, in all ways of adding whole arrays.
#[test]
fn arrays_that_cannot_be_images_are_stored_unchanged() {
    let folder = Folder::new();
    let (npy, path, copy) = (folder.path("a.npy"), folder.path("a.npz"), folder.path("b.npz"));
    for dtype in ["<c8", "<c16", "<U3", "|S2", "|V4", "<M8[s]", "<m8[ns]", "<f16"] {
        let dtype = Dtype::from_type_string(dtype).unwrap();
        for shape in [&[3][..], &[8, 9], &[5, 16, 16], &[2, 3, 8, 8], &[0, 8, 8]] {
            let header = Header::new(dtype.clone(), shape.to_vec());
            let array = DynArray::new(header.clone(), vec![0; header.data_len()]).unwrap();
            std::fs::write(&npy, array.to_npy().unwrap()).unwrap();
            for encoding in Encoding::ALL {
                let mut writer = create(&path, encoding);
                let limits = Limits::default();
                assert_eq!(writer.add_npy_file("file", &npy, &limits).unwrap(), Added::Array, "{header:?}");
                let above = Threshold::new(1.0);
                assert_eq!(writer.add_npy_file_at("above", &npy, &limits, above).unwrap(), Added::Array);
                assert_eq!(writer.add_dyn("array", &array.view()).unwrap(), Added::Array);
                writer.finish().unwrap();
                let mut writer = create(&copy, encoding);
                writer.copy_from(&Archive::open(&path).unwrap()).unwrap();
                writer.finish().unwrap();
                let archive = Archive::open(&copy).unwrap();
                for key in ["file", "above", "array"] {
                    assert!(archive.dyn_array(key).unwrap() == array, "{header:?} {encoding}");
                }
            }
            let mut writer =
                Writer::resume(folder.path("resumed.npz"), &WriteOptions::default(), None).unwrap();
            assert_eq!(writer.add_npy_file("file", &npy, &Limits::default()).unwrap(), Added::Array);
        }
    }
}

/// Writes an archive with the stack under the key `k` in one of several ways, and returns its size.
fn write(path: &Path, npy: &Path, images: &Array3<u8>, way: &str) -> u64 {
    let (_, height, width) = images.dim();
    let mut writer = Writer::create(path).unwrap();
    let limits = Limits::default();
    match way {
        "save" => writer.add_images("k", images).unwrap(),
        "extend" => images.axis_chunks_iter(Axis(0), 3).for_each(|batch| writer.extend("k", &batch).unwrap()),
        "stack" => {
            let mut stack = writer.stack("k", &Dtype::of::<u8>(), [height, width]).unwrap();
            images.outer_iter().for_each(|image| stack.push(&image).unwrap());
            stack.finish().unwrap();
        }
        "extend by file" => writer.extend_npy_file_of("k", npy, &limits, ImageAxes::Inferred).unwrap(),
        "file" => drop(writer.add_npy_file("k", npy, &limits).unwrap()),
        "threshold" => drop(writer.add_npy_file_at("k", npy, &limits, Threshold::new(1.0)).unwrap()),
        _ => unreachable!("{way}"),
    }
    writer.add_images("glyphs", &Array3::from_shape_fn((3, 9, 9), |(n, y, x)| y * x < n * 9)).unwrap();
    assert_eq!(writer.finish().unwrap().images, images.len_of(Axis(0)) + 3, "{way}");
    let archive = Archive::open(path).unwrap();
    assert!(archive.keys().eq(["k", "glyphs"]), "{way}");
    if way == "threshold" {
        assert!(archive.array::<bool>("k").unwrap() == images.mapv(|pixel| pixel > 0).into_dyn());
    } else {
        assert!(archive.array::<u8>("k").unwrap() == images.clone().into_dyn(), "{way}");
    }
    std::fs::metadata(path).unwrap().len()
}

/// Images with very long sides are ordinary arrays, which take a fraction of the bytes.
#[test]
fn long_images_are_ordinary_arrays_however_they_are_added() {
    let folder = Folder::new();
    let (npy, path) = (folder.path("a.npy"), folder.path("a.npz"));
    // More than are read from a file in one go.
    let images = Array3::from_shape_fn((10, 70_000, 100), |(number, row, column)| {
        u8::from(row / 90 % 100 == (column + number) % 100)
    });
    std::fs::write(&npy, DynArray::from_ndarray(&images).to_npy().unwrap()).unwrap();
    let ways = ["save", "extend", "stack", "extend by file", "file", "threshold"];
    let sizes = ways.map(|way| write(&path, &npy, &images, way));
    assert!(sizes.iter().all(|&size| size < 2 * sizes[0]), "{sizes:?}");
}

/// So are huge images of little: a set would have their packed rows.
#[test]
fn huge_sparse_images_are_ordinary_arrays_however_they_are_added() {
    let folder = Folder::new();
    let path = folder.path("a.npz");
    let bitmap = Bitmap::zeros(65_536, 4104).unwrap();
    let image = Array3::from_elem((1, 65_536, 4104), false);
    for way in ["bitmap", "extend", "stack"] {
        let mut writer = Writer::create(&path).unwrap();
        match way {
            "bitmap" => writer.add_bitmap("k", bitmap.view()).unwrap(),
            "extend" => writer.extend("k", &image).unwrap(),
            _ => {
                let mut stack = writer.stack("k", &Dtype::of::<bool>(), [65_536, 4104]).unwrap();
                stack.push(&image.index_axis(Axis(0), 0)).unwrap();
                stack.finish().unwrap();
            }
        }
        writer.finish().unwrap();
        let size = std::fs::metadata(&path).unwrap().len();
        assert!(size < 1 << 20, "{way}: {size} bytes");
        assert_eq!(Archive::open(&path).unwrap().entry("k").unwrap().encoding(), Encoding::Plain, "{way}");
    }
}
