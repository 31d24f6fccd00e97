//! Training: from a sample of images to a model.
//!
//! For each alphabet a tree grows that divides the contexts of its symbols ([`grow`]); leaves that are alike are merged
//! ([`merge`]), since each code takes room in the model; and each group of leaves gets its code ([`codes`]).

mod codes;
mod counts;
mod grow;
mod merge;

use codes::{Price, common_code, own_code};
use counts::{Observation, Prior};
use grow::{GrowingNode, grow};
use merge::merge;

use super::alphabet::{ALPHABETS, Alphabet};
use super::event::Event;
use super::matching::Costs;
use super::parts::{Part, Parts};
use super::prefix::Lengths;
use super::scan::{Scanner, SymbolSink};
use super::tree::{Node, Tree};
use super::walk::Segment;
use crate::codec::sample::Sample;

/// The number of events that a model is trained on at most, but for those of one image: it bounds time and memory.
const MAX_EVENTS: usize = 1 << 22;

/// What the last byte of a payload has beside its bits on average, in bytes, without the zero bytes that are dropped.
const PADDING: f64 = 0.1;

/// How often each symbol occurs, by alphabet and by the code that is used.
pub(super) type CodeCounts = Vec<Vec<Vec<u64>>>;

/// The symbols of a sample.
#[derive(Debug, Default)]
pub(super) struct Observations {
    /// The symbols of each alphabet.
    symbols: [Vec<Observation>; ALPHABETS],
    /// The number of bits behind symbols.
    bits: u64,
    /// The number of images that were scanned, and the part of all images that they are.
    images: u32,
    part: f64,
}

impl Observations {
    /// Scans the images of a sample.
    pub(super) fn new(sample: &Sample<'_>) -> Self {
        let mut observations = Self::default();
        let mut scanner = Scanner::default();
        for &image in sample.images {
            if observations.symbols[Alphabet::Event as usize].len() > MAX_EVENTS {
                break;
            }
            // Noise is stored as packed rows: it teaches nothing.
            scanner.scan(image, &Costs::DEFAULT, &mut observations);
            observations.images += 1;
        }
        let all = sample.total.max(sample.images.len()).max(1);
        observations.part = f64::from(observations.images) / all as f64;
        observations
    }

    /// Returns how often each code of a model has which symbol.
    pub(super) fn count(&self, parts: &Parts) -> CodeCounts {
        let counts = Alphabet::ALL.iter().zip(parts).zip(&self.symbols).map(|((alphabet, part), seen)| {
            let mut counts = vec![vec![0; alphabet.symbols()]; part.codes.len()];
            for Observation { features, symbol } in seen {
                counts[usize::from(part.tree.code(features))][usize::from(*symbol)] += 1;
            }
            counts
        });
        counts.collect()
    }

    /// Returns the mean length of the images' payloads with a model, in bytes; noise, which any model stores as packed rows, counts
    /// nothing.
    pub(super) fn payload_bytes(&self, parts: &Parts, counts: &CodeCounts) -> f64 {
        let mut bits = self.bits;
        for (Part { common, codes, .. }, counts) in parts.iter().zip(counts) {
            for (lengths, counts) in codes.iter().zip(counts) {
                let escape = lengths[common.len()];
                let length = |symbol: usize| match lengths[symbol] {
                    0 => escape + common[symbol],
                    length => length,
                };
                let seen = counts.iter().enumerate().filter(|(_, count)| **count > 0);
                bits += seen.map(|(symbol, count)| count * u64::from(length(symbol))).sum::<u64>();
            }
        }
        bits as f64 / 8.0 / f64::from(self.images.max(1)) + PADDING
    }

    /// Trains a model.
    pub(super) fn train(&self) -> Parts {
        Alphabet::ALL.map(|alphabet| train_part(alphabet, self.symbols[alphabet as usize].clone(), self.part))
    }

    /// Changes those codes of a model that make the sample larger than the changed code takes in the file; the trees stay.
    pub(super) fn adapt(&self, base: &Parts, counts: &CodeCounts) -> Parts {
        let mut parts = base.clone();
        for ((alphabet, part), counts) in Alphabet::ALL.into_iter().zip(&mut parts).zip(counts) {
            let price = Price { part: self.part, longest: alphabet.max_code_bits() };
            for (lengths, counts) in part.codes.iter_mut().zip(counts) {
                *lengths = codes::adapt(lengths, counts, &part.common, &price);
            }
        }
        parts
    }
}

impl SymbolSink for Observations {
    fn event(&mut self, segment: &Segment, event: Event) {
        let seen = Observation { features: segment.features(), symbol: event.symbol() };
        self.symbols[Alphabet::Event as usize].push(seen);
    }

    fn symbol(&mut self, alphabet: Alphabet, [a, b, c, d]: [u8; 4], symbol: usize) {
        let seen = Observation { features: [a, b, c, d, 0, 0, 0, 0], symbol: symbol as u16 };
        self.symbols[alphabet as usize].push(seen);
    }

    fn bits(&mut self, _number: u32, count: u32) {
        self.bits += u64::from(count);
    }
}

/// Trains the part of an alphabet.
fn train_part(alphabet: Alphabet, mut seen: Vec<Observation>, part: f64) -> Part {
    let prior = Prior::new(alphabet, &seen);
    let nodes = grow(alphabet, &prior, part, &mut seen);
    let leaves: Vec<usize> = (0..nodes.len()).filter(|&node| nodes[node].children.is_none()).collect();
    let groups = merge(leaves.iter().map(|&leaf| nodes[leaf].counts.clone()).collect(), &prior, part);
    let (tree, codes) = number_codes(&nodes, &leaves, &groups);
    let weights: Vec<Vec<f64>> = codes.iter().map(|leaves| weights(leaves, &nodes)).collect();
    let price = Price { part, longest: alphabet.max_code_bits() };
    // The common code is made for the symbols that are escaped, and those depend on it.
    let mut common = common_code(&prior, &[], &[]);
    let mut lengths: Vec<Lengths> = Vec::new();
    for _ in 0..2 {
        lengths = weights.iter().map(|weights| own_code(weights, &common, &price)).collect();
        common = common_code(&prior, &weights, &lengths);
    }
    lengths
        .iter_mut()
        .zip(&weights)
        .for_each(|(lengths, weights)| *lengths = own_code(weights, &common, &price));
    Part { tree, common, codes: lengths }
}

/// Returns the tree in pre-order, whose codes are numbered in the order of their first leaves, and the leaves of each code.
fn number_codes(nodes: &[GrowingNode], leaves: &[usize], groups: &[usize]) -> (Tree, Vec<Vec<usize>>) {
    let mut tree = Tree::default();
    let mut codes: Vec<Vec<usize>> = Vec::new();
    let mut numbers = vec![None; groups.len()];
    // A node and, if it is the second side of a test, the number of that.
    let mut open = vec![(0, None)];
    while let Some((node, test)) = open.pop() {
        let next = tree.nodes.len() as u32;
        if let Some(Node::Test { otherwise, .. }) = test.map(|test: usize| &mut tree.nodes[test]) {
            *otherwise = next;
        }
        if let Some((feature, threshold, children)) = nodes[node].children {
            open.push((children + 1, Some(tree.nodes.len())));
            open.push((children, None));
            tree.nodes.push(Node::Test { feature, threshold, otherwise: 0 });
        } else {
            let leaf = leaves.binary_search(&node).expect("it is a leaf");
            let code = *numbers[groups[leaf]].get_or_insert_with(|| {
                codes.push(Vec::new());
                codes.len() - 1
            });
            codes[code].push(node);
            tree.nodes.push(Node::Leaf { code: code as u16 });
        }
    }
    (tree, codes)
}

/// Returns the expected number of times that each symbol occurs in some leaves.
fn weights(leaves: &[usize], nodes: &[GrowingNode]) -> Vec<f64> {
    let total: u32 = leaves.iter().map(|&leaf| nodes[leaf].counts.total()).sum();
    let mut weights = vec![0.0; nodes[0].shares.len()];
    for &leaf in leaves {
        let GrowingNode { counts, shares, .. } = &nodes[leaf];
        let own = f64::from(counts.total()).max(1.0 / f64::from(total.max(1)));
        weights.iter_mut().zip(shares).for_each(|(weight, &share)| *weight += own * f64::from(share));
    }
    weights
}
