//! Merging leaves whose symbols are alike, so that they share a code.

use std::f64::consts::LN_2;

use super::super::parts::MAX_CODES;
use super::counts::{Counts, Prior};

/// What a code takes in a model, in bits, and what each symbol takes more if two codes have it instead of one.
pub(super) const CODE_BITS: f64 = 14.0;
pub(super) const SHARED_SYMBOL_BITS: f64 = 3.0;

/// Merges the two groups whose union saves most, until none does and there are no more groups than a model may have codes; returns
/// for each leaf the first one of its group.
pub(super) fn merge(leaves: Vec<Counts>, prior: &Prior, part: f64) -> Vec<usize> {
    let mut groups =
        Groups { all: leaves.into_iter().map(|counts| Group::new(counts, prior)).collect(), prior, part };
    let (count, mut left) = (groups.all.len(), groups.all.len());
    let mut first: Vec<usize> = (0..count).collect();
    // For each group the later one with which it saves most.
    let mut bests: Vec<(f64, usize)> = (0..count).map(|group| groups.best(group)).collect();
    loop {
        let here = (0..count).filter(|&group| !groups.all[group].is_gone);
        let Some(a) = here.max_by(|&a, &b| bests[a].0.total_cmp(&bests[b].0)) else { break };
        let (gain, b) = bests[a];
        if gain <= 0.0 && left <= MAX_CODES {
            break;
        }
        groups.join(a, b);
        left -= 1;
        first.iter_mut().filter(|first| **first == b).for_each(|first| *first = a);
        for other in (0..count).filter(|&other| !groups.all[other].is_gone) {
            if other == a || [a, b].contains(&bests[other].1) {
                bests[other] = groups.best(other);
            } else if other < a {
                let gain = groups.gain(other, a);
                if gain > bests[other].0 {
                    bests[other] = (gain, a);
                }
            }
        }
    }
    first
}

/// Leaves that share a code.
struct Group {
    counts: Counts,
    /// The count of each symbol, and its term.
    symbols: Vec<(u32, f64)>,
    total: u32,
    total_term: f64,
    /// Whether it was joined to another group.
    is_gone: bool,
}

impl Group {
    fn new(counts: Counts, prior: &Prior) -> Self {
        let total = counts.total();
        let mut symbols = vec![(0, 0.0); prior.shares().len()];
        for &(symbol, count) in &counts.0 {
            symbols[usize::from(symbol)] = (count, prior.symbol_term(symbol, count));
        }
        Self { counts, symbols, total, total_term: prior.total_term(total), is_gone: false }
    }
}

struct Groups<'a> {
    all: Vec<Group>,
    prior: &'a Prior,
    part: f64,
}

impl Groups<'_> {
    /// Returns the later group with which a group saves most, and how many bits that are.
    fn best(&self, group: usize) -> (f64, usize) {
        let later = (group + 1..self.all.len()).filter(|&later| !self.all[later].is_gone);
        let gains = later.map(|later| (self.gain(group, later), later));
        gains.max_by(|a, b| a.0.total_cmp(&b.0)).unwrap_or((f64::NEG_INFINITY, usize::MAX))
    }

    /// Returns the bits that two groups save when they share a code.
    fn gain(&self, a: usize, b: usize) -> f64 {
        let (a, b) = (&self.all[a], &self.all[b]);
        let (few, many) = if a.counts.0.len() < b.counts.0.len() { (a, b) } else { (b, a) };
        let mut sum = a.total_term + b.total_term - self.prior.total_term(a.total + b.total);
        let mut shared = 0;
        // Symbols that only one of them has make no difference.
        for &(symbol, count) in &few.counts.0 {
            let ((_, term), (other, other_term)) =
                (few.symbols[usize::from(symbol)], many.symbols[usize::from(symbol)]);
            sum += self.prior.symbol_term(symbol, count + other) - term - other_term;
            shared += i32::from(count >= 2 && other >= 2);
        }
        sum / LN_2 + self.part * (SHARED_SYMBOL_BITS * f64::from(shared) + CODE_BITS)
    }

    fn join(&mut self, a: usize, b: usize) {
        self.all[a] = Group::new(self.all[a].counts.with(&self.all[b].counts), self.prior);
        self.all[b].is_gone = true;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::super::alphabet::Alphabet;
    use super::super::counts::Observation;
    use super::*;

    #[test]
    fn groups_are_no_more_than_a_model_may_have_codes() {
        let symbols = Alphabet::Event.symbols();
        // Each leaf has a pair of symbols, thousands of times, that no other has.
        let leaves = 1500;
        let pair = |leaf: usize| {
            [leaf % symbols, (leaf / symbols * 7 + leaf + 1) % symbols].map(|symbol| symbol as u16)
        };
        let seen: Vec<Observation> =
            (0..leaves).flat_map(pair).map(|symbol| Observation { features: [0; 8], symbol }).collect();
        let prior = Prior::new(Alphabet::Event, &seen);
        let counts = (0..leaves).map(|leaf| {
            let mut symbols = pair(leaf);
            symbols.sort_unstable();
            Counts(symbols.map(|symbol| (symbol, 10_000)).to_vec())
        });
        let groups: BTreeSet<usize> = merge(counts.collect(), &prior, 1e-6).into_iter().collect();
        assert_eq!(groups.len(), MAX_CODES);
    }
}
