//! The ranges of files that were read last, kept for further reads.

use std::collections::{BTreeMap, VecDeque};
use std::ops::{Deref, Range};
use std::sync::{Arc, Mutex};

use crate::brief_lock::lock_briefly;

/// The most bytes that are kept unless a caller says how many.
const KEPT_BYTES: usize = 32 << 20;

/// So many ranges that are gone are left in the order of reading, besides as many as are there.
const MOST_GONE: usize = 64;

/// The ranges that were read last of files that are read by range. Several files can share it, and with it the memory; a clone is
/// the same cache.
///
/// ```
/// let cache = bitnpz_npz::RangeCache::new(64 << 20);
/// let mut options = bitnpz_npz::OpenOptions::default();
/// options.cache = cache.clone();
/// ```
#[derive(Clone, Debug)]
pub struct RangeCache(Arc<Mutex<KeptRanges>>);

impl Default for RangeCache {
    /// Returns a cache of 32 MiB.
    fn default() -> Self {
        Self::new(KEPT_BYTES)
    }
}

impl RangeCache {
    /// Returns a cache that keeps so many bytes at most.
    #[must_use]
    pub fn new(most_bytes: usize) -> Self {
        Self(Arc::new(Mutex::new(KeptRanges::new(most_bytes))))
    }

    /// Returns the part of a new file.
    pub(crate) fn add_file(&self) -> CachedFile {
        let number = lock_briefly(&self.0).map(|mut kept| {
            kept.next_file += 1;
            kept.next_file
        });
        CachedFile { cache: self.clone(), number }
    }
}

/// Bytes of a range that is kept, which stay as long as this is held.
#[derive(Clone, Debug)]
pub struct KeptBytes {
    bytes: Arc<Vec<u8>>,
    part: Range<usize>,
}

impl Deref for KeptBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[self.part.clone()]
    }
}

impl KeptBytes {
    /// Returns a part of them, which is within them.
    pub(crate) fn part(&self, part: Range<usize>) -> Self {
        Self {
            bytes: Arc::clone(&self.bytes),
            part: self.part.start + part.start..self.part.start + part.end,
        }
    }
}

impl From<Vec<u8>> for KeptBytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self { part: 0..bytes.len(), bytes: Arc::new(bytes) }
    }
}

/// The part of a cache that is of one file. It keeps nothing while the cache stays locked, as in a process that was forked while a
/// thread used it.
pub(crate) struct CachedFile {
    cache: RangeCache,
    /// `None` of a file that keeps nothing.
    number: Option<u64>,
}

impl CachedFile {
    /// Returns how many bytes it keeps at most.
    pub(crate) fn most_bytes(&self) -> u64 {
        let most = lock_briefly(&self.cache.0).filter(|_| self.number.is_some()).map(|kept| kept.most_bytes);
        most.unwrap_or(0) as u64
    }

    /// Returns the bytes of a range.
    pub(crate) fn get(&self, range: &Range<u64>) -> Option<Vec<u8>> {
        lock_briefly(&self.cache.0)?.get(self.number?, range).map(|kept| kept.to_vec())
    }

    /// Returns these ranges, each with its bytes if they are there.
    pub(crate) fn get_all(
        &self,
        ranges: impl Iterator<Item = Range<u64>>,
    ) -> Vec<(Range<u64>, Option<KeptBytes>)> {
        let kept = lock_briefly(&self.cache.0);
        let get = |range: &Range<u64>| kept.as_ref()?.get(self.number?, range);
        ranges.map(|range| (range.clone(), get(&range))).collect()
    }

    /// Returns these ranges, each with where it starts, if all are there.
    pub(crate) fn get_if_all(
        &self,
        mut ranges: impl Iterator<Item = Range<u64>>,
    ) -> Option<Vec<(u64, KeptBytes)>> {
        let (kept, file) = (lock_briefly(&self.cache.0)?, self.number?);
        let (least, _) = ranges.size_hint();
        let mut found = Vec::with_capacity(least);
        ranges.try_for_each(|range| {
            found.push((range.start, kept.get(file, &range)?));
            Some(())
        })?;
        Some(found)
    }

    /// Keeps ranges, each given by where it starts.
    pub(crate) fn keep(&self, ranges: impl Iterator<Item = (u64, KeptBytes)>) {
        let (Some(mut kept), Some(file)) = (lock_briefly(&self.cache.0), self.number) else { return };
        ranges.for_each(|(start, bytes)| kept.keep(file, start, bytes.bytes));
    }

    /// Keeps a copy of a range, unless it is too long.
    pub(crate) fn keep_copy(&self, start: u64, bytes: &[u8]) {
        let (Some(mut kept), Some(file)) = (lock_briefly(&self.cache.0), self.number) else { return };
        if bytes.len() <= kept.most_bytes {
            kept.keep(file, start, Arc::new(bytes.to_vec()));
        }
    }
}

impl Drop for CachedFile {
    fn drop(&mut self) {
        if let (Some(mut kept), Some(file)) = (lock_briefly(&self.cache.0), self.number) {
            kept.remove_file(file);
        }
    }
}

/// A file, and where a range of it starts.
type Place = (u64, u64);

/// The ranges that were read last. None is a part of another, so that those that start later end later.
#[derive(Debug)]
pub(crate) struct KeptRanges {
    /// By file and where they start, each with its number in the order of reading.
    ranges: BTreeMap<Place, (u64, Arc<Vec<u8>>)>,
    /// Their numbers, files and where they start, in the order of reading, and those of some that are gone.
    order: VecDeque<(u64, Place)>,
    bytes: usize,
    most_bytes: usize,
    /// The number of the next.
    next: u64,
    next_file: u64,
}

impl KeptRanges {
    pub(crate) fn new(most_bytes: usize) -> Self {
        Self { ranges: BTreeMap::new(), order: VecDeque::new(), bytes: 0, most_bytes, next: 0, next_file: 0 }
    }

    /// Returns the bytes of a range of a file that is a part of one that was read.
    pub(crate) fn get(&self, file: u64, range: &Range<u64>) -> Option<KeptBytes> {
        let (bytes, part) = self.find(file, range)?;
        Some(KeptBytes { bytes: Arc::clone(bytes), part })
    }

    /// Returns the range that was read with this one in it, and where.
    fn find(&self, file: u64, range: &Range<u64>) -> Option<(&Arc<Vec<u8>>, Range<usize>)> {
        let (&(_, start), (_, bytes)) = self.ranges.range((file, 0)..=(file, range.start)).next_back()?;
        let [start, end] = [range.start - start, range.end - start].map(usize::try_from);
        let part = start.ok()?..end.ok()?;
        (part.end <= bytes.len()).then_some((bytes, part))
    }

    /// Keeps a range of a file, and as many of those that were read before as there is room for.
    pub(crate) fn keep(&mut self, file: u64, start: u64, bytes: Arc<Vec<u8>>) {
        let range = start..start + bytes.len() as u64;
        if bytes.len() > self.most_bytes || self.find(file, &range).is_some() {
            return;
        }
        // What is a part of it is kept with it.
        let within = self.ranges.range((file, range.start)..(file, range.end));
        let parts = within.filter(|((_, start), (_, bytes))| start + bytes.len() as u64 <= range.end);
        let parts: Vec<_> = parts.map(|(place, _)| *place).collect();
        parts.into_iter().for_each(|place| self.remove(place));
        self.bytes += bytes.len();
        self.ranges.insert((file, start), (self.next, bytes));
        self.order.push_back((self.next, (file, start)));
        self.next += 1;
        while self.bytes > self.most_bytes {
            let (number, place) = self.order.pop_front().expect("ranges that are counted");
            if self.ranges.get(&place).is_some_and(|(other, _)| *other == number) {
                self.remove(place);
            }
        }
        if self.order.len() > 2 * self.ranges.len() + MOST_GONE {
            self.order
                .retain(|(number, place)| self.ranges.get(place).is_some_and(|(other, _)| other == number));
        }
    }

    fn remove(&mut self, place: Place) {
        self.bytes -= self.ranges.remove(&place).map_or(0, |(_, bytes)| bytes.len());
    }

    /// Forgets the ranges of a file.
    pub(crate) fn remove_file(&mut self, file: u64) {
        let places: Vec<_> =
            self.ranges.range((file, 0)..=(file, u64::MAX)).map(|(place, _)| *place).collect();
        places.into_iter().for_each(|place| self.remove(place));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(range: Range<u64>) -> Vec<u8> {
        range.map(|place| place.to_le_bytes()[0]).collect()
    }

    fn found(kept: &KeptRanges, range: Range<u64>) -> Option<Vec<u8>> {
        kept.get(7, &range).map(|found| found.to_vec())
    }

    #[test]
    fn long_ranges_are_found_among_short_ones() {
        let mut kept = KeptRanges::new(KEPT_BYTES);
        for start in (0..2000).step_by(20) {
            kept.keep(7, start, Arc::new(bytes(start..start + 10)));
        }
        kept.keep(7, 5, Arc::new(bytes(5..1500)));
        assert_eq!(found(&kept, 600..1400), Some(bytes(600..1400)));
        assert_eq!(found(&kept, 0..10), Some(bytes(0..10)));
        assert_eq!(found(&kept, 1512..1515), None);
        kept.keep(7, 700, Arc::new(bytes(700..800)));
        kept.keep(7, 1490, Arc::new(bytes(1490..1600)));
        assert_eq!(found(&kept, 1495..1600), Some(bytes(1495..1600)));
        assert_eq!(found(&kept, 600..1400), Some(bytes(600..1400)));
        let sum: usize = kept.ranges.values().map(|(_, bytes)| bytes.len()).sum();
        assert_eq!(kept.bytes, sum);
    }

    #[test]
    fn what_was_read_first_is_dropped_first() {
        let mut kept = KeptRanges::new(KEPT_BYTES);
        let most = KEPT_BYTES as u64;
        kept.keep(7, 0, Arc::new(vec![1; 100]));
        kept.keep(7, 200, Arc::new(vec![2; KEPT_BYTES - 150]));
        assert!(kept.get(7, &(0..100)).is_none() || kept.bytes <= KEPT_BYTES);
        kept.keep(7, 2 * most, Arc::new(vec![3; KEPT_BYTES]));
        assert_eq!((kept.ranges.len(), kept.bytes), (1, KEPT_BYTES));
        kept.keep(7, 0, Arc::new(vec![4; KEPT_BYTES + 1]));
        assert_eq!(kept.ranges.len(), 1, "too long");
        for start in 0..10_000 {
            kept.keep(7, start, Arc::new(vec![5; 2]));
        }
        assert!(kept.order.len() <= 2 * kept.ranges.len() + MOST_GONE + 1);
        assert!(kept.bytes <= KEPT_BYTES && kept.get(7, &(9_999..10_001)).is_some());
    }

    #[test]
    fn files_share_the_room_but_no_ranges() {
        let cache = RangeCache::new(100);
        let (first, second) = (cache.add_file(), cache.add_file());
        first.keep([(0, vec![1; 60].into())].into_iter());
        assert_eq!((first.get(&(10..12)), second.get(&(10..12))), (Some(vec![1; 2]), None));
        second.keep([(0, vec![2; 40].into())].into_iter());
        assert_eq!((first.get(&(0..1)), second.get(&(0..1))), (Some(vec![1]), Some(vec![2])));
        second.keep([(50, vec![3; 10].into())].into_iter());
        assert_eq!((first.get(&(0..1)), second.get(&(50..51))), (None, Some(vec![3])));
        drop(second);
        assert_eq!(cache.0.lock().unwrap().bytes, 0);
    }
}
