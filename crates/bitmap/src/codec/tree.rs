//! Learning which features of a symbol's context tell most about it.

use super::layout::Node;
use super::range_coder::TOTAL_BITS;
use super::table::Table;
use super::weights::{SYMBOLS, sizes, weights};

/// Symbols of one kind, and the features that their contexts are made of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Alphabet {
    /// How many symbols it has, at most 16.
    pub(super) symbols: usize,
    /// How many features its contexts have.
    pub(super) features: usize,
    /// How many bits each feature has, at most 4.
    pub(super) bits: u32,
    /// How many of them are in the first half.
    pub(super) split: usize,
    /// How many distributions it has at most.
    pub(super) distributions: usize,
    /// How many combinations each half's levels have at most.
    pub(super) combinations: [usize; 2],
}

/// Symbols that came, each with its features.
#[derive(Clone, Debug, Default)]
pub(super) struct Observations {
    /// A symbol in the lowest four bits, above it the features, the first one lowest.
    keys: Vec<u64>,
}

impl Observations {
    /// Features, as they stand in an observation.
    pub(super) fn features(values: &[u8], bits: u32) -> u64 {
        values.iter().rev().fold(0, |key, &value| key << bits | u64::from(value)) << 4
    }

    pub(super) fn add(&mut self, features: u64, symbol: u8) {
        self.keys.push(features | u64::from(symbol));
    }

    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }
}

/// Observations that are the same, and how many they are.
type Seen = (u64, u32);

/// A question, and by how many bits it shortens the symbols on both its sides.
#[derive(Clone, Copy, Debug)]
struct Split {
    gain: f64,
    feature: u8,
    threshold: u8,
}

/// A leaf of a tree that grows.
struct Leaf {
    seen: Vec<Seen>,
    counts: Counts,
    split: Option<Split>,
    node: usize,
}

/// How often each symbol came with each value of each feature; the symbols of a value are together, and the values of a
/// feature.
#[derive(Clone)]
struct Counts(Vec<[u32; SYMBOLS]>);

impl Counts {
    /// How often each symbol came, where features have so many values.
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
    /// Appends what a model has of this alphabet: a tree of questions about the features, and how likely symbols are at its
    /// leaves. A tree grows at the leaf where that gains most, as long as it saves more than it costs: these observations are
    /// of this part of all images.
    pub(super) fn learn<const F: usize>(&self, observations: Observations, part: f64, model: &mut Vec<u8>) {
        let seen = collect(observations.keys);
        // A question and a leaf are two bytes, a distribution one for each symbol. Of what a question saves, some is chance.
        let symbols = self.symbols as f64;
        let price = (part * (8.0 * symbols + 16.0)).max(2.0 * symbols);
        let (start, mut most) = (model.len(), self.distributions);
        loop {
            self.grow(&seen, price, most, model);
            if self.read::<F, u16>(&mut &model[start..]).is_ok() {
                break;
            }
            // The tree has too many contexts.
            model.truncate(start);
            most = most * 3 / 4;
        }
    }

    /// Appends a tree of so many leaves at most.
    fn grow(&self, seen: &[Seen], price: f64, most: usize, model: &mut Vec<u8>) {
        let mut thresholds = vec![0_u16; self.features];
        let mut nodes = vec![None];
        let counts = self.count(seen);
        let split = self.split(&counts, &thresholds);
        let mut leaves = vec![Leaf { seen: seen.to_vec(), counts, split, node: 0 }];
        while leaves.len() < most {
            let gain = |leaf: usize| leaves[leaf].split.map_or(0.0, |split| split.gain);
            let Some(best) = (0..leaves.len()).rev().max_by(|&a, &b| gain(a).total_cmp(&gain(b))) else {
                break;
            };
            let Some(split) = leaves[best].split.filter(|split| split.gain > price) else { break };
            let (feature, threshold) = (usize::from(split.feature), split.threshold);
            if !self.is_allowed(&thresholds, feature, threshold) {
                leaves[best].split = self.split(&leaves[best].counts, &thresholds);
                continue;
            }
            thresholds[feature] |= 1 << threshold;
            let leaf = leaves.swap_remove(best);
            nodes[leaf.node] = Some((split, nodes.len()));
            let (small, large): (Vec<_>, Vec<_>) =
                leaf.seen.into_iter().partition(|&(key, _)| self.value(key, feature) <= threshold);
            // Only the shorter side is counted: the other is what is left.
            let shorter = self.count(if small.len() < large.len() { &small } else { &large });
            let longer = leaf.counts.without(&shorter);
            let counts = if small.len() < large.len() { [shorter, longer] } else { [longer, shorter] };
            for (seen, counts) in [small, large].into_iter().zip(counts) {
                let split = self.split(&counts, &thresholds);
                leaves.push(Leaf { seen, counts, split, node: nodes.len() });
                nodes.push(None);
            }
        }
        leaves.sort_by_key(|leaf| leaf.node);
        self.write(&nodes, &leaves, model);
    }

    fn value(&self, key: u64, feature: usize) -> u8 {
        (key >> (4 + feature as u32 * self.bits)) as u8 & ((1 << self.bits) - 1)
    }

    /// Whether a half's combinations do not become too many with this threshold.
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

    fn count(&self, seen: &[Seen]) -> Counts {
        let mut counts = vec![[0; SYMBOLS]; self.features << self.bits];
        for &(key, count) in seen {
            let symbol = (key & 15) as usize;
            for (feature, counts) in counts.chunks_exact_mut(1 << self.bits).enumerate() {
                counts[usize::from(self.value(key, feature))][symbol] += count;
            }
        }
        Counts(counts)
    }

    /// The best question to ask where symbols came so often.
    fn split(&self, counts: &Counts, thresholds: &[u16]) -> Option<Split> {
        let all = counts.all(1 << self.bits);
        let cost = bits(&all);
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
                let gain = cost - bits(&small) - bits(&large);
                if gain > best.map_or(0.0, |best| best.gain) {
                    best = Some(Split { gain, feature: feature as u8, threshold });
                }
            }
        }
        best
    }

    fn write(&self, nodes: &[Option<(Split, usize)>], leaves: &[Leaf], model: &mut Vec<u8>) {
        let mut open = vec![0];
        let mut order = Vec::with_capacity(leaves.len());
        while let Some(node) = open.pop() {
            match nodes[node] {
                Some((split, children)) => {
                    model.push(split.feature << self.bits | split.threshold);
                    open.extend([children + 1, children]);
                }
                None => {
                    model.push(LEAF);
                    order.push(node);
                }
            }
        }
        for node in order {
            let leaf = leaves.binary_search_by_key(&node, |leaf| leaf.node).map(|leaf| &leaves[leaf]);
            let mut counts = leaf.map_or([0; SYMBOLS], |leaf| leaf.counts.all(1 << self.bits));
            // What never came is as likely as anything.
            if counts == [0; SYMBOLS] {
                counts[..self.symbols].fill(1);
            }
            model.extend_from_slice(&weights(&counts)[..self.symbols]);
        }
    }

    /// Reads what a model has of this alphabet, or says what is wrong with it.
    pub(super) fn read<const F: usize, L: Copy + Into<usize> + TryFrom<usize>>(
        &self,
        rest: &mut &[u8],
    ) -> Result<Table<F, L>, &'static str> {
        let mut tree = Vec::new();
        let (mut leaves, mut open) = (0, 1);
        let mut thresholds = [0_u16; F];
        while open > 0 {
            let &byte = rest.split_off_first().ok_or(ENDS)?;
            if byte == LEAF {
                (leaves, open) = (leaves + 1, open - 1);
                tree.push(Node::Leaf);
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
            tree.push(Node::Question { feature, threshold });
        }
        let (first, second) = thresholds.split_at(self.split);
        for (half, most) in [first, second].into_iter().zip(self.combinations) {
            let sum = half.iter().try_fold(1_usize, |sum, levels| {
                Some(sum * (levels.count_ones() as usize + 1)).filter(|&sum| sum <= most)
            });
            sum.ok_or(TOO_MANY)?;
        }
        let mut shares = Vec::with_capacity(leaves);
        for _ in 0..leaves {
            let (weights, others) = rest.split_at_checked(self.symbols).ok_or(ENDS)?;
            let mut all = [0; SYMBOLS];
            all[..weights.len()].copy_from_slice(weights);
            shares.push(sizes(&all, self.symbols)?);
            *rest = others;
        }
        Table::new(&tree, &thresholds, self.split, &shares).ok_or(TOO_MANY)
    }
}

const ENDS: &str = "expected more of a model, found its end";

const TOO_MANY: &str = "expected fewer contexts, found too many thresholds";

/// What stands for a leaf where a feature and its threshold could stand.
const LEAF: u8 = 0xFF;

/// Counts what is the same.
fn collect(mut keys: Vec<u64>) -> Vec<Seen> {
    keys.sort_unstable();
    keys.chunk_by(|a, b| a == b).map(|same| (same[0], same.len() as u32)).collect()
}

/// What it takes to code symbols that come so often.
fn bits(counts: &[u32; SYMBOLS]) -> f64 {
    let log = |count: u32| f64::from(count) * f64::from(count.max(1)).log2();
    let sum: u32 = counts.iter().sum();
    let whole = log(sum) - counts.iter().map(|&count| log(count)).sum::<f64>();
    // Each symbol of the alphabet has a share, however rare it is.
    whole + f64::from(sum) * SYMBOLS as f64 / f64::from(1 << TOTAL_BITS)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALPHABET: Alphabet =
        Alphabet { symbols: 3, features: 2, bits: 4, split: 1, distributions: 256, combinations: [8, 8] };

    #[test]
    fn does_a_tree_ask_what_tells_most() {
        let mut observations = Observations::default();
        for number in 0..250 {
            let (noise, cause) = (number % 7, number % 13);
            observations.add(Observations::features(&[noise, cause], 4), u8::from(cause > 5) * 2);
        }
        let mut model = Vec::new();
        ALPHABET.learn::<2>(observations, 1.0, &mut model);
        assert_eq!(model[..3], [0x15, LEAF, LEAF]);
        let table: Table<2> = ALPHABET.read(&mut model.as_slice()).unwrap();
        let share = |cause, symbol| table.distribution(table.context(&[3, cause])).share(symbol).size;
        assert_eq!([share(5, 0), share(5, 2), share(6, 0), share(6, 2)], [4094, 1, 1, 4094]);
    }

    #[test]
    fn is_what_no_reader_could_use_refused() {
        let cases: [(&[u8], &str); 6] = [
            (&[], "its end"),
            (&[0x15, LEAF], "its end"),
            (&[0x25, LEAF, LEAF], "a feature and its threshold"),
            (&[0x1F, LEAF, LEAF], "a feature and its threshold"),
            (&[LEAF, 0, 0, 0], "a symbol with a weight"),
            (&[LEAF, 1, 200, 0], "weights of at most 127"),
        ];
        for (bytes, expected) in cases {
            let message = ALPHABET.read::<2, u8>(&mut &*bytes).unwrap_err();
            assert!(message.contains(expected), "{bytes:?}: {message}");
        }
        let deep = [0x10; 300];
        assert!(ALPHABET.read::<2, u8>(&mut deep.as_slice()).unwrap_err().contains("fewer distributions"));
        let many: Vec<u8> = (0..8).collect();
        let many = [many, vec![LEAF; 9]].concat();
        assert!(ALPHABET.read::<2, u8>(&mut many.as_slice()).unwrap_err().contains("fewer contexts"));
    }
}
