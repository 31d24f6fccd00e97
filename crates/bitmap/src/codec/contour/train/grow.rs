//! Growing a tree: which tests of the features make symbols likelier.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::f64::consts::LN_2;
use std::ops::Range;

use super::super::alphabet::{Alphabet, FEATURE_VALUES, MAX_FEATURES, MAX_SYMBOLS};
use super::super::classes::{Classes, GROUPS, Group, MAX_COMBINATIONS, Region};
use super::super::parts::MAX_LEAVES;
use super::counts::{Counts, Observation, Prior};
use super::merge::{CODE_BITS, SHARED_SYMBOL_BITS};

/// The weight of the parent's shares in those of a node, in symbols.
const PARENT_SYMBOLS: f64 = 30.0;

/// What a leaf takes in a model, in bits.
const LEAF_BITS: f64 = 2.0;

/// The part of the price of a code that a test must save: some leaves share codes in the end.
const CODE_PART: f64 = 0.6;

/// Nodes with fewer observations are not divided.
const MIN_OBSERVATIONS: usize = 8;

/// The largest numbers of classes of events' features: half of what a model may have. More make models that are smaller
/// by 0.3 to 0.5 %, and tables that take three times as long to make.
const MAX_CLASSES: [usize; 3] = [64, 64, 32];

/// A node of a growing tree.
pub(super) struct GrowingNode {
    /// Its test, as feature and threshold, and the number of its first child; the second one follows.
    pub(super) children: Option<(u8, u8, usize)>,
    pub(super) counts: Counts,
    /// The share of each symbol: the counts, smoothed with the shares of the parent.
    pub(super) shares: Vec<f32>,
    observations: Range<usize>,
    /// The values that lead to the node, of each group of features.
    regions: [Region; 3],
}

/// A test at a leaf, and how many bits it saves.
#[derive(Clone, Copy, Debug)]
struct Split {
    gain: f64,
    node: usize,
    feature: u8,
    threshold: u8,
}

impl Ord for Split {
    fn cmp(&self, other: &Self) -> Ordering {
        self.gain.total_cmp(&other.gain).then(other.node.cmp(&self.node))
    }
}

impl PartialOrd for Split {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Split {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Split {}

/// Grows a tree, always at the leaf where a test saves most, as long as it saves more than it costs.
///
/// `part` is the part of all images that the observations come from, which are put in the order of the leaves.
pub(super) fn grow(
    alphabet: Alphabet,
    prior: &Prior,
    part: f64,
    observations: &mut [Observation],
) -> Vec<GrowingNode> {
    let mut grower = Grower { alphabet, prior, part, contexts: Contexts::new(alphabet) };
    let regions = grower.contexts.all();
    let root: Vec<f32> = prior.shares().map(|share| share as f32).collect();
    let mut nodes = vec![GrowingNode::new(observations, 0..observations.len(), &root, regions)];
    let mut splits: BinaryHeap<Split> = grower.best_split(0, &nodes[0], observations).into_iter().collect();
    let mut leaves = 1;
    while leaves < MAX_LEAVES {
        let Some(Split { node, feature, threshold, .. }) = splits.pop() else { break };
        let GrowingNode { observations: range, regions, .. } = &nodes[node];
        if !grower.contexts.has_room(regions, feature, threshold) {
            // Other tests have taken the room since this one was found.
            splits.extend(grower.best_split(node, &nodes[node], observations));
            continue;
        }
        let sides = grower.contexts.divide(regions, feature, threshold);
        let is_below = |seen: &Observation| seen.features[usize::from(feature)] < threshold;
        let middle = range.start + partition(&mut observations[range.clone()], is_below);
        let ranges = [range.start..middle, middle..range.end];
        nodes[node].children = Some((feature, threshold, nodes.len()));
        for (range, regions) in ranges.into_iter().zip(sides) {
            let child = GrowingNode::new(observations, range, &nodes[node].shares, regions);
            splits.extend(grower.best_split(nodes.len(), &child, observations));
            nodes.push(child);
        }
        leaves += 1;
    }
    nodes
}

impl GrowingNode {
    fn new(all: &[Observation], observations: Range<usize>, above: &[f32], regions: [Region; 3]) -> Self {
        let counts = Counts::new(&all[observations.clone()]);
        let total = f64::from(counts.total()) + PARENT_SYMBOLS;
        let mut shares: Vec<f32> =
            above.iter().map(|&share| (PARENT_SYMBOLS * f64::from(share) / total) as f32).collect();
        for &(symbol, count) in &counts.0 {
            shares[usize::from(symbol)] += (f64::from(count) / total) as f32;
        }
        Self { children: None, counts, shares, observations, regions }
    }
}

/// Grows the tree of an alphabet.
struct Grower<'a> {
    alphabet: Alphabet,
    prior: &'a Prior,
    part: f64,
    contexts: Contexts,
}

impl Grower<'_> {
    /// Returns the test that saves most at a leaf; `None` if none saves more than it costs.
    fn best_split(&self, number: usize, leaf: &GrowingNode, all: &[Observation]) -> Option<Split> {
        let seen = &all[leaf.observations.clone()];
        if seen.len() < MIN_OBSERVATIONS {
            return None;
        }
        let table = FeatureTable::new(self.alphabet, &leaf.counts, seen);
        let mut best: Option<Split> = None;
        for feature in 0..self.alphabet.features() as u8 {
            let mut division = Division::new(self.prior, &leaf.counts);
            for threshold in 1..FEATURE_VALUES as u8 {
                if !division.move_below(table.row(feature, threshold - 1)) {
                    continue;
                }
                let price = LEAF_BITS
                    + CODE_PART * self.part * (CODE_BITS + SHARED_SYMBOL_BITS * f64::from(division.shared));
                let gain = division.gain() - price;
                if gain > best.map_or(0.0, |best| best.gain)
                    && self.contexts.has_room(&leaf.regions, feature, threshold)
                {
                    best = Some(Split { gain, node: number, feature, threshold });
                }
            }
        }
        best
    }
}

/// How often each symbol of a leaf occurs with each value of each feature.
struct FeatureTable {
    counts: Vec<u32>,
    symbols: usize,
}

impl FeatureTable {
    fn new(alphabet: Alphabet, counts: &Counts, seen: &[Observation]) -> Self {
        let symbols = counts.0.len();
        let mut places = [0; MAX_SYMBOLS];
        counts.0.iter().zip(0..).for_each(|(&(symbol, _), place)| places[usize::from(symbol)] = place);
        let features = alphabet.features();
        let mut table = vec![0; features * FEATURE_VALUES * symbols];
        for Observation { features: values, symbol } in seen {
            let place: usize = places[usize::from(*symbol)];
            for (feature, &value) in values[..features].iter().enumerate() {
                table[(feature * FEATURE_VALUES + usize::from(value)) * symbols + place] += 1;
            }
        }
        Self { counts: table, symbols }
    }

    fn row(&self, feature: u8, value: u8) -> &[u32] {
        let row = usize::from(feature) * FEATURE_VALUES + usize::from(value);
        &self.counts[row * self.symbols..][..self.symbols]
    }
}

/// The division of a leaf's symbols by a test whose threshold rises.
struct Division<'a> {
    prior: &'a Prior,
    counts: &'a Counts,
    total: u32,
    below: Vec<u32>,
    below_total: u32,
    /// The terms of each symbol on both sides, and their sums.
    terms: [Vec<f64>; 2],
    sums: [f64; 2],
    /// The bits of the whole leaf.
    whole: f64,
    /// The number of symbols that occur twice or more on both sides.
    shared: i32,
}

impl<'a> Division<'a> {
    fn new(prior: &'a Prior, counts: &'a Counts) -> Self {
        let terms: Vec<f64> =
            counts.0.iter().map(|&(symbol, count)| prior.symbol_term(symbol, count)).collect();
        let (symbols, total, sum) = (terms.len(), counts.total(), terms.iter().sum());
        let whole = prior.total_term(total) - sum;
        let (below, terms) = (vec![0; symbols], [vec![0.0; symbols], terms]);
        Self { prior, counts, total, below, below_total: 0, terms, sums: [0.0, sum], whole, shared: 0 }
    }

    /// Moves so many of each symbol below the threshold; returns whether that made a division.
    fn move_below(&mut self, counts: &[u32]) -> bool {
        for (place, &count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            let (symbol, all) = self.counts.0[place];
            let is_shared = |below: u32| i32::from(below >= 2 && all - below >= 2);
            let below = self.below[place] + count;
            self.shared += is_shared(below) - is_shared(self.below[place]);
            self.below[place] = below;
            self.below_total += count;
            for (side, count) in [below, all - below].into_iter().enumerate() {
                let term = self.prior.symbol_term(symbol, count);
                self.sums[side] += term - self.terms[side][place];
                self.terms[side][place] = term;
            }
        }
        counts.iter().any(|&count| count > 0) && self.below_total < self.total
    }

    /// Returns the bits that the division saves.
    fn gain(&self) -> f64 {
        let above_total = self.total - self.below_total;
        let totals = self.prior.total_term(self.below_total) + self.prior.total_term(above_total);
        (self.whole - (totals - self.sums[0] - self.sums[1])) / LN_2
    }
}

/// The contexts that the tests of a growing tree tell apart, for which tables must have room.
enum Contexts {
    Event(Box<[Classes; 3]>),
    /// The thresholds of each feature, as bits.
    Number([u32; MAX_FEATURES]),
}

impl Contexts {
    fn new(alphabet: Alphabet) -> Self {
        match alphabet {
            Alphabet::Event => Self::Event(Box::new(GROUPS.map(Classes::new))),
            _ => Self::Number([0; MAX_FEATURES]),
        }
    }

    fn all(&self) -> [Region; 3] {
        match self {
            Self::Event(classes) => classes.each_ref().map(Classes::all),
            Self::Number(_) => Default::default(),
        }
    }

    fn has_room(&self, regions: &[Region; 3], feature: u8, threshold: u8) -> bool {
        match self {
            Self::Event(classes) => {
                let group = Group::of(feature);
                let [below, _] = classes[group].divide(&regions[group], feature, threshold);
                classes[group].has_room(&below, MAX_CLASSES[group])
            }
            Self::Number(thresholds) => {
                let mut asked = *thresholds;
                asked[usize::from(feature)] |= 1 << threshold;
                let levels = asked.iter().map(|asked| asked.count_ones() as usize + 1);
                levels.product::<usize>() <= MAX_COMBINATIONS
            }
        }
    }

    /// Adds a test; returns the regions of both its sides.
    fn divide(&mut self, regions: &[Region; 3], feature: u8, threshold: u8) -> [[Region; 3]; 2] {
        let mut sides = [regions.clone(), regions.clone()];
        match self {
            Self::Event(classes) => {
                let group = Group::of(feature);
                let parts = classes[group].divide(&regions[group], feature, threshold);
                classes[group].refine(&parts[0]);
                sides.iter_mut().zip(parts).for_each(|(side, part)| side[group] = part);
            }
            Self::Number(thresholds) => thresholds[usize::from(feature)] |= 1 << threshold,
        }
        sides
    }
}

/// Brings the items for which `is_first` is true to the front; returns their number.
fn partition<T>(items: &mut [T], is_first: impl Fn(&T) -> bool) -> usize {
    let mut first = 0;
    for item in 0..items.len() {
        if is_first(&items[item]) {
            items.swap(first, item);
            first += 1;
        }
    }
    first
}
