//! Counts of symbols, and how many bits it takes to code them.

use std::sync::LazyLock;

use super::super::alphabet::{Alphabet, Features, MAX_SYMBOLS};

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

/// Returns the natural logarithm of the gamma function, by Stirling's series.
fn ln_gamma(x: f64) -> f64 {
    let (mut x, mut product) = (x, 1.0);
    while x < 8.0 {
        product *= x;
        x += 1.0;
    }
    let square = x * x;
    let series = (1.0 / 12.0 - (1.0 / 360.0 - 1.0 / (1260.0 * square)) / square) / x;
    let half_ln_of_two_pi = 0.918_938_533_204_672_8;
    (x - 0.5) * x.ln() - x + half_ln_of_two_pi + series - if product == 1.0 { 0.0 } else { f64::ln(product) }
}

/// The bits of a number that interpolation takes as the place between two entries of a table: there are 256 entries from each
/// power of two to the next.
const PLACE_BITS: u32 = f64::MANTISSA_DIGITS - 1 - 8;

/// The first and the last power of two of the table.
const POWERS: std::ops::Range<u64> = 5..32;

/// Returns the same from a table, for numbers from 32 to 2^32, with a relative error below 10^-6; training takes a third less time.
fn fast_ln_gamma(x: f64) -> f64 {
    static TABLE: LazyLock<Vec<f64>> = LazyLock::new(|| {
        let powers = (POWERS.start << 8)..=(POWERS.end << 8);
        powers.map(|entry| ln_gamma(f64::from_bits((entry + (1023 << 8)) << PLACE_BITS))).collect()
    });
    let bits = x.to_bits();
    let entry = (bits >> PLACE_BITS).wrapping_sub((1023 + POWERS.start) << 8) as usize;
    match TABLE.get(entry..entry.saturating_add(2)) {
        Some(&[below, above]) => {
            let place = (bits & ((1 << PLACE_BITS) - 1)) as f64 / (1_u64 << PLACE_BITS) as f64;
            below + place * (above - below)
        }
        _ => ln_gamma(x),
    }
}

#[cfg(test)]
mod tests {
    use super::{fast_ln_gamma, ln_gamma};

    #[test]
    fn interpolates_well() {
        for x in [30.5, 32.0, 32.1, 63.9, 64.0, 1000.25, 123_456.7, 4e9, 5e9] {
            let (fast, exact) = (fast_ln_gamma(x), ln_gamma(x));
            assert!((fast - exact).abs() < 1e-6 * exact, "{x}: {fast}, {exact}");
        }
    }

    #[test]
    fn knows_factorials() {
        let mut factorial: f64 = 1.0;
        for number in 1..30 {
            assert!((ln_gamma(f64::from(number)) - factorial.ln()).abs() < 1e-8, "{number}");
            factorial *= f64::from(number);
        }
        assert!((ln_gamma(0.5) - std::f64::consts::PI.sqrt().ln()).abs() < 1e-8);
    }
}
