//! Learning a decision tree: which features of a context tell most about its symbol.

use super::alphabet::{Alphabet, LEAF_BYTE};
use super::observations::Observations;
use super::range_coder::TOTAL_BITS;
use super::weights::{SYMBOLS, weights};

/// The key of equal observations, and their number.
type CountedKey = (u64, u32);

/// A test at a node, and by how many bits it shortens the symbols on both its sides.
#[derive(Clone, Copy, Debug)]
struct Split {
    gain: f64,
    feature: u8,
    threshold: u8,
}

/// A leaf of a growing tree.
struct GrowingLeaf {
    keys: Vec<CountedKey>,
    counts: FeatureCounts,
    split: Option<Split>,
    node: usize,
}

/// The number of times each symbol occurred with each value of each feature.
///
/// Ordered by feature, then by value, then by symbol.
#[derive(Clone)]
struct FeatureCounts(Vec<[u32; SYMBOLS]>);

impl FeatureCounts {
    /// Returns the number of times each symbol occurred, where a feature has this many values.
    fn all(&self, values: usize) -> [u32; SYMBOLS] {
        let mut all = [0; SYMBOLS];
        for counts in &self.0[..values] {
            all.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
        }
        all
    }

    fn without(&self, others: &Self) -> Self {
        let less = |(counts, others): (&[u32; SYMBOLS], &[u32; SYMBOLS])| {
            std::array::from_fn(|symbol| counts[symbol] - others[symbol])
        };
        Self(self.0.iter().zip(&others.0).map(less).collect())
    }
}

impl Alphabet {
    /// Appends this alphabet's part of a model: a tree of tests and the weights of the symbols at each leaf.
    ///
    /// The tree grows at the leaf where a test gains most, as long as that saves more bits than it costs. `part` is the
    /// part of all images that the observations come from.
    pub(in crate::codec) fn learn<const F: usize>(
        &self,
        observations: Observations,
        part: f64,
        model: &mut Vec<u8>,
    ) {
        let keys = observations.count();
        // A test and a leaf take two bytes, a distribution one for each symbol. The floor is there because some of what
        // a test saves on a sample is chance.
        let symbols = self.symbols as f64;
        let price = (part * (8.0 * symbols + 16.0)).max(2.0 * symbols);
        let (start, mut max_leaves) = (model.len(), self.distributions);
        loop {
            self.grow(&keys, price, max_leaves, model);
            if self.read::<F, u16>(&mut &model[start..]).is_ok() {
                break;
            }
            // The tree has too many contexts.
            model.truncate(start);
            max_leaves = max_leaves * 3 / 4;
        }
    }

    /// Appends a tree of at most `max_leaves` leaves, whose tests gain more than `price` bits each.
    fn grow(&self, keys: &[CountedKey], price: f64, max_leaves: usize, model: &mut Vec<u8>) {
        let mut thresholds = vec![0_u16; self.features];
        let mut nodes = vec![None];
        let counts = self.count(keys);
        let split = self.best_split(&counts, &thresholds);
        let mut leaves = vec![GrowingLeaf { keys: keys.to_vec(), counts, split, node: 0 }];
        while leaves.len() < max_leaves {
            let gain = |leaf: usize| leaves[leaf].split.map_or(0.0, |split| split.gain);
            let Some(best) = (0..leaves.len()).rev().max_by(|&a, &b| gain(a).total_cmp(&gain(b))) else {
                break;
            };
            let Some(split) = leaves[best].split.filter(|split| split.gain > price) else { break };
            let (feature, threshold) = (usize::from(split.feature), split.threshold);
            if !self.is_allowed(&thresholds, feature, threshold) {
                leaves[best].split = self.best_split(&leaves[best].counts, &thresholds);
                continue;
            }
            thresholds[feature] |= 1 << threshold;
            let leaf = leaves.swap_remove(best);
            nodes[leaf.node] = Some((split, nodes.len()));
            let (small, large): (Vec<_>, Vec<_>) =
                leaf.keys.into_iter().partition(|&(key, _)| self.value(key, feature) <= threshold);
            // Only the shorter side is counted; the other is the difference.
            let shorter = self.count(if small.len() < large.len() { &small } else { &large });
            let longer = leaf.counts.without(&shorter);
            let counts = if small.len() < large.len() { [shorter, longer] } else { [longer, shorter] };
            for (keys, counts) in [small, large].into_iter().zip(counts) {
                let split = self.best_split(&counts, &thresholds);
                leaves.push(GrowingLeaf { keys, counts, split, node: nodes.len() });
                nodes.push(None);
            }
        }
        leaves.sort_by_key(|leaf| leaf.node);
        self.write(&nodes, &leaves, model);
    }

    fn value(&self, key: u64, feature: usize) -> u8 {
        (key >> (4 + feature as u32 * self.bits)) as u8 & ((1 << self.bits) - 1)
    }

    /// Checks that with this threshold the feature's half does not have too many combinations.
    fn is_allowed(&self, thresholds: &[u16], feature: usize, threshold: u8) -> bool {
        if thresholds[feature] >> threshold & 1 == 1 {
            return true;
        }
        let half = usize::from(feature >= self.split);
        let others = if half == 0 { &thresholds[..self.split] } else { &thresholds[self.split..] };
        let combinations: usize = others.iter().map(|levels| levels.count_ones() as usize + 1).product();
        let levels = thresholds[feature].count_ones() as usize + 1;
        combinations / levels * (levels + 1) <= self.combinations[half]
    }

    fn count(&self, keys: &[CountedKey]) -> FeatureCounts {
        let mut counts = vec![[0; SYMBOLS]; self.features << self.bits];
        for &(key, count) in keys {
            let symbol = (key & 15) as usize;
            for (feature, counts) in counts.chunks_exact_mut(1 << self.bits).enumerate() {
                counts[usize::from(self.value(key, feature))][symbol] += count;
            }
        }
        FeatureCounts(counts)
    }

    /// Returns the test that gains most at a leaf with these counts; `None` if no test gains anything.
    fn best_split(&self, counts: &FeatureCounts, thresholds: &[u16]) -> Option<Split> {
        let all = counts.all(1 << self.bits);
        let cost = coded_bits(&all);
        if cost == 0.0 {
            return None;
        }
        let mut best: Option<Split> = None;
        for (feature, counts) in counts.0.chunks_exact(1 << self.bits).enumerate() {
            let mut small = [0; SYMBOLS];
            for (threshold, counts) in (0..(1 << self.bits) - 1).zip(counts) {
                if *counts == [0; SYMBOLS] {
                    continue;
                }
                small.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
                if !self.is_allowed(thresholds, feature, threshold) {
                    continue;
                }
                let large = std::array::from_fn(|symbol| all[symbol] - small[symbol]);
                let gain = cost - coded_bits(&small) - coded_bits(&large);
                if gain > best.map_or(0.0, |best| best.gain) {
                    best = Some(Split { gain, feature: feature as u8, threshold });
                }
            }
        }
        best
    }

    /// Appends the tree of these nodes, each a split with the number of its first child or a leaf, and its weights.
    fn write(&self, nodes: &[Option<(Split, usize)>], leaves: &[GrowingLeaf], model: &mut Vec<u8>) {
        let mut open = vec![0];
        let mut order = Vec::with_capacity(leaves.len());
        while let Some(node) = open.pop() {
            match nodes[node] {
                Some((split, children)) => {
                    model.push(split.feature << self.bits | split.threshold);
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
            let mut counts = leaf.map_or([0; SYMBOLS], |leaf| leaf.counts.all(1 << self.bits));
            // Without observations all symbols are equally likely.
            if counts == [0; SYMBOLS] {
                counts[..self.symbols].fill(1);
            }
            model.extend_from_slice(&weights(&counts)[..self.symbols]);
        }
    }
}

/// Returns the bits that it takes to code symbols that occur this often.
fn coded_bits(counts: &[u32; SYMBOLS]) -> f64 {
    let log = |count: u32| f64::from(count) * f64::from(count.max(1)).log2();
    let sum: u32 = counts.iter().sum();
    let whole = log(sum) - counts.iter().map(|&count| log(count)).sum::<f64>();
    // Each symbol of the alphabet has a share, however rare it is.
    whole + f64::from(sum) * SYMBOLS as f64 / f64::from(1 << TOTAL_BITS)
}

#[cfg(test)]
mod tests {
    use super::super::table::Table;
    use super::*;

    const ALPHABET: Alphabet =
        Alphabet { symbols: 3, features: 2, bits: 4, split: 1, distributions: 256, combinations: [8, 8] };

    #[test]
    fn tests_the_feature_that_tells_most() {
        let mut observations = Observations::default();
        for number in 0..250 {
            let (noise, cause) = (number % 7, number % 13);
            observations.add(Observations::features(&[noise, cause], 4), u8::from(cause > 5) * 2);
        }
        let mut model = Vec::new();
        ALPHABET.learn::<2>(observations, 1.0, &mut model);
        assert_eq!(model[..3], [0x15, LEAF_BYTE, LEAF_BYTE]);
        let table: Table<2> = ALPHABET.read(&mut model.as_slice()).unwrap();
        let share = |cause, symbol| table.distribution(table.context(&[3, cause])).share(symbol).size;
        assert_eq!([share(5, 0), share(5, 2), share(6, 0), share(6, 2)], [4094, 1, 1, 4094]);
    }
}
