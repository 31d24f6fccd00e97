//! Prefix codes: canonical Huffman codes of limited length.
//!
//! The codes of a length are consecutive, in the order of the symbols (as in RFC 1951, 3.2.2).

/// The length of the code of each symbol, in bits; 0 for a symbol without a code.
pub(super) type Lengths = Vec<u8>;

/// Returns the code of each symbol, its first bit in the lowest.
///
/// All codes are XORed with that of the symbol `zero`, whose own code consists of zeros.
pub(super) fn codes(lengths: &[u8], zero: Option<usize>) -> Vec<u16> {
    let mut codes = vec![0; lengths.len()];
    let longest = lengths.iter().copied().max().unwrap_or(0);
    let mut next = 0_u32;
    for length in 1..=longest {
        next <<= 1;
        for (code, _) in codes.iter_mut().zip(lengths).filter(|(_, own)| **own == length) {
            *code = next as u16;
            next += 1;
        }
    }
    if let Some(zero) = zero {
        let mask = u32::from(codes[zero]) << (longest - lengths[zero]);
        for (code, &length) in codes.iter_mut().zip(lengths).filter(|(_, length)| **length > 0) {
            *code ^= (mask >> (longest - length)) as u16;
        }
    }
    codes.iter().zip(lengths).map(|(code, &length)| reverse(*code, length)).collect()
}

/// Returns the lowest bits of a code in reverse order.
fn reverse(code: u16, length: u8) -> u16 {
    code.reverse_bits().checked_shr(16 - u32::from(length)).unwrap_or(0)
}

/// Returns whether codes of these lengths fill the code space: every sequence of bits is one of codes.
pub(super) fn is_complete(lengths: &[u8]) -> bool {
    let filled: u64 = lengths.iter().filter(|length| **length > 0).map(|length| 1 << (32 - length)).sum();
    filled == 1 << 32
}

/// Finds optimal codes; reuses its buffers from one to the next.
#[derive(Debug, Default)]
pub(super) struct CodeMaker {
    /// The symbols and their weights, the lightest first.
    leaves: Vec<(f64, usize)>,
    /// The weights of a list's packages, and those of the packages that are made of them.
    list: Vec<f64>,
    packages: Vec<f64>,
    /// Which packages of all lists are leaves, and where each list starts.
    is_leaf: Vec<bool>,
    starts: Vec<usize>,
}

impl CodeMaker {
    /// Returns the lengths of an optimal code for symbols of these weights, none longer than `longest`; 0 for weight 0.
    ///
    /// Package-merge (L. L. Larmore and D. S. Hirschberg, "A fast algorithm for optimal length-limited Huffman codes", 1990).
    /// At least two weights are above 0, and at most `2^longest`.
    pub(super) fn optimal_lengths(&mut self, weights: &[f64], longest: u32) -> Lengths {
        let Self { leaves, list, packages, is_leaf, starts } = self;
        leaves.clear();
        leaves.extend(
            weights.iter().zip(0..).filter(|(weight, _)| **weight > 0.0).map(|(&w, symbol)| (w, symbol)),
        );
        leaves.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        packages.clear();
        is_leaf.clear();
        starts.clear();
        // A list has all leaves and packages of two of the list before. The lists of all lengths tell which leaves are in the
        // cheapest packages: those of the last list that are not leaves are made of twice as many of the list before.
        for _ in 0..longest {
            starts.push(is_leaf.len());
            list.clear();
            let mut others = packages.iter().copied().peekable();
            for &(weight, _) in &*leaves {
                while let Some(package) = others.next_if(|&package| package < weight) {
                    list.push(package);
                    is_leaf.push(false);
                }
                list.push(weight);
                is_leaf.push(true);
            }
            is_leaf.extend(others.clone().map(|_| false));
            list.extend(others);
            packages.clear();
            packages.extend(list.chunks_exact(2).map(|pair| pair[0] + pair[1]));
        }
        let mut lengths = vec![0; weights.len()];
        let mut taken = 2 * (leaves.len() - 1);
        for &start in starts.iter().rev() {
            let taken_leaves = is_leaf[start..start + taken].iter().filter(|is_leaf| **is_leaf).count();
            leaves[..taken_leaves].iter().for_each(|&(_, symbol)| lengths[symbol] += 1);
            taken = 2 * (taken - taken_leaves);
        }
        lengths
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn finds_known_codes() {
        assert_eq!(CodeMaker::default().optimal_lengths(&[1.0, 1.0], 8), [1, 1]);
        assert_eq!(
            CodeMaker::default().optimal_lengths(&[8.0, 4.0, 0.0, 2.0, 1.0, 1.0], 8),
            [1, 2, 0, 3, 4, 4]
        );
        assert_eq!(CodeMaker::default().optimal_lengths(&[8.0, 4.0, 2.0, 1.0, 1.0], 3), [1, 3, 3, 3, 3]);
        assert_eq!(codes(&[1, 2, 0, 3, 3], None), [0b0, 0b01, 0, 0b011, 0b111]);
        assert_eq!(codes(&[1, 2, 0, 3, 3], Some(1)), [0b1, 0b00, 0, 0b010, 0b110]);
    }

    proptest! {
        #[test]
        fn codes_are_complete(weights in prop::collection::vec(0.0..1e6, 2..200)) {
            prop_assume!(weights.iter().filter(|weight| **weight > 0.0).count() >= 2);
            let lengths = CodeMaker::default().optimal_lengths(&weights, 8);
            prop_assert!(is_complete(&lengths));
            prop_assert!(lengths.iter().all(|&length| length <= 8));
        }
    }
}
