//! Failed writes: each is reported, and the writer rejects every later call.

use std::io::{self, Cursor, Seek, SeekFrom, Write};

use bitnpz_npz::{Archive, Compression, ErrorKind, WriteOptions, Writer};

/// A sink whose n-th call fails.
struct Failing {
    sink: Cursor<Vec<u8>>,
    calls_left: usize,
}

impl Failing {
    fn call(&mut self) -> io::Result<()> {
        self.calls_left =
            self.calls_left.checked_sub(1).ok_or_else(|| io::Error::other("the disk is full"))?;
        Ok(())
    }
}

impl Write for Failing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.call()?;
        // A short write is not an error.
        self.sink.write(&bytes[..bytes.len().min(1000)])
    }

    fn flush(&mut self) -> io::Result<()> {
        self.call()
    }
}

impl Seek for Failing {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.call()?;
        self.sink.seek(position)
    }
}

fn write(sink: Failing, compression: Compression) -> bitnpz_npz::Result<Failing> {
    let mut writer = Writer::new(sink, &WriteOptions::default().with_compression(compression));
    for i in 0..5_u8 {
        writer.add(&format!("{i}"), vec![i; 3000])?;
    }
    let mut stream = writer.stream("stream", vec![1, 2])?;
    stream.write_all(&[9; 5000])?;
    stream.finish(&[3, 4])?;
    writer.add("last", vec![5; 10])?;
    writer.finish()
}

#[test]
fn reports_the_failure_of_any_call() {
    for compression in [Compression::Stored, Compression::default()] {
        let calls = (1..).find(|&calls| {
            let sink = Failing { sink: Cursor::new(Vec::new()), calls_left: calls };
            match write(sink, compression) {
                Ok(done) => {
                    let archive = Archive::from_bytes(done.sink.into_inner()).unwrap();
                    assert_eq!(archive.find("stream").unwrap().read().unwrap()[..3], [3, 4, 9]);
                    true
                }
                Err(error) => {
                    assert!(error.to_string().contains("disk is full"), "{calls}: {error}");
                    false
                }
            }
        });
        assert!(calls.unwrap() > 15);
    }
}

#[test]
fn writer_is_poisoned_after_a_failure() {
    let sink = Failing { sink: Cursor::new(Vec::new()), calls_left: 3 };
    let mut writer = Writer::new(sink, &WriteOptions::default());
    let error = (0..10_000).find_map(|i| writer.add(&format!("{i}"), vec![0; 100]).err()).unwrap();
    assert!(matches!(error.kind(), ErrorKind::Io(_)));
    assert!(matches!(writer.add("more", Vec::new()).unwrap_err().kind(), ErrorKind::Poisoned));

    let mut writer = Writer::new(Cursor::new(Vec::new()), &WriteOptions::default());
    drop(writer.stream("unfinished", Vec::new()).unwrap());
    assert!(matches!(writer.add("more", Vec::new()).unwrap_err().kind(), ErrorKind::Poisoned));
}
