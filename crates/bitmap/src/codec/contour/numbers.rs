//! Numbers as symbols: a bucket, and raw bits that tell which number of the bucket.

/// The number of buckets.
pub(super) const BUCKETS: usize = 25;

/// The first number of each bucket; a bucket ends where the next one starts.
#[rustfmt::skip]
const FIRSTS: [u32; BUCKETS] = [
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 16, 20, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512,
];

/// Returns the bucket of a number.
pub(super) fn bucket(number: u32) -> usize {
    FIRSTS.partition_point(|&first| first <= number) - 1
}

/// Returns the first number of a bucket and the number of raw bits that follow it. The last bucket has no end: `side_bits`
/// is the number of bits of the longer side of the image.
#[inline]
pub(super) fn bucket_range(bucket: usize, side_bits: u32) -> (u32, u32) {
    static RANGES: [(u32, u32); 32] = {
        let mut ranges = [(0, 0); 32];
        let mut bucket = 0;
        while bucket < BUCKETS {
            let bits =
                if bucket + 1 < BUCKETS { (FIRSTS[bucket + 1] - FIRSTS[bucket]).trailing_zeros() } else { 0 };
            ranges[bucket] = (FIRSTS[bucket], bits);
            bucket += 1;
        }
        ranges
    };
    let (first, bits) = RANGES[bucket % 32];
    (first, if bucket + 1 == BUCKETS { side_bits } else { bits })
}

/// Returns the number of bits of the longer side of an image.
pub(super) fn side_bits([height, width]: [u32; 2]) -> u32 {
    u32::BITS - height.max(width).leading_zeros()
}

/// Returns a length as one of 15 classes, exact up to 6.
#[inline]
pub(super) fn length_class(length: u32) -> u8 {
    const CLASSES: [u8; 161] = {
        let mut classes = [14; 161];
        let mut length = 0;
        while length < 160 {
            classes[length] = match length {
                0..=6 => length as u8,
                7..=8 => 7,
                9..=11 => 8,
                12..=15 => 9,
                16..=23 => 10,
                24..=39 => 11,
                40..=79 => 12,
                _ => 13,
            };
            length += 1;
        }
        classes
    };
    CLASSES[length.min(160) as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_has_one_bucket() {
        for number in (0..2000).chain([65_535, 65_536]) {
            let (first, bits) = bucket_range(bucket(number), 17);
            assert!(number >= first && number - first < 1 << bits, "{number}: from {first}, {bits} bits");
        }
        assert_eq!(bucket(u32::MAX), BUCKETS - 1);
    }
}
