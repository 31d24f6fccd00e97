//! Any bytes are read as an archive or refused, with the same result in memory, mapped and by positional reads.

#![no_main]

use std::io::{Read, Write};

use bitnpz_fuzz::BoundedAllocator;
use bitnpz_npz::{Access, Archive, Limits, Member, OpenOptions};
use libfuzzer_sys::fuzz_target;

#[global_allocator]
static ALLOCATOR: BoundedAllocator = BoundedAllocator;

/// Reads every member, in one go and as a stream, and returns its bytes or the error.
fn read_all(archive: bitnpz_npz::Result<Archive>) -> Result<Vec<Result<Vec<u8>, String>>, String> {
    let archive = archive.map_err(|error| error.to_string())?;
    let members = archive.members().map(|member| {
        let whole = member.read().map_err(|error| error.to_string());
        let mut streamed = Vec::new();
        let stream = member.reader().map(|mut reader| reader.read_to_end(&mut streamed));
        let is_whole = matches!(stream, Ok(Ok(_)));
        assert_eq!(is_whole, whole.is_ok(), "{whole:?}");
        if let Ok(whole) = &whole {
            assert_eq!(*whole, streamed);
            assert_eq!(archive.find(member.name()).map(|found| found.number()), Some(member.number()));
            read_parts(&member, whole);
        }
        whole
    });
    Ok(members.collect())
}

/// Reads a member by its parts, if they can all be read: they have its bytes.
fn read_parts(member: &Member<'_>, whole: &[u8]) {
    let Some(parts) = member.parts() else { return };
    let read: Result<Vec<_>, _> = (0..parts.len()).map(|part| member.read_part(&parts, part)).collect();
    if let Ok(read) = read {
        assert_eq!(read.concat(), whole);
    }
}

fuzz_target!(|bytes: &[u8]| {
    let limits = Limits::default().with_member_bytes(16 << 20);
    let in_memory = read_all(Archive::from_bytes_with(bytes.to_vec(), &limits));
    let path = bitnpz_fuzz::folder().join("archive.npz");
    std::fs::File::create(&path).unwrap().write_all(bytes).unwrap();
    for access in [Access::Mapped, Access::Positional] {
        let options = OpenOptions::default().with_access(access).with_limits(limits.clone());
        assert_eq!(read_all(Archive::open_with(&path, &options)), in_memory);
    }
    if let Ok(archive) = bitnpz::Archive::from_bytes(bytes.to_vec()) {
        let report = archive.verify(|_| ()).unwrap();
        // Damage found without reading the data must also be found by reading all of it.
        let structure = archive.verify_structure().unwrap();
        assert_eq!(structure.members, report.members);
        assert!(structure.problems.is_empty() || !report.problems.is_empty(), "{structure:?}");
        let is_whole = archive.entries().all(|entry| entry.is_ok());
        assert!(is_whole || !report.problems.is_empty());
    }
});
