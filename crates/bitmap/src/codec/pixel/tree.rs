//! Decision trees: which features of a context decide how likely a bit is 0.

use super::template::LEFT;
use super::weights::zeros_share;

/// The byte that stands for a leaf in a model, where the byte of a test could stand.
pub(super) const LEAF_BYTE: u8 = 0xFF;

const TRUNCATED: &str = "expected more bytes, found the end of the model";

/// The features of one kind of bits, and how large their trees can be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Features {
    /// The number of features.
    pub(super) count: usize,
    /// The largest number of leaves.
    pub(super) leaves: usize,
}

/// A decision tree, as a list of its leaves.
#[derive(Debug)]
pub(super) struct Tree {
    /// The features that it tests, one bit for each.
    tested: u64,
    leaves: Vec<Leaf>,
}

/// A leaf of a tree, or one side of a test: the features that can be 0 there, those that can be 1, and the share of 0.
#[derive(Clone, Copy, Debug)]
struct Leaf {
    zero: u64,
    one: u64,
    share: u16,
}

/// The largest number of leaves of a tree of pixels.
pub(super) const MOST_LEAVES: usize = 4096;

/// The largest number of tested features among the pixels to the left.
pub(super) const MOST_LEFT: usize = 5;
/// The largest number of tested features among the others; a hostile model asks for 2 MiB of shares at most.
const MOST_OTHERS: usize = 15;

/// Returns whether a tree can test these features, one bit for each: the number of combinations is bounded.
pub(super) fn can_test(features: u64) -> bool {
    let left = (1 << LEFT) - 1;
    (features & left).count_ones() as usize <= MOST_LEFT
        && (features & !left).count_ones() as usize <= MOST_OTHERS
}

impl Tree {
    /// Reads a tree of these features, or says what is wrong with it.
    pub(super) fn read(features: Features, rest: &mut &[u8]) -> Result<Self, &'static str> {
        let mut tree = Self { tested: 0, leaves: Vec::new() };
        // The sides that are still to be read, the next one last.
        let mut sides = vec![Leaf { zero: u64::MAX, one: u64::MAX, share: 0 }];
        while let Some(side) = sides.pop() {
            let &byte = rest.split_off_first().ok_or(TRUNCATED)?;
            if byte == LEAF_BYTE {
                tree.leaves.push(side);
                continue;
            }
            let (feature, threshold) = (usize::from(byte >> 1), byte & 1);
            if feature >= features.count || threshold != 0 {
                return Err("expected a feature and its threshold, found something else");
            }
            if tree.leaves.len() + sides.len() + 2 > features.leaves {
                return Err("expected fewer distributions of an alphabet, found too many");
            }
            tree.tested |= 1 << feature;
            sides.push(Leaf { zero: side.zero & !(1 << feature), ..side });
            sides.push(Leaf { one: side.one & !(1 << feature), ..side });
        }
        if !can_test(tree.tested) {
            return Err("expected fewer contexts, found too many tested features");
        }
        for leaf in &mut tree.leaves {
            let (&weights, others) = rest.split_first_chunk().ok_or(TRUNCATED)?;
            leaf.share = zeros_share(weights)?;
            *rest = others;
        }
        Ok(tree)
    }

    /// Returns whether the tree tests a feature.
    pub(super) fn tests(&self, feature: usize) -> bool {
        self.tested >> feature & 1 == 1
    }

    /// Returns the share of 0 of each leaf.
    pub(super) fn leaf_shares(&self) -> impl Iterator<Item = u16> {
        self.leaves.iter().map(|leaf| leaf.share)
    }

    /// Returns the share of 0 for each combination of these features, the first of which is the lowest bit of its number; all
    /// that are tested are among them.
    pub(super) fn shares(&self, features: &[usize]) -> Vec<u16> {
        self.lay_out(features, self.leaf_shares())
    }

    /// Returns the number of the leaf for each combination of these features.
    pub(super) fn numbers(&self, features: &[usize]) -> Vec<u16> {
        self.lay_out(features, 0..)
    }

    /// Returns for each combination of features the value of its leaf.
    fn lay_out(&self, features: &[usize], values: impl Iterator<Item = u16>) -> Vec<u16> {
        let mut all_values = vec![0; 1 << features.len()];
        for (leaf, value) in self.leaves.iter().zip(values) {
            // A feature that is tested twice leads to sides where it can be neither 0 nor 1.
            if leaf.zero | leaf.one != u64::MAX {
                continue;
            }
            let combination = |mask: u64| {
                let bits = features.iter().enumerate();
                bits.map(|(bit, feature)| ((mask >> feature & 1) as usize) << bit).sum::<usize>()
            };
            let (all, free) = (combination(leaf.one), combination(leaf.zero & leaf.one));
            let mut rest = free;
            loop {
                all_values[all & !free | rest] = value;
                if rest == 0 {
                    break;
                }
                rest = (rest - 1) & free;
            }
        }
        all_values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FEATURES: Features = Features { count: 20, leaves: 256 };

    #[test]
    fn rejects_malformed_trees_and_weights() {
        let cases: [(&[u8], &str); 7] = [
            (&[], "the end of the model"),
            (&[2, LEAF_BYTE], "the end of the model"),
            (&[LEAF_BYTE, 1], "the end of the model"),
            (&[40, LEAF_BYTE, LEAF_BYTE], "a feature and its threshold"),
            (&[3, LEAF_BYTE, LEAF_BYTE], "a feature and its threshold"),
            (&[LEAF_BYTE, 0, 0], "a symbol with a weight"),
            (&[LEAF_BYTE, 1, 200], "weights of at most 127"),
        ];
        for (bytes, expected) in cases {
            let message = Tree::read(FEATURES, &mut &*bytes).unwrap_err();
            assert!(message.contains(expected), "{bytes:?}: {message}");
        }
        let deep = [2; 300];
        assert!(Tree::read(FEATURES, &mut deep.as_slice()).unwrap_err().contains("fewer distributions"));
        let many: Vec<u8> = (0..6).map(|feature| feature << 1).collect();
        let many = [many, vec![LEAF_BYTE; 7]].concat();
        assert!(Tree::read(FEATURES, &mut many.as_slice()).unwrap_err().contains("fewer contexts"));
    }

    #[test]
    fn lays_out_features_in_any_order_and_tested_again() {
        // Feature 3 is tested again where it is known to be 1.
        let bytes = [6, LEAF_BYTE, 2, 6, LEAF_BYTE, LEAF_BYTE, LEAF_BYTE, 1, 1, 9, 9, 1, 127, 127, 1];
        let tree = Tree::read(FEATURES, &mut bytes.as_slice()).unwrap();
        assert!(tree.tests(1) && tree.tests(3) && !tree.tests(2));
        assert_eq!(tree.shares(&[1, 3]), [2048, 2048, 1, 4095]);
        assert_eq!(tree.shares(&[3, 2, 1]), [2048, 1, 2048, 1, 2048, 4095, 2048, 4095]);
    }
}
