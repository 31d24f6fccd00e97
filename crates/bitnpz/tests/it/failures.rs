//! Calls that fail halfway: no archive is made that lacks a part of what was added.

use std::fs;

use bitnpz::{
    Archive, Codec, Compression, Dtype, DynArray, Encoding, ErrorKind, Limits, WriteOptions, Writer,
    interruptible,
};
use bitnpz_oracle::Counting;
use ndarray::Array3;

use crate::support::{Folder, create, stack};

#[test]
fn abandoned_stack_makes_no_archive() {
    let folder = Folder::new();
    for encoding in Encoding::ALL {
        let path = folder.path("a.npz");
        fs::write(&path, "old").unwrap();
        let mut writer = create(&path, encoding);
        drop(writer.stack("x", &Dtype::of::<bool>(), [3, 3]).unwrap());
        assert!(writer.finish().is_err(), "{encoding}");
        assert_eq!(fs::read(&path).unwrap(), b"old", "{encoding}");
    }
}

#[test]
fn interrupted_writer_makes_no_archive() {
    let folder = Folder::new();
    let path = folder.path("a.npz");
    let mut writer = create(&path, Encoding::Sets);
    writer.extend("stack", &stack(300)).unwrap();
    let interrupted = stack(300);
    let error = interruptible(|| true, || writer.extend("stack", &interrupted)).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Interrupted), "{error}");
    assert!(writer.finish().is_err());
    assert!(!path.exists());
}

#[test]
fn part_of_a_file_makes_no_archive() {
    let folder = Folder::new();
    let (npy, path) = (folder.path("x.npy"), folder.path("a.npz"));
    // More than is read at a time.
    let bytes = DynArray::from_ndarray(&stack(10_000)).to_npy().unwrap();
    fs::write(&npy, &bytes[..bytes.len() - 1000]).unwrap();
    let mut writer = Writer::resume(&path, &WriteOptions::default(), None).unwrap();
    assert!(writer.add_npy_file("x", &npy, &Limits::default()).is_err());
    assert!(writer.finish().is_err());
    assert!(!path.exists());
}

/// Large arrays are copied in pieces; `np.load` accepts bytes behind an array.
#[test]
fn large_file_is_as_long_as_its_array() {
    let folder = Folder::new();
    let (npy, path) = (folder.path("x.npy"), folder.path("a.npz"));
    let header = bitnpz::Header::new(Dtype::of::<f64>(), vec![(65 << 20) / 8]).to_bytes().unwrap();
    for (len, is_whole) in [((65 << 20) - 1000, false), ((65 << 20) + 1000, true)] {
        fs::write(&npy, &header).unwrap();
        fs::File::options().append(true).open(&npy).unwrap().set_len((header.len() + len) as u64).unwrap();
        let mut writer = create(&path, Encoding::Sets);
        assert_eq!(writer.add_npy_file("x", &npy, &Limits::default()).is_ok(), is_whole);
        writer.finish().unwrap();
    }
    let read = Archive::open(&path).unwrap().array::<f64>("x").unwrap();
    assert_eq!((read.len(), read.sum()), ((65 << 20) / 8, 0.0));
}

/// Of large arrays some items are read at a time: what no checksum covers must not get a new one.
#[test]
fn damage_in_a_large_array_is_not_copied() {
    let folder = Folder::new();
    let path = folder.path("a.npz");
    let images =
        Array3::from_shape_fn((66, 1024, 1024), |(image, row, column)| u8::from(image * row == column));
    let options = WriteOptions::default().with_compression(Compression::Stored).with_codec(Codec::Raw);
    for encoding in Encoding::ALL {
        let mut writer = Writer::create_with(&path, &options.clone().with_encoding(encoding)).unwrap();
        writer.add_images("x", &images).unwrap();
        writer.finish().unwrap();
        let mut bytes = fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        let damaged = Archive::from_bytes(bytes).unwrap();
        for to in Encoding::ALL {
            let mut writer = create(&folder.path("b.npz"), to);
            assert!(writer.copy_from(&damaged).is_err(), "{encoding} to {to}");
        }
    }
}

/// An output that fails once, as a full disk that somebody makes room on.
struct FailsOnce {
    bytes_left: usize,
}

impl std::io::Write for FailsOnce {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self.bytes_left.checked_sub(bytes.len()) {
            Some(left) => self.bytes_left = left,
            None => {
                self.bytes_left = usize::MAX;
                return Err(std::io::ErrorKind::StorageFull.into());
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn stack_of_which_a_part_was_not_written_makes_no_archive() {
    for encoding in [Encoding::Plain, Encoding::Packed] {
        let options = WriteOptions::default().with_encoding(encoding).with_compression(Compression::Stored);
        let mut writer = Writer::into_output(FailsOnce { bytes_left: 1 << 20 }, &options);
        let mut stack = writer.stack("x", &Dtype::of::<u8>(), [500, 500]).unwrap();
        let image = ndarray::Array2::from_shape_fn((500, 500), |(y, x)| u8::from((y * x) % 7 == 0));
        let pushed: Vec<_> = (0..100).map(|_| stack.push(&image).is_ok()).collect();
        assert!(pushed[0] && pushed.contains(&false), "{encoding}");
        assert!(stack.finish().is_err(), "{encoding}");
        assert!(writer.finish().is_err(), "{encoding}");
    }
}

#[test]
fn debug_output_is_short() {
    let folder = Folder::new();
    let mut writer = create(&folder.path("a.npz"), Encoding::Sets);
    writer.add_images("stack", &stack(2000)).unwrap();
    writer.finish().unwrap();
    let archive = Archive::open(folder.path("a.npz")).unwrap();
    for shown in [format!("{archive:?}"), format!("{:?}", archive.keys()), format!("{:?}", archive.names())] {
        assert!(shown.len() < 300, "{shown}");
    }
}

#[test]
fn failed_keep_can_be_repeated() {
    let folder = Folder::new();
    let (inner, path) = (folder.path("inner"), folder.path("inner/a.npz"));
    fs::create_dir(&inner).unwrap();
    let mut writer = Writer::resume(&path, &WriteOptions::default(), None).unwrap();
    writer.add_images("first", &stack(40)).unwrap();
    writer.keep().unwrap();
    writer.add_images("second", &stack(40)).unwrap();
    fs::rename(&inner, folder.path("away")).unwrap();
    assert!(writer.keep().is_err());
    fs::rename(folder.path("away"), &inner).unwrap();
    writer.keep().unwrap();
    assert_eq!(Archive::open(&path).unwrap().keys().collect::<Vec<_>>(), ["first", "second"]);
    writer.add_images("third", &stack(40)).unwrap();
    assert_eq!(writer.finish().unwrap().keys, 3);
}

/// What was added is in the archive: an error would make the caller add it again.
#[test]
fn images_are_added_though_they_cannot_be_kept_now() {
    let folder = Folder::new();
    let (inner, path) = (folder.path("inner"), folder.path("inner/a.npz"));
    fs::create_dir(&inner).unwrap();
    let every = std::num::NonZero::new(1);
    let mut writer = Writer::resume(&path, &WriteOptions::default(), every).unwrap();
    writer.extend("stack", &stack(40)).unwrap();
    fs::rename(&inner, folder.path("away")).unwrap();
    writer.extend("stack", &stack(50)).unwrap();
    // Now it is said, and nothing is added.
    writer.extend("stack", &stack(70)).unwrap_err();
    fs::rename(folder.path("away"), &inner).unwrap();
    writer.extend("stack", &stack(60)).unwrap();
    assert_eq!(Archive::open(&path).unwrap().images("stack").unwrap().len(), 150);
    assert_eq!(writer.finish().unwrap().images, 150);
}

#[test]
fn images_of_many_kinds_are_counted() {
    let folder = Folder::new();
    let mut writer = create(&folder.path("a.npz"), Encoding::Sets);
    for value in 1..12_u8 {
        writer.add_image(&format!("{value}"), &ndarray::array![[0, value], [value, value]]).unwrap();
    }
    assert_eq!(writer.finish().unwrap().images, 11);
}

#[test]
fn memory_grows_with_the_data_that_is_there() {
    const CLAIMED: u32 = u32::MAX - 4096;
    for compression in [Compression::Deflate { level: 6 }, Compression::Zstd { level: 3 }] {
        let header = bitnpz::Header::new(Dtype::of::<u8>(), vec![CLAIMED as usize - 128]);
        let mut npy = header.to_bytes().unwrap();
        npy.extend([7; 100_000]);
        let options = bitnpz_npz::WriteOptions::default().with_compression(compression);
        let mut writer = bitnpz_npz::Writer::new(std::io::Cursor::new(Vec::new()), &options);
        writer.add("x.npy", npy).unwrap();
        let mut bytes = writer.finish().unwrap().into_inner();
        // The size fields of the local header and of the central directory.
        for (signature, field) in [(b"PK\x03\x04", 22), (b"PK\x01\x02", 24)] {
            let at = bytes.windows(4).position(|found| found == signature).unwrap() + field;
            bytes[at..at + 4].copy_from_slice(&CLAIMED.to_le_bytes());
        }
        let (read, cost) = Counting::measure(|| Archive::from_bytes(bytes)?.dyn_array("x"));
        assert!(read.is_err());
        assert!(cost.peak < 8 << 20, "{compression}: {} bytes", cost.peak);
    }
}
