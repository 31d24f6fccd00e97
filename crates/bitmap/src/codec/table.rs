//! From a context to the distribution of its symbol: a learned tree, laid out flat.

use super::layout::{self, Layout, Node, Steps};
use super::range_coder::{RangeDecoder, Share, TOTAL};
use super::weights::SYMBOLS;
use crate::kernels::last_at_most;

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
        let symbol = usize::from(symbol % SYMBOLS as u8);
        let start = self.starts[symbol];
        Share { start, size: self.starts[symbol + 1] - start }
    }

    /// The next symbol.
    #[inline]
    pub(super) fn decode(&self, symbols: &mut RangeDecoder<'_>) -> u8 {
        let starts: &[u16; SYMBOLS] = self.starts.first_chunk().expect("there are twice as many");
        let symbol = last_at_most(starts, symbols.slot()) as u8;
        symbols.advance(self.share(symbol));
        symbol
    }

    /// The next symbol, of two.
    #[inline]
    pub(super) fn decode_bit(&self, symbols: &mut RangeDecoder<'_>) -> u8 {
        let symbol = u8::from(symbols.slot() >= self.starts[1]);
        symbols.advance(self.share(symbol));
        symbol
    }
}

/// The contexts of one alphabet, each of `F` features.
///
/// A tree asks one question after the other; this asks all at once. The features are two halves; each combination of one
/// half's levels belongs to a class, of those between which the tree makes no difference, and a pair of classes is a
/// context.
#[derive(Clone, Debug)]
pub(super) struct Table<const F: usize, L = u8> {
    /// What each value of each feature adds to the number of its half's combination.
    steps: [Steps; F],
    /// Where the second half starts.
    split: usize,
    /// The class of each combination, as what it adds to the number of a context.
    classes: [Vec<u32>; 2],
    /// The distribution of each context.
    contexts: Vec<L>,
    distributions: Vec<Distribution>,
}

/// Contexts of one table, at most.
const CONTEXTS: usize = 1 << 20;

impl<const F: usize, L: Copy + Into<usize> + TryFrom<usize>> Table<F, L> {
    /// Lays out a tree whose leaves have these shares, if its contexts are not too many. These are the thresholds that
    /// it asks about.
    pub(super) fn new(
        tree: &[Node],
        thresholds: &[u16; F],
        split: usize,
        shares: &[[u16; SYMBOLS]],
    ) -> Option<Self> {
        let (first, second) = thresholds.split_at(split);
        let (first, second) = (layout::steps(first), layout::steps(second));
        let layout = Layout::new(tree, [&first.0, &second.0], [first.1, second.1]);
        let [first_count, second_count] = layout.counts();
        if first_count * second_count > CONTEXTS {
            return None;
        }
        let [first_classes, second_classes] = layout.classes();
        let classes = [
            first_classes.iter().map(|&class| class * second_count as u32).collect(),
            second_classes.to_vec(),
        ];
        let contexts = layout.leaves()?;
        let mut steps = [[0; 16]; F];
        steps.iter_mut().zip(first.0.iter().chain(&second.0)).for_each(|(to, from)| *to = *from);
        let distributions = shares.iter().map(Distribution::new).collect();
        Some(Self { steps, split, classes, contexts, distributions })
    }

    /// What a value of a feature adds to the number of its half's combination.
    #[inline]
    pub(super) fn step(&self, feature: usize, value: u8) -> u16 {
        self.steps[feature][usize::from(value % 16)]
    }

    /// What a combination of the first half's levels adds to the number of a context.
    #[inline]
    pub(super) fn first(&self, combination: u16) -> u32 {
        self.classes[0][usize::from(combination)]
    }

    /// What a combination of the second half's levels adds to the number of a context.
    #[inline]
    pub(super) fn second(&self, combination: u16) -> u32 {
        self.classes[1][usize::from(combination)]
    }

    /// The number of a combination, of the features from `from` on.
    #[inline]
    pub(super) fn combination(&self, from: usize, features: &[u8]) -> u16 {
        features.iter().zip(from..).map(|(&value, feature)| self.step(feature, value)).sum()
    }

    /// The number of a context.
    #[inline]
    pub(super) fn context(&self, features: &[u8; F]) -> u32 {
        let (first, second) = features.split_at(self.split);
        self.first(self.combination(0, first)) + self.second(self.combination(self.split, second))
    }

    /// The distribution of a context.
    #[inline]
    pub(super) fn distribution(&self, context: u32) -> &Distribution {
        &self.distributions[self.contexts[context as usize].into()]
    }
}
