//! Looking up the distribution of a context: a flattened decision tree.

use super::range_coder::{RangeDecoder, Share, TOTAL};
use super::tree_layout::{FeatureSteps, TreeLayout, TreeNode, feature_steps};
use super::weights::SYMBOLS;

/// The probabilities of symbols, as shares of `TOTAL`.
#[derive(Clone, Debug)]
pub(in crate::codec) struct Distribution {
    /// The start of each symbol's share, and the end of the last one; a symbol without a share starts where the next one
    /// does.
    starts: [u16; SYMBOLS + 1],
}

impl Distribution {
    fn new(sizes: &[u16; SYMBOLS]) -> Self {
        let mut starts = [TOTAL as u16; SYMBOLS + 1];
        let mut start = 0;
        for (symbol, size) in sizes.iter().enumerate() {
            starts[symbol] = start;
            start += size;
        }
        Self { starts }
    }

    /// Returns the share of a symbol.
    #[inline]
    pub(in crate::codec) fn share(&self, symbol: u8) -> Share {
        let symbol = usize::from(symbol) % SYMBOLS;
        let start = self.starts[symbol];
        Share { start, size: self.starts[symbol + 1] - start }
    }

    /// Decodes the next symbol of an alphabet of two.
    #[inline]
    pub(in crate::codec) fn decode_bit(&self, symbols: &mut RangeDecoder<'_>) -> u8 {
        let symbol = u8::from(symbols.slot() >= self.starts[1]);
        symbols.advance(self.share(symbol));
        symbol
    }
}

/// The contexts of one alphabet, each of `F` features.
///
/// A tree makes one test after the other; a table makes all of them in two look-ups. The features are split into two
/// halves. Combinations of one half's levels that the tree does not tell apart are one class, and a pair of classes is a
/// context.
#[derive(Clone, Debug)]
pub(in crate::codec) struct Table<const F: usize, L = u8> {
    /// What each value of each feature adds to the number of its half's combination.
    steps: [FeatureSteps; F],
    /// The number of features in the first half.
    split: usize,
    /// What each combination of each half adds to the number of a context.
    classes: [Vec<u32>; 2],
    /// The number of the distribution of each context.
    contexts: Vec<L>,
    distributions: Vec<Distribution>,
}

/// The largest number of contexts of a table, which bounds the memory that a hostile model can ask for to 2 MiB.
const MAX_CONTEXTS: usize = 1 << 20;

impl<const F: usize, L: Copy + Into<usize> + TryFrom<usize>> Table<F, L> {
    /// Lays out a tree with these thresholds, whose leaves have these shares; `None` if it has too many contexts.
    pub(super) fn new(
        tree: &[TreeNode],
        thresholds: &[u16; F],
        split: usize,
        shares: &[[u16; SYMBOLS]],
    ) -> Option<Self> {
        let (first, second) = thresholds.split_at(split);
        let (first, second) = (feature_steps(first), feature_steps(second));
        let layout = TreeLayout::new(tree, [&first.0, &second.0], [first.1, second.1]);
        let [first_count, second_count] = layout.counts();
        if first_count * second_count > MAX_CONTEXTS {
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

    /// Returns what a value of a feature adds to the number of its half's combination.
    #[inline]
    pub(in crate::codec) fn step(&self, feature: usize, value: u8) -> u16 {
        self.steps[feature][usize::from(value % 16)]
    }

    /// Returns what a combination of the first half's levels adds to the number of a context.
    #[inline]
    pub(in crate::codec) fn first(&self, combination: u16) -> u32 {
        self.classes[0][usize::from(combination)]
    }

    /// Returns what a combination of the second half's levels adds to the number of a context.
    #[inline]
    pub(in crate::codec) fn second(&self, combination: u16) -> u32 {
        self.classes[1][usize::from(combination)]
    }

    /// Returns the number of the combination of these features, the first of which is number `from`.
    #[inline]
    pub(in crate::codec) fn combination(&self, from: usize, features: &[u8]) -> u16 {
        features.iter().zip(from..).map(|(&value, feature)| self.step(feature, value)).sum()
    }

    /// Returns the number of the context with these features.
    #[inline]
    pub(in crate::codec) fn context(&self, features: &[u8; F]) -> u32 {
        let (first, second) = features.split_at(self.split);
        self.first(self.combination(0, first)) + self.second(self.combination(self.split, second))
    }

    /// Returns the distribution of a context.
    #[inline]
    pub(in crate::codec) fn distribution(&self, context: u32) -> &Distribution {
        &self.distributions[self.contexts[context as usize].into()]
    }
}
