//! Finding the cheapest path through the pixels, in literals and matches.

use std::ops::Range;

use super::pixel_bits::{PixelBits, next_mark};
use super::prices::{BIT, Prices};
use super::tokens::{MAX_DISTANCE, MAX_MATCH, MIN_MATCH, Token};

/// The number of distances at which matches are searched for: 1 within the row, and the row above shifted by at most one
/// pixel.
const CANDIDATES: usize = 4;

/// A path is given up if another one that is already ahead of it costs at most this much more. A smaller
/// value follows more paths and takes longer.
const MAX_LEAD_PRICE: u32 = 6 * BIT;

/// A place that a path reaches: the price of the path, and its last token.
#[derive(Clone, Copy, Debug, Default)]
struct PathNode {
    price: u32,
    token: Token,
}

/// A distance at which matches are searched for.
#[derive(Clone, Copy, Debug, Default)]
struct Candidate {
    distance: usize,
    price: u32,
    /// The next pixel that differs from the one at this distance before it.
    mark: usize,
}

/// Finds cheapest paths; reuses its buffers from one image to the next.
#[derive(Debug, Default)]
pub(super) struct Parser {
    nodes: Vec<PathNode>,
    /// A bit for each place, set if a path reaches it.
    reached: Vec<u64>,
    /// For each distance, the pixels that differ from the one at this distance before them.
    marks: [Vec<u64>; CANDIDATES],
    /// The farthest place that a path reaches, and the price of that path.
    farthest: (usize, u32),
    tokens: Vec<Token>,
}

impl Parser {
    /// Returns the tokens of a range of pixels that starts at a word.
    ///
    /// From each place that it reaches, a path continues with the longest match at each distance, or with a literal; a
    /// literal follows a literal only where nothing matches. Places that no path reaches take no time.
    pub(super) fn parse(
        &mut self,
        pixels: &PixelBits,
        range: Range<usize>,
        width: usize,
        prices: &Prices,
    ) -> &[Token] {
        let len = range.len();
        self.prepare(len);
        let mut candidates = [Candidate::default(); CANDIDATES];
        let mut used = 0;
        let distances = [1, width, width + 1, width.saturating_sub(1)];
        for (number, &distance) in distances.iter().enumerate() {
            if (1..=MAX_DISTANCE).contains(&distance) && !distances[..number].contains(&distance) {
                pixels.differences(range.clone(), distance, &mut self.marks[used]);
                let mark = next_mark(&self.marks[used], 0);
                candidates[used] = Candidate { distance, price: prices.distance(distance), mark };
                used += 1;
            }
        }
        let mut place = 0;
        while place < len {
            let PathNode { price, token } = self.nodes[place];
            if place >= self.farthest.0 || price + MAX_LEAD_PRICE < self.farthest.1 {
                // A match that is no longer than a cheaper one leads nowhere else.
                let mut longest = MIN_MATCH - 1;
                for (number, candidate) in candidates[..used].iter_mut().enumerate() {
                    if candidate.mark < place {
                        candidate.mark = next_mark(&self.marks[number], place);
                    }
                    let length = (candidate.mark - place).min(MAX_MATCH);
                    if length > longest {
                        longest = length;
                        let price = price + prices.length(length) + candidate.price;
                        let token = Token::repeat(length, candidate.distance);
                        self.reach(place + length, PathNode { price, token });
                    }
                }
                if longest < MIN_MATCH || place == 0 || token.length() > 0 {
                    let bit = pixels.get(range.start + place);
                    let price = price + prices.literal(bit);
                    self.reach(place + 1, PathNode { price, token: Token::literal(bit.into()) });
                }
            }
            place = next_mark(&self.reached, place + 1);
        }
        self.trace(len)
    }

    fn prepare(&mut self, len: usize) {
        if self.nodes.len() <= len {
            self.nodes.resize(len + 1, PathNode::default());
        }
        self.nodes[0] = PathNode::default();
        self.reached.clear();
        self.reached.resize(len / 64 + 1, 0);
        self.farthest = (0, 0);
    }

    /// Records a path to a place if it is the first or the cheapest one.
    fn reach(&mut self, place: usize, node: PathNode) {
        let (word, bit) = (place / 64, 1 << 63 >> (place % 64));
        if self.reached[word] & bit == 0 || node.price < self.nodes[place].price {
            self.reached[word] |= bit;
            self.nodes[place] = node;
            if place >= self.farthest.0 {
                self.farthest = (place, node.price);
            }
        }
    }

    /// Returns the tokens of the cheapest path to a place.
    fn trace(&mut self, mut place: usize) -> &[Token] {
        self.tokens.clear();
        while place > 0 {
            let token = self.nodes[place].token;
            self.tokens.push(token);
            place -= token.length().max(1);
        }
        self.tokens.reverse();
        &self.tokens
    }
}
