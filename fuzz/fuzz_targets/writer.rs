//! Images round-trip in any order and encoding, and the archive's bytes do not depend on the number of threads. A
//! duplicate key is refused, and nothing is lost by it.

#![no_main]

use std::collections::BTreeMap;
use std::num::NonZero;

use bitnpz::{Archive, Bitmap, Encoding, ErrorKind, PixelValues, WriteOptions, Writer};
use bitnpz_fuzz::{BoundedAllocator, Drawing};
use libfuzzer_sys::fuzz_target;

#[global_allocator]
static ALLOCATOR: BoundedAllocator = BoundedAllocator;

/// The images added under each key.
type AddedImages = BTreeMap<String, Vec<Bitmap>>;

fn write(bytes: &[u8], threads: usize) -> (Vec<u8>, AddedImages) {
    let mut drawing = Drawing::new(bytes);
    let encoding = Encoding::ALL[drawing.below(3)];
    let options =
        WriteOptions::default().with_encoding(encoding).with_threads(NonZero::new(threads).unwrap());
    let path = bitnpz_fuzz::folder().join("writer.npz");
    let mut writer = Writer::create_with(&path, &options).unwrap();
    let mut added = AddedImages::new();
    for _ in 0..drawing.below(30) {
        let key = format!("{}{}", ["ix-", "page ", "é"][drawing.below(3)], drawing.below(40));
        let is_taken = added.contains_key(&key);
        match drawing.below(4) {
            0 | 1 => {
                let [height, width] = [1 + drawing.below(12), 1 + drawing.below(20)];
                let image = drawing.bitmap(height, width);
                let result = writer.add_bitmap(&key, image.view());
                assert_eq!(result.is_ok(), !is_taken, "{key}: {result:?}");
                added.entry(key).or_insert_with(|| vec![image]);
            }
            2 => {
                let key = format!("stack{}", drawing.below(2));
                let image = drawing.bitmap(7, 11);
                let pixels = image.unpack(PixelValues::<bool>::default()).insert_axis(ndarray::Axis(0));
                writer.extend(&key, &pixels).unwrap();
                added.entry(key).or_default().push(image);
            }
            _ => {
                writer.finish().unwrap();
                writer = Writer::append(&path, &options).unwrap();
                if encoding != Encoding::Sets {
                    // Stacks in these encodings cannot be extended later.
                    break;
                }
            }
        }
        if let Some((key, _)) = added.iter().next() {
            let error = writer.add_bitmap(key, Bitmap::zeros(2, 2).unwrap().view()).unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::DuplicateKey | ErrorKind::Npz(_)), "{error}");
        }
    }
    writer.finish().unwrap();
    (std::fs::read(&path).unwrap(), added)
}

fuzz_target!(|bytes: &[u8]| {
    let (one, added) = write(bytes, 1);
    assert!(write(bytes, 2).0 == one, "the bytes depend on the number of threads");
    let archive = Archive::from_bytes(one).unwrap();
    assert_eq!(archive.len(), added.len());
    assert!(archive.verify(|_| ()).unwrap().problems.is_empty());
    for (key, images) in added {
        let found = archive.images(&key).unwrap();
        assert!(found.bitmaps().map(Result::unwrap).eq(images), "{key}");
    }
});
