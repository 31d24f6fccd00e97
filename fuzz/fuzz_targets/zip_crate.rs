//! Every member that both we and the `zip` crate can read has the same bytes.

#![no_main]

use std::io::{Cursor, Read};

use bitnpz_fuzz::BoundedAllocator;
use bitnpz_npz::{Archive, Limits};
use libfuzzer_sys::fuzz_target;

#[global_allocator]
static ALLOCATOR: BoundedAllocator = BoundedAllocator;

fuzz_target!(|bytes: &[u8]| {
    let limits = Limits::default().with_member_bytes(1 << 20);
    let Ok(archive) = Archive::from_bytes_with(bytes.to_vec(), &limits) else { return };
    // The crate refuses what it does not know, such as future versions of the format.
    let Ok(mut other) = zip::ZipArchive::new(Cursor::new(bytes)) else { return };
    assert_eq!(archive.len(), other.len());
    for member in archive.members() {
        let Ok(ours) = member.read() else { continue };
        let Ok(file) = other.by_name(member.name()) else { continue };
        let mut theirs = Vec::new();
        if file.take(1 << 21).read_to_end(&mut theirs).is_ok() {
            assert!(ours == theirs, "{:?}", member.name());
        }
    }
});
