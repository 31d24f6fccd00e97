//! The encoding of images that are appended.

use bitnpz::{Archive, Codec, Encoding, WriteOptions, Writer};
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

#[test]
fn a_kept_archive_keeps_its_encoding() {
    let folder = Folder::new();
    let path = folder.path("a.npz");
    write(&folder, Encoding::Plain, &|writer| writer.add_images("old", &stack(200)).unwrap());
    let mut writer = Writer::resume(&path, &WriteOptions::default(), None).unwrap();
    writer.add_images("kept", &stack(300)).unwrap();
    writer.keep().unwrap();
    writer.add_images("new", &stack(700)).unwrap();
    writer.finish().unwrap();
    let archive = Archive::open(&path).unwrap();
    let encodings = ["old", "kept", "new"].map(|key| archive.entry(key).unwrap().encoding());
    assert_eq!(encodings, [Encoding::Plain; 3]);
}

/// Sets of more than 1 MiB of packed rows are not encoded again.
#[test]
fn a_codec_that_is_asked_for_is_that_of_new_images() {
    let folder = Folder::new();
    let path = folder.path("a.npz");
    let images = Array3::from_shape_fn((6020, 40, 40), |(number, row, column)| {
        (number >> (column % 13) & 1 == 1) ^ (row * 7 + column * number).is_multiple_of(5)
    });
    let part = |range: std::ops::Range<usize>| images.slice(ndarray::s![range, .., ..]).to_owned();
    let mut writer = Writer::create_with(&path, &WriteOptions::default().with_codec(Codec::Raw)).unwrap();
    writer.add_images("stack", &part(0..6000)).unwrap();
    writer.finish().unwrap();
    let mut writer = Writer::append(&path, &WriteOptions::default().with_codec(Codec::Zstd)).unwrap();
    writer.extend("stack", &part(6000..6020)).unwrap();
    writer.finish().unwrap();
    let zip = bitnpz_npz::Archive::open(&path).unwrap();
    let about = String::from_utf8(zip.find(".bitnpz/stack/set.json").unwrap().read().unwrap()).unwrap();
    assert!(about.contains("\"raw\"") && about.contains("\"zstd\""), "{about}");
    assert!(Archive::open(&path).unwrap().array::<bool>("stack").unwrap() == images.into_dyn());
}

/// A header of a structured dtype can have any length.
#[test]
fn long_headers_are_streamed() {
    let folder = Folder::new();
    let path = folder.path("a.npz");
    let fields: Vec<String> =
        (0..1300).map(|number| format!("('{number:04}{}', '<f4')", "x".repeat(60))).collect();
    let descr = format!("[{}]", fields.join(", "));
    let dtype: bitnpz::Dtype = descr.parse().unwrap();
    let items: Vec<u8> = (0..dtype.item_size() * 400).map(|place| place.to_le_bytes()[0] ^ 0x5A).collect();
    let header = bitnpz::Header::new(dtype, vec![400]);
    assert!(header.to_bytes().unwrap().len() > 1 << 16);
    for encoding in [Encoding::Sets, Encoding::Plain] {
        let array = bitnpz::DynArrayView::new(header.clone(), &items).unwrap();
        write(&folder, encoding, &|writer| writer.add_dyn_array("fields", &array).unwrap());
        let mut limits = bitnpz::Limits::default();
        limits.npy.header_bytes = 1 << 20;
        let options = bitnpz::OpenOptions::default().with_limits(limits);
        let read = Archive::open_with(&path, &options).unwrap().dyn_array("fields").unwrap();
        assert!(read.header() == &header && read.data() == items);
    }
}
