//! Coding a permutation in little more than its information content.
//!
//! The ranks are divided into buckets of equal size. Each image stores the bucket of its rank as a number of fixed width. Each
//! bucket stores the order of its images as one number, less than the factorial of the bucket's size (a Lehmer code).

use bitnpz_npy::with_room;

use super::error::{KeysError, Result, TRUNCATED};
use super::packed::{PackedNumbers, width_of};

/// Buckets have at least this many ranks and at most twice as many, so that their Lehmer code fits 64 bits: the factorial of 16 is
/// less than 2^45.
const MIN_BUCKET_RANKS: usize = 8;

/// Returns the width of a bucket number in bits, and the number of ranks in a bucket.
fn buckets(count: usize) -> (u32, usize) {
    let bits = (0..usize::BITS).rev().find(|&bits| count >> bits >= MIN_BUCKET_RANKS).unwrap_or(0);
    (bits, count.div_ceil(1 << bits).max(1))
}

/// Returns the width in bits of a Lehmer code of `size` ranks.
fn factorial_width(size: usize) -> u32 {
    width_of((1..=size as u64).product::<u64>() - 1)
}

/// Returns the length in bytes of a coded permutation of `count` ranks.
pub(super) fn len(count: usize) -> usize {
    let (bits, size) = buckets(count);
    (count * bits as usize).div_ceil(8) + (count.div_ceil(size) * factorial_width(size) as usize).div_ceil(8)
}

/// Appends the ranks of all images to `bytes`.
pub(super) fn write(ranks: &[usize], bytes: &mut Vec<u8>) -> Result<()> {
    let (bits, size) = buckets(ranks.len());
    let high = PackedNumbers::new(ranks.iter().map(|rank| (rank / size) as u64), bits)?;
    let mut members: Vec<Vec<usize>> = vec![Vec::new(); ranks.len().div_ceil(size)];
    ranks.iter().for_each(|rank| members[rank / size].push(rank % size));
    let codes: Vec<u64> = members.iter().map(|places| lehmer_code(places)).collect();
    bytes.extend_from_slice(high.as_bytes());
    bytes.extend_from_slice(PackedNumbers::new(codes.into_iter(), factorial_width(size))?.as_bytes());
    Ok(())
}

/// Returns the Lehmer code of a permutation of the numbers below its length.
fn lehmer_code(places: &[usize]) -> u64 {
    let mut left: Vec<usize> = (0..places.len()).collect();
    places.iter().fold(0, |code, place| {
        let at = left.iter().position(|other| other == place).unwrap_or(0);
        let code = code * left.len() as u64 + at as u64;
        left.remove(at);
        code
    })
}

/// Reads the ranks of `count` images from the start of `rest`.
pub(super) fn read(rest: &mut &[u8], count: usize) -> Result<Vec<usize>> {
    let (bits, size) = buckets(count);
    let high = PackedNumbers::take(rest, count, bits)?;
    let codes = PackedNumbers::take(rest, count.div_ceil(size), factorial_width(size))?;
    let mut images = with_room(count)?;
    images.resize(count, usize::MAX);
    // The position of the next image of each bucket.
    let starts = |bucket: usize| bucket * size;
    let mut next = with_room(count.div_ceil(size))?;
    next.extend((0..count.div_ceil(size)).map(starts));
    let wrong = KeysError::Damaged("expected each rank once, found one twice");
    for image in 0..count {
        let bucket =
            usize::try_from(high.get(image)).ok().filter(|&bucket| bucket < next.len()).ok_or(wrong)?;
        let place = next[bucket];
        if place >= count.min(starts(bucket + 1)) {
            return Err(wrong);
        }
        images[place] = image;
        next[bucket] += 1;
    }
    let mut ranks = with_room(count)?;
    ranks.resize(count, 0);
    for (bucket, images) in images.chunks(size).enumerate() {
        let mut code = codes.get(bucket);
        let mut digits = [0; 2 * MIN_BUCKET_RANKS];
        for (left, digit) in (1..=images.len()).zip(digits[..images.len()].iter_mut().rev()) {
            *digit = usize::try_from(code % left as u64).map_err(|_| TRUNCATED)?;
            code /= left as u64;
        }
        if code != 0 {
            return Err(wrong);
        }
        let mut left: [usize; 2 * MIN_BUCKET_RANKS] = std::array::from_fn(|place| place);
        for (&image, digit) in images.iter().zip(digits) {
            ranks[image] = starts(bucket) + left[digit];
            left.copy_within(digit + 1.., digit);
        }
    }
    Ok(ranks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips_permutations_in_few_bits() {
        for count in [0, 1, 2, 7, 8, 15, 16, 17, 100, 1000, 20_000] {
            let order = crate::shuffle::Shuffle::new(count, 3);
            let ranks: Vec<usize> = (0..count).map(|image| order.get(image)).collect();
            let mut bytes = Vec::new();
            write(&ranks, &mut bytes).unwrap();
            assert_eq!(bytes.len(), len(count));
            assert_eq!(read(&mut bytes.as_slice(), count).unwrap(), ranks);
            let information: f64 = (1..=count).map(|number| (number as f64).log2()).sum();
            assert!(8.0 * bytes.len() as f64 <= 1.1 * information + 16.0, "{count}: {} bytes", bytes.len());
        }
    }

    #[test]
    fn refuses_repeated_ranks() {
        let mut bytes = Vec::new();
        write(&(0..100).collect::<Vec<_>>(), &mut bytes).unwrap();
        bytes[..20].fill(0);
        assert!(read(&mut bytes.as_slice(), 100).is_err());
    }
}
