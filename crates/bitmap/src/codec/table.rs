//! From a context to the distribution of its symbol: a learned tree, laid out flat.

use super::range_coder::{RangeDecoder, Share, TOTAL};
use super::weights::SYMBOLS;

/// A tree of questions, in the order root, smaller side, larger side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Node {
    /// Whether a feature is over a threshold: then the larger side holds.
    Question { feature: u8, threshold: u8 },
    /// The next distribution.
    Leaf,
}

/// How likely symbols are, as shares of `TOTAL`.
#[derive(Clone, Debug)]
#[repr(align(64))]
pub(super) struct Distribution {
    /// Where each symbol's share starts, and where the last one ends. A symbol without a share starts where the next
    /// one does.
    starts: [u16; 32],
}

impl Distribution {
    fn new(sizes: &[u16; SYMBOLS]) -> Self {
        let mut starts = [TOTAL as u16; 32];
        let mut start = 0;
        for (symbol, size) in sizes.iter().enumerate() {
            starts[symbol] = start;
            start += size;
        }
        Self { starts }
    }

    #[inline]
    pub(super) fn share(&self, symbol: u8) -> Share {
        let start = self.starts[usize::from(symbol)];
        Share { start, size: self.starts[usize::from(symbol) + 1] - start }
    }

    /// The next symbol.
    #[inline]
    pub(super) fn decode(&self, decoder: &mut RangeDecoder<'_>) -> u8 {
        let slot = decoder.slot();
        let starts: &[u16; SYMBOLS] = self.starts.first_chunk().expect("there are twice as many");
        let symbol = last_at_most(starts, slot);
        decoder.advance(self.share(symbol));
        symbol
    }

    /// The next symbol, of two.
    #[inline]
    pub(super) fn decode_bit(&self, decoder: &mut RangeDecoder<'_>) -> u8 {
        let symbol = u8::from(decoder.slot() >= self.starts[1]);
        decoder.advance(self.share(symbol));
        symbol
    }
}

/// The last of these that is at most `slot`; the first always is.
#[inline]
fn last_at_most(starts: &[u16; SYMBOLS], slot: u16) -> u8 {
    let mut count = 0;
    for &start in starts {
        count += u16::from(start <= slot);
    }
    (count - 1) as u8
}

/// The contexts of one alphabet, each of `F` features.
#[derive(Clone, Debug)]
pub(super) struct Table<const F: usize> {
    /// What each value of each feature adds to a context's number.
    steps: [[u16; 16]; F],
    /// The distribution of each context.
    contexts: Vec<u8>,
    distributions: Vec<Distribution>,
}

impl<const F: usize> Table<F> {
    /// Lays out a tree whose leaves have these shares.
    pub(super) fn new(tree: &[Node], shares: &[[u16; SYMBOLS]]) -> Self {
        let mut is_threshold = [[false; 16]; F];
        for node in tree {
            if let Node::Question { feature, threshold } = *node {
                is_threshold[usize::from(feature)][usize::from(threshold)] = true;
            }
        }
        let mut size = 1;
        let mut steps = [[0; 16]; F];
        for (steps, is_threshold) in steps.iter_mut().zip(&is_threshold) {
            let mut level = 0;
            for (step, &is_threshold) in steps.iter_mut().zip(is_threshold) {
                *step = (level * size) as u16;
                level += usize::from(is_threshold);
            }
            size *= level + 1;
        }
        let mut contexts = vec![0; size];
        Fill { tree: tree.iter(), steps: &steps, next: 0, contexts: &mut contexts }.node(&mut [(0, 15); F]);
        Self { steps, contexts, distributions: shares.iter().map(Distribution::new).collect() }
    }

    /// What this value of a feature adds to the number of a context.
    #[inline]
    pub(super) fn step(&self, feature: usize, value: u8) -> u16 {
        self.steps[feature][usize::from(value % 16)]
    }

    /// The number of a context.
    #[inline]
    pub(super) fn context(&self, features: &[u8; F]) -> u16 {
        (0..F).map(|feature| self.step(feature, features[feature])).sum()
    }

    /// The distribution of a context.
    #[inline]
    pub(super) fn distribution(&self, context: u16) -> &Distribution {
        &self.distributions[usize::from(self.contexts[usize::from(context)])]
    }
}

/// A tree being laid out.
struct Fill<'a, const F: usize> {
    tree: std::slice::Iter<'a, Node>,
    steps: &'a [[u16; 16]; F],
    next: u8,
    contexts: &'a mut [u8],
}

impl<const F: usize> Fill<'_, F> {
    /// Lays out the next node, for features within these bounds.
    fn node(&mut self, bounds: &mut [(u8, u8); F]) {
        match self.tree.next() {
            Some(&Node::Question { feature, threshold }) => {
                let feature = usize::from(feature);
                let (low, high) = bounds[feature];
                bounds[feature] = (low, threshold.min(high));
                self.node(bounds);
                bounds[feature] = (low.max(threshold + 1), high);
                self.node(bounds);
                bounds[feature] = (low, high);
            }
            Some(Node::Leaf) => {
                let leaf = self.next;
                self.next = self.next.wrapping_add(1);
                self.leaf(leaf, bounds, F, 0);
            }
            None => {}
        }
    }

    /// Gives a leaf the contexts within these bounds, of which the features from `fixed` on are added up already.
    fn leaf(&mut self, leaf: u8, bounds: &[(u8, u8); F], fixed: usize, context: u16) {
        let Some(feature) = fixed.checked_sub(1) else {
            self.contexts[usize::from(context)] = leaf;
            return;
        };
        let (low, high) = bounds[feature];
        let mut last = None;
        for value in low..=high {
            let step = self.steps[feature][usize::from(value)];
            if last.replace(step) != Some(step) {
                self.leaf(leaf, bounds, feature, context + step);
            }
        }
    }
}
