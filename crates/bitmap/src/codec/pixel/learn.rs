//! Learning a decision tree: which features of a context tell most about its bit.

use super::observations::Observations;
use super::tree::{Features, LEAF_BYTE, can_test};
use super::weights::weights;

/// The key of equal observations, and their number.
type CountedKey = (u64, u32);

/// A test of a feature at a node, and by how many bits it shortens the bits on both its sides.
#[derive(Clone, Copy, Debug)]
struct Split {
    gain: f64,
    feature: usize,
}

/// A leaf of a growing tree.
struct GrowingLeaf {
    keys: Vec<CountedKey>,
    counts: Counts,
    split: Option<Split>,
    node: usize,
}

/// How often 0 and 1 occurred: in all, and with each feature 1.
struct Counts {
    all: [u32; 2],
    with: Vec<[u32; 2]>,
}

fn value(key: u64, feature: usize) -> bool {
    key >> (1 + feature) & 1 == 1
}

fn less(counts: [u32; 2], others: [u32; 2]) -> [u32; 2] {
    [counts[0] - others[0], counts[1] - others[1]]
}

impl Counts {
    fn new(keys: &[CountedKey], features: usize) -> Self {
        let mut counts = Self { all: [0; 2], with: vec![[0; 2]; features] };
        for &(key, count) in keys {
            let bit = (key & 1) as usize;
            counts.all[bit] += count;
            for (feature, with) in counts.with.iter_mut().enumerate() {
                with[bit] += if value(key, feature) { count } else { 0 };
            }
        }
        counts
    }

    fn without(&self, others: &Self) -> Self {
        let with = self.with.iter().zip(&others.with).map(|(&counts, &others)| less(counts, others));
        Self { all: less(self.all, others.all), with: with.collect() }
    }

    /// Returns the test that gains most, if these features are tested already; `None` if no test gains anything.
    fn best_split(&self, tested: u64) -> Option<Split> {
        let cost = coded_bits(self.all);
        let mut best: Option<Split> = None;
        for (feature, &with) in self.with.iter().enumerate() {
            if !can_test(tested | 1 << feature) {
                continue;
            }
            let gain = cost - coded_bits(less(self.all, with)) - coded_bits(with);
            if gain > best.map_or(0.0, |best| best.gain) {
                best = Some(Split { gain, feature });
            }
        }
        best
    }
}

/// Appends a tree to a model: its tests, and the weights of the bits at each leaf.
///
/// The tree grows at the leaf where a test gains most, as long as that saves more bits than it costs. `part` is the part of
/// all images that the observations come from.
pub(super) fn learn(features: Features, observations: Observations, part: f64, model: &mut Vec<u8>) {
    let keys = observations.count();
    // A test and a leaf take two bytes, and two weights two more. The floor is there because some of what a test saves on
    // a sample is chance.
    let price = (part * 32.0).max(4.0);
    let mut tested = 0;
    let mut nodes = vec![None];
    let counts = Counts::new(&keys, features.count);
    let split = counts.best_split(tested);
    let mut leaves = vec![GrowingLeaf { keys, counts, split, node: 0 }];
    while leaves.len() < features.leaves {
        let gain = |leaf: usize| leaves[leaf].split.map_or(0.0, |split| split.gain);
        let Some(best) = (0..leaves.len()).rev().max_by(|&a, &b| gain(a).total_cmp(&gain(b))) else { break };
        let Some(Split { feature, .. }) = leaves[best].split.filter(|split| split.gain > price) else {
            break;
        };
        if !can_test(tested | 1 << feature) {
            leaves[best].split = leaves[best].counts.best_split(tested);
            continue;
        }
        tested |= 1 << feature;
        let leaf = leaves.swap_remove(best);
        nodes[leaf.node] = Some((feature, nodes.len()));
        let (ones, zeros): (Vec<_>, Vec<_>) =
            leaf.keys.into_iter().partition(|&(key, _)| value(key, feature));
        // Only the shorter side is counted; the other is the difference.
        let shorter = Counts::new(if zeros.len() < ones.len() { &zeros } else { &ones }, features.count);
        let longer = leaf.counts.without(&shorter);
        let counts = if zeros.len() < ones.len() { [shorter, longer] } else { [longer, shorter] };
        for (keys, counts) in [zeros, ones].into_iter().zip(counts) {
            let split = counts.best_split(tested);
            leaves.push(GrowingLeaf { keys, counts, split, node: nodes.len() });
            nodes.push(None);
        }
    }
    leaves.sort_by_key(|leaf| leaf.node);
    write(&nodes, &leaves, model);
}

/// Appends the tree of these nodes, each a tested feature with the number of its first child or a leaf, and its weights.
fn write(nodes: &[Option<(usize, usize)>], leaves: &[GrowingLeaf], model: &mut Vec<u8>) {
    let mut open = vec![0];
    let mut order = Vec::with_capacity(leaves.len());
    while let Some(node) = open.pop() {
        match nodes[node] {
            Some((feature, children)) => {
                model.push((feature << 1) as u8);
                open.extend([children + 1, children]);
            }
            None => {
                model.push(LEAF_BYTE);
                order.push(node);
            }
        }
    }
    for node in order {
        let leaf = leaves.binary_search_by_key(&node, |leaf| leaf.node).map(|leaf| &leaves[leaf]);
        // Without observations both bits are equally likely.
        let counts = leaf.map(|leaf| leaf.counts.all).ok().filter(|&counts| counts != [0; 2]);
        model.extend_from_slice(&weights(counts.unwrap_or([1; 2])));
    }
}

/// Returns the bits that it takes to code bits that occur this often.
fn coded_bits(counts: [u32; 2]) -> f64 {
    let log = |count: u32| f64::from(count) * f64::from(count.max(1)).log2();
    let sum = counts[0] + counts[1];
    let whole = log(sum) - (log(counts[0]) + log(counts[1]));
    // Both bits have a share, however rare they are, which takes about a thousandth of a bit.
    whole + f64::from(sum) / 1024.0
}

#[cfg(test)]
mod tests {
    use super::super::tree::Tree;
    use super::*;

    const FEATURES: Features = Features { count: 2, leaves: 256 };

    #[test]
    fn tests_the_feature_that_tells_most() {
        let mut observations = Observations::default();
        for number in 0..250_u8 {
            let [noise, cause] = [number % 7 % 2, number % 13 / 6 % 2];
            observations.add(&[noise, cause], cause);
        }
        let mut model = Vec::new();
        learn(FEATURES, observations, 1.0, &mut model);
        assert_eq!(model[..3], [2, LEAF_BYTE, LEAF_BYTE]);
        let tree = Tree::read(FEATURES, &mut model.as_slice()).unwrap();
        assert_eq!(tree.shares(&[0, 1]), [4095, 4095, 1, 1]);
    }
}
