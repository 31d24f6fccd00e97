//! Archives that are written to outputs that cannot be sought.

use std::io::{Cursor, Write};

use bitnpz_npz::{Archive, Compression, ErrorKind, WriteOptions, Writer};
use bitnpz_oracle::Oracle;

/// An output that only takes bytes.
#[derive(Default)]
struct Pipe(Vec<u8>);

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn body(len: usize) -> Vec<u8> {
    (0..len).map(|place| u8::try_from(place * place / 1000 % 251).unwrap()).collect()
}

/// Writes members of all kinds.
fn fill<W: Write>(mut writer: Writer<W>) -> W {
    writer.add("text.txt", b"compressed if that is smaller".to_vec()).unwrap();
    writer.add_with("stored.bin", body(1000), Compression::Stored).unwrap();
    for (name, len) in [("none.bin", 0), ("short.bin", 10), ("long.bin", 3_000_000)] {
        let mut stream = writer.stream(name, b"head".to_vec()).unwrap();
        stream.write_all(&body(len)).unwrap();
        stream.finish(b"head").unwrap();
    }
    for compression in [Compression::Stored, Compression::default()] {
        let name = format!("{:?}.bin", compression.method());
        let mut stream = writer.stream_in_parts(&name, Vec::new(), 200_000, compression).unwrap();
        stream.write_all(&body(200_000)).unwrap();
        stream.finish(&[]).unwrap();
    }
    writer.add("last", vec![7; 5]).unwrap();
    writer.finish().unwrap()
}

#[test]
fn the_same_members_are_read() {
    let unseekable = fill(Writer::new_unseekable(Pipe::default(), &WriteOptions::default())).0;
    let seekable = fill(Writer::new(Cursor::new(Vec::new()), &WriteOptions::default())).into_inner();
    let [found, expected] = [unseekable.clone(), seekable].map(|bytes| Archive::from_bytes(bytes).unwrap());
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.members().zip(expected.members()) {
        assert_eq!((found.name(), found.method()), (expected.name(), expected.method()));
        assert!(found.read().unwrap() == expected.read().unwrap(), "{}", found.name());
        assert_eq!(found.parts().is_some(), expected.parts().is_some());
    }
    assert_eq!(found.gaps().unwrap(), 0);
    let mut python = Oracle::start();
    let sizes = python.run(
        "import io, zipfile\n\
         z = zipfile.ZipFile(io.BytesIO(inputs[0]))\n\
         assert z.testzip() is None\n\
         outputs.append(str([len(z.read(name)) for name in z.namelist()]).encode())",
        &[&unseekable],
    );
    assert_eq!(String::from_utf8_lossy(&sizes[0]), "[29, 1000, 4, 14, 3000004, 200000, 200000, 5]");
}

#[test]
fn a_head_that_changes_is_refused() {
    let mut writer = Writer::new_unseekable(Pipe::default(), &WriteOptions::default());
    let mut stream = writer.stream("a", b"one".to_vec()).unwrap();
    stream.write_all(&body(100)).unwrap();
    let error = stream.finish(b"two").unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Unseekable) && error.to_string().contains("cannot be sought"));
    assert!(matches!(writer.finish().map(|_| ()).unwrap_err().kind(), ErrorKind::Poisoned));
}
