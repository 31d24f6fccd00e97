//! Archives that are read by range: what is requested, and how often.
#![expect(clippy::single_range_in_vec_init, reason = "one range is requested")]

use std::io::{self, Cursor, Read};
use std::ops::Range;
use std::sync::{Arc, Mutex};

use bitnpz_npz::{Archive, Compression, OpenOptions, RangeCache, ReadAt, WriteOptions, Writer};

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
    let again = |mixed: u64| (mixed ^ mixed >> 29).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    (0..len as u64).map(|place| (again(mixed(place)) >> 56).to_le_bytes()[0]).collect()
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

/// Checks that no byte was requested twice, and returns how many were.
fn once(requests: &[Vec<Range<u64>>]) -> u64 {
    let mut ranges: Vec<_> = requests.iter().flatten().cloned().collect();
    ranges.sort_by_key(|range| range.start);
    assert!(ranges.is_sorted_by(|one, next| one.end <= next.start), "{ranges:?}");
    ranges.iter().map(|range| range.end - range.start).sum()
}

/// Returns options with a cache of so many bytes.
fn cache(bytes: usize) -> OpenOptions {
    OpenOptions::default().with_cache(RangeCache::new(bytes))
}

/// The end of the file, which is read first, has so many bytes.
const TAIL_BYTES: u64 = 256 << 10;

#[test]
fn a_large_directory_is_requested_once() {
    let names: Vec<_> =
        (0..9000).map(|number| format!("a member with a name of sixty bytes or so: {number:09}")).collect();
    let members: Vec<_> = names.iter().map(|name| (&name[..], name.clone().into_bytes())).collect();
    let file = Noted::new(archive(&members, Compression::Stored));
    let all = file.bytes.len() as u64;
    for bytes in [0, 100_000, 32 << 20] {
        let archive = file.open(&cache(bytes));
        let requests = file.take();
        assert!(requests.len() == 2 && once(&requests) <= all, "{bytes}: {requests:?}");
        // What lies before it is requested with it, if there is room to keep it.
        for name in &names[names.len() - bytes.min(100_000) / 150..] {
            assert_eq!(archive.find(name).unwrap().read().unwrap(), name.as_bytes());
        }
        assert_eq!(file.take(), [[]; 0], "{bytes}");
        let directory = archive.member(8999).unwrap().offset() + 100;
        assert_eq!(requests[1][0].start > directory, bytes == 0, "{requests:?}");
    }
}

#[test]
fn members_are_requested_once_whatever_is_kept() {
    let large = noise(9_000_000, 0);
    let members = [("large", large.clone()), ("other", noise(9_000_000, 1)), ("last", noise(300_000, 2))];
    let file = Noted::new(archive(&members, Compression::Stored));
    for bytes in [0, 1 << 20, 32 << 20] {
        let archive = file.open(&cache(bytes));
        let member = archive.find("large").unwrap();
        file.take();
        assert!(member.read().unwrap() == large);
        let requests = file.take();
        assert!(requests.len() == 1 && once(&requests) < 9_001_000, "{bytes}: {requests:?}");

        // Two at a time.
        let archive = file.open(&cache(bytes));
        file.take();
        let mut readers = ["large", "other"].map(|name| archive.find(name).unwrap().reader().unwrap());
        let mut start = [0; 1000];
        readers.each_mut().into_iter().for_each(|reader| reader.read_exact(&mut start).unwrap());
        let requests = file.take();
        assert!(requests.len() == 2 && once(&requests) < 140_000, "only the starts: {requests:?}");
        let mut piece = [0; 50_000];
        while readers.each_mut().into_iter().any(|reader| reader.read(&mut piece).unwrap() > 0) {}
        let later = file.take();
        assert!(later.len() == 4, "{bytes}: {later:?}");
        assert!(once(&[requests, later].concat()) < 18_002_000);
    }
}

#[test]
fn deflated_members_are_requested_once_whatever_is_kept() {
    let text: Vec<u8> = noise(3_000_000, 0).iter().map(|byte| byte & 15).collect();
    let members = [("text", text.clone()), ("last", noise(300_000, 2))];
    let file = Noted::new(archive(&members, Compression::default()));
    for bytes in [0, 100_000, 32 << 20] {
        let archive = file.open(&cache(bytes));
        let member = archive.find("text").unwrap();
        file.take();
        let mut read = Vec::new();
        member.reader().unwrap().read_to_end(&mut read).unwrap();
        assert!(read == text);
        let requests = file.take();
        let most = member.compressed_size() + 1000;
        assert!(requests.len() == 2 && once(&requests) < most, "{bytes}: {requests:?}");
    }
}

#[test]
fn gaps_are_found_with_few_requests_whatever_is_kept() {
    let names: Vec<_> = (0..3000).map(|number| format!("{number}")).collect();
    let mut members: Vec<_> = names.iter().map(|name| (&name[..], noise(500, 0))).collect();
    members.push(("last", noise(300_000, 1)));
    let file = Noted::new(archive(&members, Compression::Stored));
    for bytes in [0, 100_000, 32 << 20] {
        let archive = file.open(&cache(bytes));
        file.take();
        assert_eq!(archive.gaps().unwrap(), 0);
        let requests = file.take();
        assert!(requests.len() <= 3, "{bytes}: {} requests", requests.len());
    }
}

#[test]
fn what_the_end_of_the_file_has_is_not_requested_again() {
    let file = Noted::new(archive(&[("large", noise(600_000, 0))], Compression::Stored));
    let archive = file.open(&OpenOptions::default());
    let all = archive.size();
    assert_eq!(archive.slice(all - TAIL_BYTES - 1000..all - 5).unwrap().len() as u64, TAIL_BYTES + 995);
    assert_eq!(archive.find("large").unwrap().read().unwrap(), noise(600_000, 0));
    let [end, slice, rest] = &file.take()[..] else { panic!("expected three requests") };
    assert_eq!(
        (end, slice),
        (&vec![all - TAIL_BYTES..all], &vec![all - TAIL_BYTES - 1000..all - TAIL_BYTES])
    );
    assert_eq!(rest, &[0..all - TAIL_BYTES]);
}
