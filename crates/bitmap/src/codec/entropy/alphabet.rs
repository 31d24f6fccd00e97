//! Alphabets of symbols, and reading their part of a model.

use super::table::Table;
use super::tree_layout::TreeNode;
use super::weights::{SYMBOLS, sizes};

/// The byte that stands for a leaf in a model, where the byte of a test could stand.
pub(super) const LEAF_BYTE: u8 = 0xFF;

const TRUNCATED: &str = "expected more bytes, found the end of the model";

const TOO_MANY_CONTEXTS: &str = "expected fewer contexts, found too many thresholds";

/// Symbols of one kind, and the features of their contexts.
#[derive(Clone, Copy, Debug)]
pub(in crate::codec) struct Alphabet {
    /// The number of symbols, at most `SYMBOLS`.
    pub(in crate::codec) symbols: usize,
    /// The number of features of a context.
    pub(in crate::codec) features: usize,
    /// The bits of each feature, at most 4.
    pub(in crate::codec) bits: u32,
    /// The number of features in the first half.
    pub(in crate::codec) split: usize,
    /// The largest number of distributions.
    pub(in crate::codec) distributions: usize,
    /// The largest number of combinations of levels in each half.
    pub(in crate::codec) combinations: [usize; 2],
}

impl Alphabet {
    /// Reads this alphabet's part of a model, or says what is wrong with it.
    pub(in crate::codec) fn read<const F: usize, L: Copy + Into<usize> + TryFrom<usize>>(
        &self,
        rest: &mut &[u8],
    ) -> Result<Table<F, L>, &'static str> {
        let (tree, thresholds, leaves) = self.read_tree::<F>(rest)?;
        let (first, second) = thresholds.split_at(self.split);
        for (half, most) in [first, second].into_iter().zip(self.combinations) {
            let combinations = half.iter().try_fold(1_usize, |combinations, levels| {
                Some(combinations * (levels.count_ones() as usize + 1)).filter(|&count| count <= most)
            });
            combinations.ok_or(TOO_MANY_CONTEXTS)?;
        }
        let mut shares = Vec::with_capacity(leaves);
        for _ in 0..leaves {
            let (weights, others) = rest.split_at_checked(self.symbols).ok_or(TRUNCATED)?;
            let mut all = [0; SYMBOLS];
            all[..weights.len()].copy_from_slice(weights);
            shares.push(sizes(&all, self.symbols)?);
            *rest = others;
        }
        Table::new(&tree, &thresholds, self.split, &shares).ok_or(TOO_MANY_CONTEXTS)
    }

    /// Reads a tree; returns its nodes, the thresholds of each feature as bits, and the number of its leaves.
    fn read_tree<const F: usize>(
        &self,
        rest: &mut &[u8],
    ) -> Result<(Vec<TreeNode>, [u16; F], usize), &'static str> {
        let mut tree = Vec::new();
        let (mut leaves, mut open) = (0, 1);
        let mut thresholds = [0_u16; F];
        while open > 0 {
            let &byte = rest.split_off_first().ok_or(TRUNCATED)?;
            if byte == LEAF_BYTE {
                (leaves, open) = (leaves + 1, open - 1);
                tree.push(TreeNode::Leaf);
                continue;
            }
            let (feature, threshold) = (byte >> self.bits, byte & ((1 << self.bits) - 1));
            if usize::from(feature) >= F || threshold == (1 << self.bits) - 1 {
                return Err("expected a feature and its threshold, found something else");
            }
            thresholds[usize::from(feature)] |= 1 << threshold;
            open += 1;
            if open + leaves > self.distributions {
                return Err("expected fewer distributions of an alphabet, found too many");
            }
            tree.push(TreeNode::Test { feature, threshold });
        }
        Ok((tree, thresholds, leaves))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALPHABET: Alphabet =
        Alphabet { symbols: 3, features: 2, bits: 4, split: 1, distributions: 256, combinations: [8, 8] };

    #[test]
    fn rejects_malformed_trees_and_weights() {
        let cases: [(&[u8], &str); 6] = [
            (&[], "the end of the model"),
            (&[0x15, LEAF_BYTE], "the end of the model"),
            (&[0x25, LEAF_BYTE, LEAF_BYTE], "a feature and its threshold"),
            (&[0x1F, LEAF_BYTE, LEAF_BYTE], "a feature and its threshold"),
            (&[LEAF_BYTE, 0, 0, 0], "a symbol with a weight"),
            (&[LEAF_BYTE, 1, 200, 0], "weights of at most 127"),
        ];
        for (bytes, expected) in cases {
            let message = ALPHABET.read::<2, u8>(&mut &*bytes).unwrap_err();
            assert!(message.contains(expected), "{bytes:?}: {message}");
        }
        let deep = [0x10; 300];
        assert!(ALPHABET.read::<2, u8>(&mut deep.as_slice()).unwrap_err().contains("fewer distributions"));
        let many: Vec<u8> = (0..8).collect();
        let many = [many, vec![LEAF_BYTE; 9]].concat();
        assert!(ALPHABET.read::<2, u8>(&mut many.as_slice()).unwrap_err().contains("fewer contexts"));
    }
}
