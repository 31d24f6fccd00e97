//! Salvaging archives that are odd or hostile rather than damaged.

use std::fs;
use std::io::Cursor;

use bitnpz_npz::{Archive, Limits, Salvaged, WriteOptions, Writer, salvage};
use bitnpz_oracle::Counting;

/// Salvages a file of these bytes, and returns what became of its members and the new archive.
fn salvaged(bytes: &[u8]) -> Result<(Salvaged, Archive), bitnpz_npz::Error> {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), bytes).unwrap();
    let mut writer = Writer::new(Cursor::new(Vec::new()), &WriteOptions::default());
    let salvaged = salvage(file.path(), &mut writer, &Limits::default(), |_| false)?;
    let bytes = writer.finish_in_order(&salvaged.listed)?.into_inner();
    Ok((salvaged, Archive::from_bytes(bytes)?))
}

#[test]
fn bytes_before_an_archive_cost_nothing() {
    let mut writer = Writer::new(Cursor::new(Vec::new()), &WriteOptions::default());
    for name in ["c", "a", "b"] {
        writer.add(name, name.as_bytes().repeat(50)).unwrap();
    }
    let bytes = writer.finish_in_order(&[2, 0, 1]).unwrap().into_inner();
    for prefix in [0, 1, 40] {
        let prefixed = [b"#!/bin/sh unpack me; exec me now, please".get(..prefix).unwrap(), &bytes].concat();
        let (salvaged, archive) = salvaged(&prefixed).unwrap();
        assert_eq!(salvaged.gone, []);
        let names: Vec<_> = archive.members().map(|member| member.name().to_owned()).collect();
        assert_eq!(names, ["b", "c", "a"], "in the order of the directory");
    }
}

/// Headers that overlap, each of which claims the 65,535 bytes after it as its name.
#[test]
fn names_that_share_bytes_take_little_memory() {
    let header = [b"PK\x03\x04".as_slice(), &[0x10; 22], &[0xFF, 0xFF, 1, 1]].concat();
    let bytes = header.repeat(35_000);
    let (found, cost) = Counting::measure(|| salvaged(&bytes).map(drop));
    let message = found.unwrap_err().to_string();
    assert!(message.contains("names that it found take more bytes"), "{message}");
    assert!(cost.peak < 64 << 20, "{cost:?}");
}
