//! Making codes: which symbols have a code of their own, and how long it is.

use super::super::parts::MAX_COMMON_BITS;
use super::super::prefix::{CodeMaker, Lengths};
use super::counts::Prior;

/// What a symbol with a code of its own takes in a model, in bits: as measured, with the choice of the symbols.
const SYMBOL_BITS: f64 = 7.0;

/// Codes with more than so many symbols are tried in steps: an eighth of the symbols more each time.
const STEPS: usize = 8;

/// The least weight of an escape.
const MIN_ESCAPE: f64 = 1e-9;

/// The part of the symbols' totals that counts in the common code: any symbol may be escaped.
const COMMON_PART: f64 = 0.001;

/// What a change of a code takes in a model, in bits, beside its symbols.
const CHANGE_BITS: f64 = 4.0;

/// The weight of a model's code where it is adapted to a sample, in symbols.
const BASE_SYMBOLS: f64 = 30.0;

/// What codes cost.
pub(super) struct Price {
    /// The part of all images that is in the sample.
    pub(super) part: f64,
    /// The longest code in bits.
    pub(super) longest: u32,
}

/// Returns the code with which symbols of these weights, and the code itself, are shortest; all symbols without a code are
/// escaped to the common one.
pub(super) fn own_code(weights: &[f64], common: &[u8], price: &Price) -> Lengths {
    let escaped_bits = |symbol: usize| weights[symbol] * f64::from(common[symbol]);
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_by(|&a, &b| escaped_bits(b).total_cmp(&escaped_bits(a)));
    order.truncate((1 << price.longest) - 1);
    let own = |symbol: usize| weights[symbol].max(f64::MIN_POSITIVE);
    let (mut escape, mut escaped) =
        (weights.iter().sum::<f64>(), (0..weights.len()).map(escaped_bits).sum::<f64>());
    // Without symbols of its own, a code is the common one.
    let mut best = (escaped, vec![0; weights.len() + 1]);
    // Codes of the first symbols, by the least that each can cost: none is shorter than the entropy.
    let (mut entropy, mut next, mut codes) = (entropy_term(escape), 1, Vec::new());
    for (number, &symbol) in (1..).zip(&order) {
        entropy -= entropy_term(own(symbol));
        escape -= weights[symbol];
        escaped -= escaped_bits(symbol);
        if number == next {
            next = number + 1 + number / STEPS;
            let escape = escape.max(MIN_ESCAPE);
            let besides = escaped + price.part * SYMBOL_BITS * f64::from(number as u32);
            codes.push((entropy - entropy_term(escape) + besides, number, escape, besides));
        }
    }
    codes.sort_by(|(a, ..), (b, ..)| a.total_cmp(b));
    let mut maker = CodeMaker::default();
    let mut owned = Vec::new();
    for (least, number, escape, besides) in codes {
        if least >= best.0 {
            break;
        }
        owned.clear();
        owned.resize(weights.len(), 0.0);
        order[..number].iter().for_each(|&symbol| owned[symbol] = own(symbol));
        owned.push(escape);
        let lengths = maker.optimal_lengths(&owned, price.longest);
        let bits: f64 = owned.iter().zip(&lengths).map(|(weight, &length)| weight * f64::from(length)).sum();
        if bits + besides < best.0 {
            best = (bits + besides, lengths);
        }
    }
    best.1
}

/// Returns the term of a weight in the entropy of weights, in bits: that of their sum less those of all.
fn entropy_term(weight: f64) -> f64 {
    weight * weight.log2()
}

/// Returns the code of all symbols, made for those that are escaped from these codes.
pub(super) fn common_code(prior: &Prior, weights: &[Vec<f64>], codes: &[Lengths]) -> Lengths {
    let part = COMMON_PART * prior.total.max(1.0);
    let mut totals: Vec<f64> = prior.shares().map(|share| share * part).collect();
    for (weights, lengths) in weights.iter().zip(codes) {
        let symbols = totals.iter_mut().zip(weights).zip(lengths);
        symbols.filter(|(_, length)| **length == 0).for_each(|((total, weight), _)| *total += weight);
    }
    CodeMaker::default().optimal_lengths(&totals, MAX_COMMON_BITS)
}

/// Returns a code that is made for symbols of these counts, or `base` if that costs less.
pub(super) fn adapt(base: &Lengths, counts: &[u64], common: &[u8], price: &Price) -> Lengths {
    let escape = f64::from(base[counts.len()]);
    let bits_of = |lengths: &Lengths, symbol: usize| match lengths[symbol] {
        0 => f64::from(lengths[counts.len()]) + f64::from(common[symbol]),
        length => f64::from(length),
    };
    let share = |symbol: usize| match base[symbol] {
        0 => (-escape - f64::from(common[symbol])).exp2(),
        length => (-f64::from(length)).exp2(),
    };
    let total = counts.iter().sum::<u64>() as f64;
    let scale = total / (total + BASE_SYMBOLS);
    let weight = |symbol| scale * (counts[symbol] as f64 + BASE_SYMBOLS * share(symbol));
    let weights: Vec<f64> = (0..counts.len()).map(weight).collect();
    let bits = |lengths: &Lengths| -> f64 {
        (0..counts.len()).map(|symbol| weights[symbol] * bits_of(lengths, symbol)).sum()
    };
    let seen = weights.iter().filter(|weight| **weight > 0.0);
    let entropy = entropy_term(weights.iter().sum()) - seen.map(|&weight| entropy_term(weight)).sum::<f64>();
    // Most codes are used by few symbols of a small sample: no other code would save what a change takes.
    if total == 0.0 || bits(base) - entropy <= price.part * CHANGE_BITS {
        return base.clone();
    }
    let adapted = own_code(&weights, common, price);
    let lengths = adapted.iter().zip(base);
    let changed = lengths.map(|(&a, &b)| if a == b { 0.3 } else { SYMBOL_BITS - 1.0 }).sum::<f64>();
    let symbols = adapted.iter().zip(base).filter(|(a, b)| **a > 0 || **b > 0).count() as f64;
    let cost = price.part * (changed.min(SYMBOL_BITS * symbols) + CHANGE_BITS);
    if bits(base) > bits(&adapted) + cost { adapted } else { base.clone() }
}
