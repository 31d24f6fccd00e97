//! The encoding of images that are appended.

use bitnpz::{Archive, Encoding, WriteOptions, Writer};
use ndarray::{Array1, Array3, array};

use crate::support::{Folder, create, stack};

/// Appends images, and returns the encoding of the archive and theirs.
fn append(folder: &Folder, options: &WriteOptions) -> [Encoding; 2] {
    let path = folder.path("a.npz");
    let mut writer = Writer::append(&path, options).unwrap();
    writer.add_images("appended", &stack(700)).unwrap();
    writer.finish().unwrap();
    let archive = Archive::open(&path).unwrap();
    assert!(archive.array::<bool>("appended").unwrap() == stack(700).into_dyn());
    [archive.encoding(), archive.entry("appended").unwrap().encoding()]
}

/// Writes an archive of this encoding.
fn write(folder: &Folder, encoding: Encoding, fill: &dyn Fn(&mut Writer)) {
    let mut writer = create(&folder.path("a.npz"), encoding);
    fill(&mut writer);
    writer.finish().unwrap();
}

#[test]
fn appending_keeps_the_encoding_whatever_is_in_the_archive() {
    let folder = Folder::new();
    let floats =
        Array3::from_shape_fn((9, 28, 28), |(image, row, column)| f32::from(u8::from(row * column > image)));
    let images = |writer: &mut Writer| writer.add_images("images", &floats).unwrap();
    let labels = |writer: &mut Writer| writer.add_array("labels", &Array1::<i64>::zeros(9)).unwrap();
    let grey = |writer: &mut Writer| writer.add_array("grey", &array![[3_u8, 5], [9, 1]]).unwrap();
    let fills: [&dyn Fn(&mut Writer); 4] = [&images, &labels, &grey, &|_| {}];
    for (number, fill) in fills.into_iter().enumerate() {
        for encoding in [Encoding::Plain, Encoding::Sets] {
            write(&folder, encoding, fill);
            assert_eq!(Archive::open(folder.path("a.npz")).unwrap().encoding(), encoding);
            assert_eq!(append(&folder, &WriteOptions::default()), [encoding; 2], "{number} in {encoding}");
        }
    }
    write(&folder, Encoding::Packed, &images);
    assert_eq!(append(&folder, &WriteOptions::default()), [Encoding::Packed; 2]);
    // Without packed images, an archive of that encoding is like any other that NumPy reads.
    write(&folder, Encoding::Packed, &labels);
    assert_eq!(append(&folder, &WriteOptions::default()), [Encoding::Plain; 2]);
}

#[test]
fn appending_in_another_encoding_is_possible() {
    let folder = Folder::new();
    for from in [Encoding::Plain, Encoding::Sets] {
        for to in [Encoding::Plain, Encoding::Packed, Encoding::Sets] {
            write(&folder, from, &|writer| writer.add_array("labels", &Array1::<i64>::zeros(9)).unwrap());
            assert_eq!(append(&folder, &WriteOptions::default().with_encoding(to)), [to; 2]);
        }
    }
}
