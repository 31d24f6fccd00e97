//! Every codec round-trips every image, and no payload is longer than the packed rows.

#![no_main]

use bitnpz::{Archive, Codec, WriteOptions, Writer};
use bitnpz_fuzz::{BoundedAllocator, Drawing};
use libfuzzer_sys::fuzz_target;

#[global_allocator]
static ALLOCATOR: BoundedAllocator = BoundedAllocator;

fuzz_target!(|bytes: &[u8]| {
    let folder = bitnpz_fuzz::folder();
    let mut drawing = Drawing::new(bytes);
    let [height, width] = [drawing.below(40), drawing.below(90)];
    let count = 8 + drawing.below(40);
    let images: Vec<_> = (0..count).map(|_| drawing.bitmap(height, width)).collect();
    for codec in [Codec::Contour, Codec::Pixel, Codec::Zstd, Codec::Raw] {
        let path = folder.join("codec.npz");
        let mut writer = Writer::create_with(&path, &WriteOptions::default().with_codec(codec)).unwrap();
        for (number, image) in images.iter().enumerate() {
            writer.add_bitmap(&format!("ix-{number:03}"), image.view()).unwrap();
        }
        writer.finish().unwrap();
        let archive = Archive::open(&path).unwrap();
        assert!(archive.verify(|_| ()).unwrap().problems.is_empty());
        for (number, image) in images.iter().enumerate() {
            let key = format!("ix-{number:03}");
            assert!(archive.bitmap(&key).unwrap() == *image, "{codec} {key}");
            // In a set of mixed sizes, the size of the image comes before the payload.
            assert!(archive.entry(&key).unwrap().stored_bytes() <= image.as_bytes().len() as u64 + 4);
        }
    }
});
