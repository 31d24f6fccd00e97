//! An image set with any bytes in its members is read or refused, and so is each of its images.

#![no_main]

use bitnpz::{Compression, Limits, OpenOptions};
use bitnpz_fuzz::{BoundedAllocator, parts};
use bitnpz_npz::AtomicFile;
use libfuzzer_sys::fuzz_target;

#[global_allocator]
static ALLOCATOR: BoundedAllocator = BoundedAllocator;

fn write(path: &std::path::Path, members: [&[u8]; 5]) -> bitnpz_npz::Result<()> {
    let file = AtomicFile::create(path)?;
    let mut writer = bitnpz_npz::Writer::new(file, &bitnpz_npz::WriteOptions::default());
    writer.add(".bitnpz/sets.json", br#"{"version":1,"sets":["x"]}"#.to_vec())?;
    let [set, arrays @ ..] = members;
    writer.add(".bitnpz/x/set.json", set.to_vec())?;
    // A set of any version finds its model and what says where payloads are.
    let names: [&[&str]; 4] =
        [&["x/model", "models/m"], &["x/index-0", "x/blocks-0"], &["x/keys-0"], &["x/payload-0"]];
    for (names, bytes) in names.into_iter().zip(arrays) {
        for name in names {
            writer.add_with(&format!(".bitnpz/{name}"), bytes.to_vec(), Compression::Stored)?;
        }
    }
    writer.finish()?.commit()
}

fuzz_target!(|bytes: &[u8]| {
    let path = bitnpz_fuzz::folder().join("set.npz");
    write(&path, parts(bytes)).unwrap();
    let mut limits = Limits::default();
    limits.npy.array_bytes = 1 << 14;
    limits.image_bytes = 1 << 14;
    let Ok(archive) = bitnpz::Archive::open_with(&path, &OpenOptions::default().with_limits(limits)) else {
        return;
    };
    let problems = archive.verify(|_| ()).unwrap().problems;
    for entry in archive.entries().take(200).flatten() {
        assert!(archive.contains(entry.key()) || !problems.is_empty());
        if let Ok(images) = archive.images(entry.key()) {
            (0..images.len().min(50)).for_each(|index| {
                let _ = images.bitmap(index);
            });
        }
    }
});
