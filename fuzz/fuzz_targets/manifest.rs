//! A manifest that can be read is written as one with the same meaning, and names files in its folder only.

#![no_main]

use std::path::{Component, Path};

use bitnpz::Manifest;
use bitnpz_fuzz::BoundedAllocator;
use libfuzzer_sys::fuzz_target;

#[global_allocator]
static ALLOCATOR: BoundedAllocator = BoundedAllocator;

fuzz_target!(|text: &[u8]| {
    let Ok(manifest) = Manifest::parse(text) else { return };
    let again = Manifest::parse(manifest.to_json().as_bytes()).unwrap();
    assert_eq!(again, manifest);
    for shard in manifest.shards() {
        let mut parts = Path::new(&shard.name).components();
        assert!(parts.all(|part| matches!(part, Component::Normal(_))), "{:?}", shard.name);
    }
});
