//! Round trips through the `zip` crate, in both directions.

use std::io::{Cursor, Read, Write};

use bitnpz_npz::{Archive, Compression, WriteOptions, Writer};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

fn contents() -> Vec<(String, Vec<u8>)> {
    let text = b"some text that repeats, some text that repeats".repeat(40);
    (0..40).map(|i| (format!("folder/é {i}.npy"), text[..i * 40].to_vec())).collect()
}

#[test]
fn zip_crate_reads_our_archives() {
    for method in [Compression::Stored, Compression::Deflate { level: 9 }, Compression::Zstd { level: 3 }] {
        let mut writer =
            Writer::new(Cursor::new(Vec::new()), &WriteOptions::default().with_compression(method));
        for (name, bytes) in contents() {
            writer.add(&name, bytes).unwrap();
        }
        let mut archive = ZipArchive::new(writer.finish().unwrap()).unwrap();
        for (name, bytes) in contents() {
            let mut read = Vec::new();
            archive.by_name(&name).unwrap().read_to_end(&mut read).unwrap();
            assert_eq!(read, bytes, "{name} {method}");
        }
    }
}

#[test]
fn reads_archives_of_the_zip_crate() {
    for method in [CompressionMethod::Stored, CompressionMethod::Deflated, CompressionMethod::Zstd] {
        for (is_large, alignment) in [(false, 1), (true, 1), (false, 64), (true, 512)] {
            let options = SimpleFileOptions::default().compression_method(method);
            let options = options.large_file(is_large).with_alignment(alignment);
            let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
            writer.set_comment("a comment").unwrap();
            for (name, bytes) in contents() {
                writer.start_file(name, options).unwrap();
                writer.write_all(&bytes).unwrap();
            }
            let archive = Archive::from_bytes(writer.finish().unwrap().into_inner()).unwrap();
            for (name, bytes) in contents() {
                assert_eq!(archive.find(&name).unwrap().read().unwrap(), bytes, "{name} {method}");
            }
        }
    }
}

#[test]
fn reads_data_descriptors_and_archives_with_a_prefix() {
    let mut writer = ZipWriter::new_stream(Vec::new());
    for (name, bytes) in contents() {
        writer.start_file(name, SimpleFileOptions::default()).unwrap();
        writer.write_all(&bytes).unwrap();
    }
    let bytes = writer.finish().unwrap().into_inner();
    for (prefix, file) in [(0, bytes.clone()), (5000, [vec![7; 5000], bytes].concat())] {
        let archive = Archive::from_bytes(file).unwrap();
        for (name, bytes) in contents() {
            assert_eq!(archive.find(&name).unwrap().read().unwrap(), bytes, "{name}");
        }
        assert!(archive.gaps().unwrap() >= prefix, "the prefix, and the descriptors");
    }
}
