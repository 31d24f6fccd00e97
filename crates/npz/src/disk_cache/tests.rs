//! Tests of the cache on disk.
#![expect(clippy::single_range_in_vec_init, reason = "one range is read")]

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::folder::disk_bytes;
use super::*;

/// A file of bytes that follow from their places, which counts requests.
#[derive(Clone)]
struct Remote {
    version: Option<&'static str>,
    requests: Arc<AtomicUsize>,
}

const LEN: u64 = 1 << 20;

fn bytes(range: std::ops::Range<u64>) -> Vec<u8> {
    range.map(|place| (place.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56).to_le_bytes()[0]).collect()
}

impl ReadAt for Remote {
    fn len(&self) -> io::Result<u64> {
        Ok(LEN)
    }

    fn version(&self) -> io::Result<Option<String>> {
        Ok(self.version.map(str::to_owned))
    }

    fn read_ranges(&self, ranges: &[std::ops::Range<u64>]) -> io::Result<Vec<Vec<u8>>> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        Ok(ranges.iter().cloned().map(bytes).collect())
    }
}

fn remote(version: Option<&'static str>) -> (Remote, Arc<AtomicUsize>) {
    let requests = Arc::new(AtomicUsize::new(0));
    (Remote { version, requests: Arc::clone(&requests) }, requests)
}

fn count(requests: &AtomicUsize) -> usize {
    requests.swap(0, Ordering::Relaxed)
}

#[test]
fn what_was_read_is_not_requested_again_by_anyone() {
    let folder = tempfile::tempdir().unwrap();
    let cache = DiskCache::new(folder.path().join("a/b"), 10 << 20).unwrap();
    let (source, requests) = remote(Some("v1"));
    let ranges = [5..900, 900..905, 70_000..300_000];
    let file = cache.add(Box::new(source.clone()));
    for _ in 0..2 {
        let read = file.read_ranges(&ranges).unwrap();
        assert_eq!(read, ranges.clone().map(bytes));
    }
    assert_eq!(count(&requests), 1);
    // As another process does.
    let other = DiskCache::new(folder.path().join("a/b"), 10 << 20).unwrap().add(Box::new(source));
    assert_eq!(
        other.read_ranges(&[6..904, 100_000..250_000]).unwrap(),
        [bytes(6..904), bytes(100_000..250_000)]
    );
    assert_eq!(count(&requests), 0);
    assert_eq!(other.read_ranges(&[6..904, 1000..1001]).unwrap(), [bytes(6..904), bytes(1000..1001)]);
    assert_eq!(other.read_ranges(&[900..906]).unwrap(), [bytes(900..906)]);
    assert_eq!(count(&requests), 2);
    assert_eq!(file.read_ranges(&[900..906]).unwrap(), [bytes(900..906)], "what another has added");
    assert_eq!(count(&requests), 0);
}

#[test]
fn short_ranges_hide_no_longer_ones() {
    let folder = tempfile::tempdir().unwrap();
    let cache = DiskCache::new(folder.path(), 10 << 20).unwrap();
    let (source, requests) = remote(Some("v1"));
    let file = cache.add(Box::new(source.clone()));
    for range in [100..200, 150..160, 0..5000, 90_000..90_010, 4990..100_000, 70_000..70_001] {
        assert_eq!(file.read_ranges(std::slice::from_ref(&range)).unwrap(), [bytes(range)]);
    }
    assert_eq!(count(&requests), 4);
    // As another process does.
    let other = cache.add(Box::new(source));
    for range in [300..400, 155..170, 50..5001, 0..100_000, 70_000..70_002, 90_005..99_999] {
        for file in [&file, &other] {
            assert_eq!(file.read_ranges(std::slice::from_ref(&range)).unwrap(), [bytes(range.clone())]);
        }
        assert_eq!(count(&requests), 0, "{range:?}");
    }
    other.read_ranges(&[99_999..100_001]).unwrap();
    assert_eq!(count(&requests), 1);
}

#[test]
fn other_versions_have_other_bytes_and_those_of_no_version_are_not_kept() {
    let folder = tempfile::tempdir().unwrap();
    let cache = DiskCache::new(folder.path(), 10 << 20).unwrap();
    for version in [Some("v1"), Some("v2"), None, None] {
        let (source, requests) = remote(version);
        let file = cache.add(Box::new(source));
        file.read_ranges(&[0..9]).unwrap();
        assert_eq!(count(&requests), 1, "{version:?}");
    }
    let (source, requests) = remote(Some("v1"));
    for accepted in [false, true] {
        let known = cache.add_known(Box::new(source.clone()), "known", LEN);
        assert_eq!(known.read_end(1000).unwrap(), (LEN, bytes(LEN - 1000..LEN)));
        assert_eq!(count(&requests), 1, "nothing is kept before a file is accepted");
        if accepted {
            known.accept();
        }
    }
    let known = cache.add_known(Box::new(source), "known", LEN);
    assert_eq!(known.read_end(1000).unwrap(), (LEN, bytes(LEN - 1000..LEN)));
    assert_eq!((known.len().unwrap(), count(&requests)), (LEN, 0));
    known.read_ranges(&[0..9]).unwrap();
    assert_eq!(count(&requests), 2, "the first request checks that it is the same file");
    known.read_ranges(&[20..29]).unwrap();
    assert_eq!(count(&requests), 1);
}

/// A file of other bytes.
struct Replaced;

impl ReadAt for Replaced {
    fn len(&self) -> io::Result<u64> {
        Ok(LEN)
    }

    fn read_ranges(&self, ranges: &[std::ops::Range<u64>]) -> io::Result<Vec<Vec<u8>>> {
        Ok(ranges.iter().map(|range| vec![1; usize::try_from(range.end - range.start).unwrap()]).collect())
    }
}

#[test]
fn bytes_of_two_versions_are_never_mixed() {
    let folder = tempfile::tempdir().unwrap();
    let cache = DiskCache::new(folder.path(), 10 << 20).unwrap();
    let first = cache.add_known(Box::new(remote(None).0), "known", LEN);
    first.read_end(1000).unwrap();
    first.accept();
    let known = cache.add_known(Box::new(Replaced), "known", LEN);
    assert_eq!(known.read_end(1000).unwrap().1, bytes(LEN - 1000..LEN));
    for _ in 0..2 {
        let error = known.read_ranges(&[0..9]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StaleNetworkFileHandle);
    }
    assert!(known.reject());
    let known = cache.add_known(Box::new(Replaced), "known", LEN);
    assert_eq!(known.read_end(1000).unwrap().1, [1; 1000], "what was there is forgotten");
    assert!(!known.reject());
}

#[test]
fn damage_and_halves_of_records_cost_requests_only() {
    let folder = tempfile::tempdir().unwrap();
    let cache = DiskCache::new(folder.path(), 10 << 20).unwrap();
    let (source, requests) = remote(Some("v1"));
    cache.add(Box::new(source.clone())).read_ranges(&[0..1000, 5000..6000]).unwrap();
    count(&requests);
    let data = cache.0.path_of("v1", "data");
    let mut found = fs::read(&data).unwrap();
    found[500] ^= 1;
    fs::write(&data, &found).unwrap();
    let list = cache.0.path_of("v1", "ranges");
    let mut records = fs::read(&list).unwrap();
    records.extend([7; 11]);
    fs::write(&list, &records).unwrap();
    let file = cache.add(Box::new(source.clone()));
    assert_eq!(file.read_ranges(&[0..1000, 5000..6000]).unwrap(), [bytes(0..1000), bytes(5000..6000)]);
    assert_eq!(count(&requests), 1);
    assert_eq!(fs::read(&list).unwrap().len() % 24, 0);
    let file = cache.add(Box::new(source.clone()));
    assert_eq!(file.read_ranges(&[0..1000, 5000..6000]).unwrap(), [bytes(0..1000), bytes(5000..6000)]);
    assert_eq!(count(&requests), 0);
    // What was read again of a longer range that is damaged is found in it.
    found[700] ^= 1;
    fs::write(&data, &found).unwrap();
    for requested in [1, 0] {
        let file = cache.add(Box::new(source.clone()));
        assert_eq!(file.read_ranges(&[650..750]).unwrap(), [bytes(650..750)]);
        assert_eq!(count(&requests), requested);
    }
    records[3] ^= 1;
    fs::write(&list, &records[..24]).unwrap();
    fs::write(cache.0.path_of("v1", "data"), "").unwrap();
    assert_eq!(cache.add(Box::new(source)).read_ranges(&[0..1000]).unwrap(), [bytes(0..1000)]);
}

#[test]
fn it_stays_within_its_bytes_and_goes_on_when_it_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let most = 1 << 20;
    let cache = DiskCache::new(folder.path(), most).unwrap();
    let versions = ["a", "b", "c", "d", "e"];
    for version in versions {
        let (source, _) = remote(Some(version));
        let file = cache.add(Box::new(source));
        for start in (0..LEN).step_by(1 << 16) {
            file.read_ranges(&[start..start + (1 << 16)]).unwrap();
        }
    }
    let bytes_of = |folder: &Path| -> u64 {
        fs::read_dir(folder).unwrap().map(|file| disk_bytes(&file.unwrap().metadata().unwrap())).sum()
    };
    assert!(bytes_of(folder.path()) <= most + most / 8, "{}", bytes_of(folder.path()));
    let (source, requests) = remote(Some("f"));
    let file = cache.add(Box::new(source));
    file.read_ranges(&[0..10]).unwrap();
    fs::remove_dir_all(folder.path()).unwrap();
    assert_eq!(file.read_ranges(&[20..30]).unwrap(), [bytes(20..30)]);
    assert_eq!(count(&requests), 2);
}

#[test]
fn processes_and_threads_write_it_at_the_same_time() {
    let folder = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4_u64 {
            let folder = folder.path();
            scope.spawn(move || {
                let cache = DiskCache::new(folder, 64 << 20).unwrap();
                let file = cache.add(Box::new(remote(Some("v")).0));
                for number in 0..200_u64 {
                    let start = number * 7919 * (thread + 1) % (LEN - 5000);
                    let range = start..start + 1 + number * 13 % 5000;
                    assert_eq!(file.read_ranges(std::slice::from_ref(&range)).unwrap(), [bytes(range)]);
                }
            });
        }
    });
    let (source, requests) = remote(Some("v"));
    let file = DiskCache::new(folder.path(), 64 << 20).unwrap().add(Box::new(source));
    file.read_ranges(&[0..1]).unwrap();
    assert_eq!(count(&requests), 0);
}

#[test]
fn no_thread_reads_before_the_file_is_compared() {
    let folder = tempfile::tempdir().unwrap();
    let cache = DiskCache::new(folder.path(), 10 << 20).unwrap();
    let first = cache.add_known(Box::new(remote(None).0), "known", LEN);
    first.read_end(1000).unwrap();
    first.accept();
    for _ in 0..20 {
        let known = cache.add_known(Box::new(Replaced), "known", LEN);
        known.read_end(1000).unwrap();
        std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..8).map(|_| scope.spawn(|| known.read_ranges(&[0..9]).is_err())).collect();
            assert!(threads.into_iter().all(|thread| thread.join().unwrap()));
        });
    }
}
