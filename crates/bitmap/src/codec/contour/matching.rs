//! Matching the edges of a row with those of the row above.
//!
//! ITU-T T.6 codes an edge relative to one above it, or passes over two edges above; here the pairs are chosen for the
//! whole row at once, by dynamic programming. Any matching can be decoded; a good one makes events likely.

/// An edge without partner.
pub(super) const NONE: u32 = u32::MAX;

/// What a matching costs, in tenths of a bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Costs {
    /// Two adjacent edges of the upper row end.
    pub(super) end: u32,
    /// Two adjacent edges of the lower row begin.
    pub(super) begin: u32,
}

impl Costs {
    /// The costs that make payloads shortest, about the information of the events in bits.
    pub(super) const DEFAULT: Self = Self { end: 40, begin: 100 };

    /// Others that make the payloads of some images shorter.
    pub(super) const OTHERS: [Self; 3] =
        [Self { end: 30, begin: 70 }, Self { end: 50, begin: 160 }, Self { end: 80, begin: 100 }];

    fn of_move(columns: u32) -> u32 {
        const NEAR: [u32; 4] = [5, 18, 32, 42];
        NEAR.get(columns as usize).copied().unwrap_or_else(|| {
            // 3 + 1.6 log2(columns / 2) bits.
            let whole = columns.ilog2();
            let part = ((columns << 4) >> whole) - 16;
            30 + 16 * (whole - 1) + part
        })
    }
}

/// Rows with more pairs of edges are matched from left to right, without looking ahead.
const MAX_PAIRS: usize = 400 * 400;

/// Matches rows; reuses its buffers from one to the next.
#[derive(Debug, Default)]
pub(super) struct Matcher {
    costs: Vec<u32>,
    /// For each edge of the upper row its partner below, and the other way round.
    pub(super) below: Vec<u32>,
    pub(super) above: Vec<u32>,
}

impl Matcher {
    /// Finds the partners of the edges of two rows: in order, left edges with left edges and right with right.
    pub(super) fn match_rows(&mut self, upper: &[u32], lower: &[u32], costs: &Costs) {
        self.below.clear();
        self.below.resize(upper.len(), NONE);
        self.above.clear();
        self.above.resize(lower.len(), NONE);
        let same = |pairs: &mut dyn Iterator<Item = (&u32, &u32)>| pairs.take_while(|(a, b)| a == b).count();
        let head = same(&mut upper.iter().zip(lower));
        let tail = same(&mut upper[head..].iter().rev().zip(lower[head..].iter().rev()));
        (0..head).for_each(|edge| self.pair(edge, edge));
        (1..=tail).for_each(|edge| self.pair(upper.len() - edge, lower.len() - edge));
        let (upper, lower) = (&upper[head..upper.len() - tail], &lower[head..lower.len() - tail]);
        if upper.len() * lower.len() <= MAX_PAIRS {
            self.match_best(upper, lower, head, costs);
        } else {
            self.match_greedily(upper, lower, head);
        }
    }

    fn pair(&mut self, upper: usize, lower: usize) {
        self.below[upper] = lower as u32;
        self.above[lower] = upper as u32;
    }

    /// Finds the cheapest matching. `costs[a][b]` is what it costs to match all edges from `a` and from `b` on.
    fn match_best(&mut self, upper: &[u32], lower: &[u32], start: usize, costs: &Costs) {
        let (height, width) = (upper.len() + 1, lower.len() + 1);
        self.costs.clear();
        self.costs.resize(height * width, u32::MAX / 2);
        let at = |a: usize, b: usize| a * width + b;
        for a in (0..height).rev() {
            // Only edges of the same side are matched: the numbers of edges that are left are both even or both odd.
            for b in (0..width).rev().filter(|b| (upper.len() - a) % 2 == (lower.len() - b) % 2) {
                let mut best = if a + 1 == height && b + 1 == width { 0 } else { u32::MAX / 2 };
                if a + 1 < height && b + 1 < width {
                    best = self.costs[at(a + 1, b + 1)] + Costs::of_move(upper[a].abs_diff(lower[b]));
                }
                if a + 2 < height {
                    best = best.min(self.costs[at(a + 2, b)] + costs.end);
                }
                if b + 2 < width {
                    best = best.min(self.costs[at(a, b + 2)] + costs.begin);
                }
                self.costs[at(a, b)] = best;
            }
        }
        let (mut a, mut b) = (0, 0);
        while a + 1 < height || b + 1 < width {
            let cost = self.costs[at(a, b)];
            if a + 2 < height && cost == self.costs[at(a + 2, b)] + costs.end {
                a += 2;
            } else if b + 2 < width && cost == self.costs[at(a, b + 2)] + costs.begin {
                b += 2;
            } else {
                self.pair(start + a, start + b);
                (a, b) = (a + 1, b + 1);
            }
        }
    }

    /// Matches the next edges unless two of one row lie before the next of the other.
    fn match_greedily(&mut self, upper: &[u32], lower: &[u32], start: usize) {
        let (mut a, mut b) = (0, 0);
        let is_before = |pair: Option<&[u32]>, edge: Option<&u32>| {
            pair.is_some_and(|pair| edge.is_none_or(|&edge| pair[1] < edge))
        };
        while a < upper.len() || b < lower.len() {
            if is_before(upper.get(a..a + 2), lower.get(b)) {
                a += 2;
            } else if is_before(lower.get(b..b + 2), upper.get(a)) {
                b += 2;
            } else {
                self.pair(start + a, start + b);
                (a, b) = (a + 1, b + 1);
            }
        }
    }
}
