//! The cheapest way through the pixels in literals and matches.

use std::ops::Range;

use super::pixels::{Pixels, next_mark};
use super::prices::{BIT, Prices};
use super::tokens::{MAX_DISTANCE, MAX_MATCH, MIN_MATCH, Token};

/// How many distances repeats are looked for at: in the row itself, and in the row above moved by a pixel at most.
const DISTANCES: usize = 4;

/// A path is given up where another already leads beyond its place and costs at most so much more.
const LEAD: u32 = 6 * BIT;

/// A place that a path comes to: what that path costs, and its last token.
#[derive(Clone, Copy, Debug, Default)]
struct Node {
    price: u32,
    token: Token,
}

/// One distance, while pixels are gone through.
#[derive(Clone, Copy, Debug, Default)]
struct Candidate {
    distance: usize,
    price: u32,
    /// The next pixel that differs from the one so far before.
    mark: usize,
}

/// Finds paths; keeps its memory from one image to the next.
#[derive(Debug, Default)]
pub(super) struct Parser {
    nodes: Vec<Node>,
    /// A bit for each place that a path comes to.
    reached: Vec<u64>,
    /// For each distance, the pixels that differ from those so far before.
    marks: [Vec<u64>; DISTANCES],
    /// The path that leads farthest, and its price.
    farthest: (usize, u32),
    tokens: Vec<Token>,
}

impl Parser {
    /// The tokens of a range that starts at a word.
    ///
    /// From a place a path goes on with the longest match at each distance, or with a literal; a literal follows
    /// a literal only where nothing matches. Places where no path comes cost nothing.
    pub(super) fn parse(
        &mut self,
        pixels: &Pixels,
        range: Range<usize>,
        width: usize,
        prices: &Prices,
    ) -> &[Token] {
        let len = range.len();
        self.prepare(len);
        let mut candidates = [Candidate::default(); DISTANCES];
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
            let Node { price, token } = self.nodes[place];
            if place >= self.farthest.0 || price + LEAD < self.farthest.1 {
                let mut matches = false;
                for (number, candidate) in candidates[..used].iter_mut().enumerate() {
                    if candidate.mark < place {
                        candidate.mark = next_mark(&self.marks[number], place);
                    }
                    let length = (candidate.mark - place).min(MAX_MATCH);
                    if length >= MIN_MATCH {
                        matches = true;
                        let price = price + prices.length(length) + candidate.price;
                        let token = Token::repeat(length, candidate.distance);
                        self.reach(place + length, Node { price, token });
                    }
                }
                if !matches || place == 0 || token.length() > 0 {
                    let bit = pixels.get(range.start + place);
                    let price = price + prices.literal(bit);
                    self.reach(place + 1, Node { price, token: Token::literal(bit.into()) });
                }
            }
            place = next_mark(&self.reached, place + 1);
        }
        self.trace(len)
    }

    fn prepare(&mut self, len: usize) {
        if self.nodes.len() <= len {
            self.nodes.resize(len + 1, Node::default());
        }
        self.nodes[0] = Node::default();
        self.reached.clear();
        self.reached.resize(len / 64 + 1, 0);
        self.farthest = (0, 0);
    }

    /// Notes a path to a place, if it is the first or the cheapest.
    fn reach(&mut self, place: usize, node: Node) {
        let (word, bit) = (place / 64, 1 << 63 >> (place % 64));
        if self.reached[word] & bit == 0 || node.price < self.nodes[place].price {
            self.reached[word] |= bit;
            self.nodes[place] = node;
            if place >= self.farthest.0 {
                self.farthest = (place, node.price);
            }
        }
    }

    /// The tokens of the cheapest path to a place.
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
