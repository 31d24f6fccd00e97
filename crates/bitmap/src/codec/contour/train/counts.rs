//! Counts of symbols, and how many bits it takes to code them.

use super::super::alphabet::{Alphabet, Features, MAX_SYMBOLS};
use crate::codec::gamma::{fast_ln_gamma, ln_gamma};

/// A symbol and the features of its context.
#[derive(Clone, Copy, Debug)]
pub(super) struct Observation {
    pub(super) features: Features,
    pub(super) symbol: u16,
}

/// The weight of all contexts' shares in the distribution of one context, in symbols.
const PRIOR_SYMBOLS: f64 = 30.0;

/// Counts below this are looked up.
const LOW_COUNTS: usize = 64;

/// How often each of some symbols occurs, in the order of the symbols.
#[derive(Clone, Debug, Default)]
pub(super) struct Counts(pub(super) Vec<(u16, u32)>);

impl Counts {
    pub(super) fn new(seen: &[Observation]) -> Self {
        let mut counts = [0; MAX_SYMBOLS];
        seen.iter().for_each(|seen| counts[usize::from(seen.symbol)] += 1);
        Self::from_all(&counts)
    }

    fn from_all(counts: &[u32; MAX_SYMBOLS]) -> Self {
        let seen = counts.iter().zip(0..).filter(|(count, _)| **count > 0);
        Self(seen.map(|(&count, symbol)| (symbol, count)).collect())
    }

    pub(super) fn total(&self) -> u32 {
        self.0.iter().map(|(_, count)| count).sum()
    }

    /// Returns the counts of both together.
    pub(super) fn with(&self, other: &Self) -> Self {
        let mut counts = [0; MAX_SYMBOLS];
        self.0.iter().chain(&other.0).for_each(|&(symbol, count)| counts[usize::from(symbol)] += count);
        Self::from_all(&counts)
    }
}

/// What is known of the symbols of a context before any is seen: a Dirichlet distribution.
///
/// The bits of symbols with counts n(s), in all n, are ln G(n + P) - ln G(P) less the sum of ln G(n(s) + p(s)) - ln G(p(s)),
/// over ln 2, where G is the gamma function, p(s) the prior of a symbol and P the sum of all.
#[derive(Debug)]
pub(super) struct Prior {
    /// The prior of each symbol, and the logarithm of its gamma function.
    symbols: Vec<(f64, f64)>,
    /// The terms of each symbol for the lowest counts, which are the most frequent ones.
    terms: Vec<[f64; LOW_COUNTS]>,
    all: f64,
    /// The number of symbols seen.
    pub(super) total: f64,
}

impl Prior {
    /// Makes the prior from the symbols of all contexts.
    pub(super) fn new(alphabet: Alphabet, seen: &[Observation]) -> Self {
        // Symbols that were never seen may occur.
        let mut totals = vec![0.05; alphabet.symbols()];
        seen.iter().for_each(|seen| totals[usize::from(seen.symbol)] += 1.0);
        let sum: f64 = totals.iter().sum();
        let priors = totals.iter().map(|total| PRIOR_SYMBOLS * total / sum);
        let symbols: Vec<(f64, f64)> = priors.map(|prior| (prior, ln_gamma(prior))).collect();
        let term = |&(prior, own): &(f64, f64), count: usize| ln_gamma(prior + count as f64) - own;
        let terms = symbols.iter().map(|symbol| std::array::from_fn(|count| term(symbol, count))).collect();
        Self { symbols, terms, all: ln_gamma(PRIOR_SYMBOLS), total: seen.len() as f64 }
    }

    /// Returns the share of each symbol in all contexts.
    pub(super) fn shares(&self) -> impl ExactSizeIterator<Item = f64> {
        self.symbols.iter().map(|(prior, _)| prior / PRIOR_SYMBOLS)
    }

    /// Returns what a symbol takes off the bits.
    pub(super) fn symbol_term(&self, symbol: u16, count: u32) -> f64 {
        let symbol = usize::from(symbol);
        if let Some(&term) = self.terms[symbol].get(count as usize) {
            return term;
        }
        let (prior, own) = self.symbols[symbol];
        fast_ln_gamma(prior + f64::from(count)) - own
    }

    /// Returns what all symbols together add to the bits.
    pub(super) fn total_term(&self, total: u32) -> f64 {
        fast_ln_gamma(PRIOR_SYMBOLS + f64::from(total)) - self.all
    }
}
