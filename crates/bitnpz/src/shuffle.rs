//! A random order of indices that takes no memory.

/// The rounds of the Feistel network. Four rounds of random functions are a pseudorandom permutation (Luby and Rackoff 1988); two
/// more make up for simpler functions.
const ROUNDS: usize = 6;

/// The minimum number of bits of the network, because a network of fewer bits has too few different orders. A shorter sequence is
/// walked within the longer one.
const MIN_BITS: u32 = 10;

/// A random order of the numbers below a length that takes no memory: each number is computed when it is asked for.
///
/// The same length and seed give the same order on every machine and in every version. It is a Feistel network, applied until
/// the result is below the length (Black and Rogaway 2002, "Ciphers with arbitrary finite domains").
///
/// ```
/// let order = bitnpz::Shuffle::new(1_000_000, 7);
/// let mut seen = vec![false; 1_000_000];
/// (0..1_000_000).for_each(|place| seen[order.get(place)] = true);
/// assert!(seen.into_iter().all(|seen| seen));
/// ```
#[derive(Clone, Debug)]
pub struct Shuffle {
    len: u64,
    /// The number of bits in each half of the network.
    half: u32,
    keys: [u64; ROUNDS],
}

impl Shuffle {
    /// Returns the order of the numbers below `len` for a seed.
    #[must_use]
    pub fn new(len: usize, seed: u64) -> Self {
        let bits = (u64::BITS - (len as u64).saturating_sub(1).leading_zeros()).max(MIN_BITS);
        let mut state = seed;
        let keys = std::array::from_fn(|_| {
            state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
            mix(state)
        });
        Self { len: len as u64, half: bits.div_ceil(2), keys }
    }

    /// Returns the number at a place in the order.
    ///
    /// # Panics
    ///
    /// If the place is not less than the length.
    #[must_use]
    pub fn get(&self, place: usize) -> usize {
        assert!((place as u64) < self.len, "expected a place below {}, found {place}", self.len);
        let mut number = place as u64;
        loop {
            number = self.step(number);
            if number < self.len {
                return usize::try_from(number).expect("it is below a length in memory");
            }
        }
    }

    fn step(&self, number: u64) -> u64 {
        let mask = (1 << self.half) - 1;
        let (mut left, mut right) = (number >> self.half, number & mask);
        for key in self.keys {
            (left, right) = (right, (left ^ mix(right ^ key)) & mask);
        }
        left << self.half | right
    }
}

/// Mixes the bits of a number: the finalizer of SplitMix64 (Steele, Lea and Flood 2014).
pub(crate) fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ bits >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ bits >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ bits >> 31
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_every_number_once() {
        for len in (0..40).chain([255, 256, 257, 1023, 1024, 1025, 5000, 70_000]) {
            let order = Shuffle::new(len, len as u64);
            let mut numbers: Vec<usize> = (0..len).map(|place| order.get(place)).collect();
            numbers.sort_unstable();
            assert!(numbers.into_iter().eq(0..len), "{len}");
        }
    }

    #[test]
    fn every_order_of_three_is_equally_likely() {
        let mut counts = std::collections::HashMap::new();
        for seed in 0..6000 {
            let order = Shuffle::new(3, seed);
            *counts.entry([0, 1, 2].map(|place| order.get(place))).or_insert(0_i32) += 1;
        }
        assert_eq!(counts.len(), 6);
        // Five standard deviations.
        assert!(counts.values().all(|count| (count - 1000).abs() < 145), "{counts:?}");
    }

    #[test]
    fn neighbours_are_far_apart() {
        let order = Shuffle::new(100_000, 1);
        let far = (1..100_000).map(|place| order.get(place).abs_diff(order.get(place - 1)) as f64);
        // The mean distance of two random numbers below n is n / 3.
        let mean = far.sum::<f64>() / 99_999.0;
        assert!((mean - 33_333.0).abs() < 500.0, "{mean}");
    }

    #[test]
    fn order_is_the_same_in_every_version() {
        let order = Shuffle::new(1000, 42);
        assert_eq!([0, 1, 2, 3].map(|place| order.get(place)), [899, 754, 631, 534]);
    }
}
