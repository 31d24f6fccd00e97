//! Learning a decision tree: which features of a context tell most about its bit.

use std::f64::consts::LN_2;

use super::observations::{Key, Observations};
use super::shares::Trust;
use super::tree::{Features, LEAF_BYTE, can_test};
use super::weights::weights;
use crate::codec::gamma::ln_gamma;

/// The key of equal observations, and their number.
type CountedKey = (Key, u32);

/// The trust in a model's shares by which a tree grows whose shares adapt, in pixels.
const GROWTH_TRUST: f64 = 2.0;

/// A test of a feature at a node, and by how many bits it shortens the bits on both its sides.
#[derive(Clone, Copy, Debug)]
struct Split {
    gain: f64,
    feature: usize,
}

/// A leaf of a growing tree.
struct GrowingLeaf {
    /// Its observations, image by image.
    keys: Vec<CountedKey>,
    /// Their counts if shares stay; those of each image would take much memory.
    counts: Option<Counts>,
    split: Option<Split>,
    node: usize,
}

/// Appends a tree to a model: its tests, and the weights of the bits at each leaf.
///
/// The tree grows at the leaf where a test gains most, as long as that saves more bits than it costs. `part` is the part of
/// all images that the observations come from. Returns the trust that suits the leaves best, if shares adapt to each image.
pub(super) fn learn(
    features: Features,
    is_adaptive: bool,
    observations: Observations,
    part: f64,
    model: &mut Vec<u8>,
) -> Option<Trust> {
    // A test and a leaf take two bytes, and two weights two more. The floor is there because some of what a test saves on
    // a sample is chance.
    let price = (part * 32.0).max(4.0);
    let mut grower = Grower { features, is_adaptive, tested: 0 };
    let mut nodes = vec![None];
    let keys = observations.count();
    let counts = grower.count(&keys);
    let mut leaves = vec![grower.leaf(keys, counts, 0)];
    while leaves.len() < features.leaves {
        let gain = |leaf: usize| leaves[leaf].split.map_or(0.0, |split| split.gain);
        let Some(best) = (0..leaves.len()).rev().max_by(|&a, &b| gain(a).total_cmp(&gain(b))) else { break };
        let Some(Split { feature, .. }) = leaves[best].split.filter(|split| split.gain > price) else {
            break;
        };
        let leaf = leaves.swap_remove(best);
        if !can_test(grower.tested | 1 << feature) {
            let counts = leaf.counts.unwrap_or_else(|| grower.count(&leaf.keys));
            leaves.push(grower.leaf(leaf.keys, counts, leaf.node));
            continue;
        }
        grower.tested |= 1 << feature;
        nodes[leaf.node] = Some((feature, nodes.len()));
        let (ones, zeros): (Vec<_>, Vec<_>) = leaf.keys.into_iter().partition(|(key, _)| key.has(feature));
        let sides = [zeros, ones];
        let counts = grower.count_sides(leaf.counts, &sides);
        for (keys, counts) in sides.into_iter().zip(counts) {
            leaves.push(grower.leaf(keys, counts, nodes.len()));
            nodes.push(None);
        }
    }
    leaves.sort_by_key(|leaf| leaf.node);
    write(&nodes, &leaves, model);
    is_adaptive.then(|| grower.best_trust(&leaves))
}

/// How often 0 and 1 occurred, in each image or in all together: in all, and with each feature 1.
struct Counts(Vec<[u32; 2]>);

impl Counts {
    fn without(&self, others: &Self) -> Self {
        Self(self.0.iter().zip(&others.0).map(|(&counts, &others)| less(counts, others)).collect())
    }
}

/// Finds the tests of a growing tree.
struct Grower {
    features: Features,
    is_adaptive: bool,
    /// The features that are tested, one bit for each.
    tested: u64,
}

impl Grower {
    fn leaf(&self, keys: Vec<CountedKey>, counts: Counts, node: usize) -> GrowingLeaf {
        let split = self.best_split(&counts);
        GrowingLeaf { keys, counts: (!self.is_adaptive).then_some(counts), split, node }
    }

    fn count(&self, keys: &[CountedKey]) -> Counts {
        let columns = 1 + self.features.count;
        let mut counts = Vec::new();
        for images in keys.chunk_by(|(a, _), (b, _)| !self.is_adaptive || a.image() == b.image()) {
            let start = counts.len();
            counts.resize(start + columns, [0; 2]);
            let row = &mut counts[start..];
            for &(key, count) in images {
                row[0][key.bit()] += count;
                for (feature, with) in row[1..].iter_mut().enumerate() {
                    with[key.bit()] += if key.has(feature) { count } else { 0 };
                }
            }
        }
        Counts(counts)
    }

    /// Counts both sides of a test; if shares stay, only the shorter one, as the other is the difference.
    fn count_sides(&self, whole: Option<Counts>, sides: &[Vec<CountedKey>; 2]) -> [Counts; 2] {
        let Some(whole) = whole else { return sides.each_ref().map(|keys| self.count(keys)) };
        let shorter = usize::from(sides[1].len() < sides[0].len());
        let counts = self.count(&sides[shorter]);
        let other = whole.without(&counts);
        if shorter == 0 { [counts, other] } else { [other, counts] }
    }

    /// Returns the bits of one side of a test, of which `side` returns the counts in an image.
    fn bits(&self, counts: &Counts, side: impl Fn(&[[u32; 2]]) -> [u32; 2], trust: f64) -> f64 {
        let images = || counts.0.chunks_exact(1 + self.features.count).map(&side);
        let sum = images().fold([0; 2], |[a, b], [c, d]| [a + c, b + d]);
        if self.is_adaptive { adaptive_bits(images(), sum, trust) } else { coded_bits(sum) }
    }

    /// Returns the test that gains most at a leaf; `None` if no test gains anything.
    fn best_split(&self, counts: &Counts) -> Option<Split> {
        let whole = self.bits(counts, |counts| counts[0], GROWTH_TRUST);
        let mut best: Option<Split> = None;
        for feature in (0..self.features.count).filter(|feature| can_test(self.tested | 1 << feature)) {
            let with = self.bits(counts, |counts| counts[1 + feature], GROWTH_TRUST);
            let without = self.bits(counts, |counts| less(counts[0], counts[1 + feature]), GROWTH_TRUST);
            let gain = whole - with - without;
            if gain > best.map_or(0.0, |best| best.gain) {
                best = Some(Split { gain, feature });
            }
        }
        best
    }

    /// Returns the trust with which the leaves take the fewest bits.
    fn best_trust(&self, leaves: &[GrowingLeaf]) -> Trust {
        let mut bits = Trust::choices().map(|trust| (0.0, trust));
        for leaf in leaves {
            let counts = self.count(&leaf.keys);
            for (bits, trust) in &mut bits {
                *bits += self.bits(&counts, |counts| counts[0], trust.pixels());
            }
        }
        bits.into_iter().min_by(|(a, _), (b, _)| a.total_cmp(b)).expect("there is a choice").1
    }
}

fn less(counts: [u32; 2], others: [u32; 2]) -> [u32; 2] {
    [counts[0] - others[0], counts[1] - others[1]]
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
        let mut counts = [0; 2];
        if let Ok(leaf) = leaves.binary_search_by_key(&node, |leaf| leaf.node) {
            leaves[leaf].keys.iter().for_each(|(key, count)| counts[key.bit()] += count);
        }
        // Without observations both bits are equally likely.
        model.extend_from_slice(&weights(if counts == [0; 2] { [1; 2] } else { counts }));
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

/// Returns the bits that it takes to code bits that occur this often in each image, when the share of all images counts as much as
/// so many pixels at first, and each bit as one: the shares of images have a beta distribution then.
fn adaptive_bits(images: impl Iterator<Item = [u32; 2]>, sum: [u32; 2], trust: f64) -> f64 {
    let [zeros, ones] = sum.map(f64::from);
    let share = (zeros + 0.5) / (zeros + ones + 1.0);
    let shares = [share * trust, (1.0 - share) * trust];
    let starts = [ln_gamma(shares[0]), ln_gamma(shares[1]), ln_gamma(trust)];
    let firsts = [-share.ln(), -(1.0 - share).ln()];
    let bits = images.map(|counts| match counts {
        [0, 0] => 0.0,
        [1, 0] => firsts[0],
        [0, 1] => firsts[1],
        [zeros, ones] => {
            let term = |at: f64, start: f64| ln_gamma(at) - start;
            let all = term(trust + f64::from(zeros + ones), starts[2]);
            all - term(shares[0] + f64::from(zeros), starts[0]) - term(shares[1] + f64::from(ones), starts[1])
        }
    });
    bits.sum::<f64>() / LN_2
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
            observations.add(0, [u64::from(noise) << 1 | u64::from(cause) << 2 | u64::from(cause)]);
        }
        let mut model = Vec::new();
        assert_eq!(learn(FEATURES, false, observations, 1.0, &mut model), None);
        assert_eq!(model[..3], [2, LEAF_BYTE, LEAF_BYTE]);
        let tree = Tree::read(FEATURES, &mut model.as_slice()).unwrap();
        assert_eq!(tree.shares(&[0, 1]), [4095, 4095, 1, 1]);
    }

    /// In each image the bit is the feature or its opposite, which all images together do not show.
    #[test]
    fn tests_what_tells_in_each_image_if_shares_adapt() {
        let [mut fixed, mut adaptive] = [false, true].map(|is_adaptive| {
            let mut observations = Observations::default();
            for number in 0..2000_usize {
                let (image, cause) = (number / 100, (number % 7 % 2) as u64);
                observations.add(image, [cause << 2 | cause ^ (image % 2) as u64]);
            }
            let mut model = Vec::new();
            let trust = learn(FEATURES, is_adaptive, observations, 0.1, &mut model);
            (model, trust)
        });
        assert_eq!((fixed.0.remove(0), fixed.1), (LEAF_BYTE, None));
        assert_eq!((adaptive.0.remove(0), adaptive.1), (2, Some(Trust::choices()[0])));
    }
}
