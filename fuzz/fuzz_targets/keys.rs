//! Images saved under any keys are found under those keys and no others.

#![no_main]

use bitnpz::{Archive, Bitmap, Writer};
use bitnpz_fuzz::BoundedAllocator;
use libfuzzer_sys::fuzz_target;

#[global_allocator]
static ALLOCATOR: BoundedAllocator = BoundedAllocator;

fuzz_target!(|text: &str| {
    let mut writer = Writer::create(bitnpz_fuzz::folder().join("keys.npz")).unwrap();
    let mut keys = Vec::new();
    for key in text.split('\n').take(500) {
        let mut image = Bitmap::zeros(3, 9).unwrap();
        (0..27).for_each(|bit| image.set(bit / 9, bit % 9, keys.len() >> bit & 1 == 1));
        if writer.add_bitmap(key, image.view()).is_ok() {
            keys.push((key, image));
        }
    }
    writer.finish().unwrap();
    let archive = Archive::open(bitnpz_fuzz::folder().join("keys.npz")).unwrap();
    assert!(archive.verify(|_| ()).unwrap().problems.is_empty());
    assert_eq!(archive.len(), keys.len());
    for (key, image) in &keys {
        assert!(archive.bitmap(key).unwrap() == *image, "{key:?}");
        let other = format!("{key}x");
        let is_there = keys.iter().any(|(key, _)| bitnpz_npz::identity(key) == bitnpz_npz::identity(&other));
        assert_eq!(archive.contains(&other), is_there, "{other:?}");
    }
    if keys.len() >= 8 {
        let named = archive.keyed_images().unwrap();
        assert!(named.iter().map(|set| set.len()).sum::<usize>() == keys.len());
    }
});
