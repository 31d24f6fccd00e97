//! Archives that are read by range: what is requested, and how often.
#![expect(clippy::single_range_in_vec_init, reason = "one range is requested")]

use std::io::{self, Cursor, Read};
use std::ops::Range;
use std::sync::{Arc, Mutex};

use bitnpz_npz::{Archive, Compression, OpenOptions, ReadAt, WriteOptions, Writer};

/// A file that notes the ranges that are requested of it.
#[derive(Clone, Default)]
struct Noted {
    bytes: Arc<Vec<u8>>,
    requests: Arc<Mutex<Vec<Vec<Range<u64>>>>>,
}

impl Noted {
    fn new(bytes: Vec<u8>) -> Self {
        Self { bytes: Arc::new(bytes), ..Self::default() }
    }

    fn open(&self, options: &OpenOptions) -> Archive {
        Archive::open_ranges(self.clone(), options).unwrap()
    }

    /// Returns the requests since the last call.
    fn take(&self) -> Vec<Vec<Range<u64>>> {
        std::mem::take(&mut self.requests.lock().unwrap())
    }
}

impl ReadAt for Noted {
    fn len(&self) -> io::Result<u64> {
        Ok(self.bytes.len() as u64)
    }

    fn read_ranges(&self, ranges: &[Range<u64>]) -> io::Result<Vec<Vec<u8>>> {
        assert!(ranges.iter().all(|range| !range.is_empty()), "{ranges:?}");
        self.requests.lock().unwrap().push(ranges.to_vec());
        let index = |place: u64| usize::try_from(place).unwrap();
        Ok(ranges.iter().map(|range| self.bytes[index(range.start)..index(range.end)].to_vec()).collect())
    }
}

/// Bytes that do not compress.
fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mixed = |place: u64| (place ^ seed << 40).wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (0..len as u64).map(|place| (mixed(place) >> 56).to_le_bytes()[0]).collect()
}

/// Returns an archive of these members, stored or deflated.
fn archive(members: &[(&str, Vec<u8>)], compression: Compression) -> Vec<u8> {
    let options = WriteOptions::default().with_compression(compression);
    let mut writer = Writer::new(Cursor::new(Vec::new()), &options);
    members.iter().for_each(|(name, bytes)| writer.add(name, bytes.clone()).unwrap());
    writer.finish().unwrap().into_inner()
}

#[test]
fn empty_ranges_are_not_requested() {
    let members = [("empty", Vec::new()), ("large", noise(600_000, 0))];
    let file = Noted::new(archive(&members, Compression::Stored));
    let archive = file.open(&OpenOptions::default());
    file.take();
    assert_eq!(archive.slice(5..5).unwrap().len(), 0);
    assert_eq!(archive.prefetch(&mut [5..5, 7..7]).unwrap().len(), 0);
    assert_eq!(archive.kept(&[5..5]).map(|kept| kept.len()), Some(0));
    assert_eq!(file.take(), [[]; 0]);
    let member = archive.find("empty").unwrap();
    assert_eq!(member.reader().unwrap().read_to_end(&mut Vec::new()).unwrap(), 0);
    assert_eq!(member.read().unwrap(), [0; 0]);
    let mut copy = Writer::new(Cursor::new(Vec::new()), &WriteOptions::default());
    copy.copy(&member).unwrap();
}
