//! The cheapest way through the pixels in literals and matches.

use std::ops::Range;

use super::pixels::{Pixels, next_mark};
use super::tokens::{MAX_DISTANCE, MAX_MATCH, MIN_MATCH, Token, distance_symbol, length_symbol};
use super::tokens::{distance_extra_bits, length_extra_bits};

/// Prices are in sixteenths of a bit.
const BIT: u32 = 16;

/// How far back repeats are looked for: in the row itself, and in the row above moved by a pixel at most.
const DISTANCES: usize = 4;

/// What symbols cost in a typical image of glyphs, masks or handwriting: literals and distances come often, and so
/// does the longest length.
const LITERAL: [u32; 2] = [2 * BIT, 2 * BIT + BIT / 2];
const LENGTH: u32 = 4 * BIT;
const LONGEST: u32 = 2 * BIT + BIT / 2;
const DISTANCE: u32 = BIT + BIT / 2;

/// A place that a path comes to: what that path costs, and its last token.
#[derive(Clone, Copy, Debug, Default)]
struct Node {
    price: u32,
    token: Token,
}

/// Finds paths; keeps its memory from one image to the next.
#[derive(Debug, Default)]
pub(super) struct Parser {
    nodes: Vec<Node>,
    /// A bit for each place that a path comes to.
    reached: Vec<u64>,
    /// For each distance, the pixels that differ from those so far before.
    marks: [Vec<u64>; DISTANCES],
    lengths: Vec<u32>,
    tokens: Vec<Token>,
}

impl Parser {
    /// The tokens of a range that starts at a word.
    ///
    /// From a place a path goes on with the longest match at each distance, or with a literal; a literal follows
    /// a literal only where nothing matches. Places where no path comes cost nothing.
    pub(super) fn parse(&mut self, pixels: &Pixels, range: Range<usize>, width: usize) -> &[Token] {
        let len = range.len();
        self.prepare(len);
        let distances = [1, width, width + 1, width.saturating_sub(1)];
        let is_used = |&number: &usize| {
            let distance = distances[number];
            (1..=MAX_DISTANCE).contains(&distance) && !distances[..number].contains(&distance)
        };
        let used: Vec<usize> = (0..DISTANCES).filter(is_used).collect();
        let mut candidates = Vec::with_capacity(DISTANCES);
        for &number in &used {
            let distance = distances[number];
            pixels.differences(range.clone(), distance, &mut self.marks[number]);
            let price = DISTANCE + BIT * distance_extra_bits(distance_symbol(distance));
            candidates.push(Candidate { number, distance, price, mark: None });
        }
        let mut place = 0;
        while place < len {
            let Node { price, token } = self.nodes[place];
            let mut longest = 0;
            for candidate in &mut candidates {
                let mark = match candidate.mark {
                    Some(mark) if mark >= place => mark,
                    _ => next_mark(&self.marks[candidate.number], place),
                };
                candidate.mark = Some(mark);
                let length = (mark - place).min(MAX_MATCH);
                if length >= MIN_MATCH {
                    longest = longest.max(length);
                    let price = price + self.lengths[length] + candidate.price;
                    self.reach(
                        place + length,
                        Node { price, token: Token::repeat(length, candidate.distance) },
                    );
                }
            }
            if longest == 0 || place == 0 || token.length() > 0 {
                let value = pixels.get(range.start + place);
                let price = price + LITERAL[usize::from(value)];
                self.reach(place + 1, Node { price, token: Token::literal(value.into()) });
            }
            place = next_mark(&self.reached, place + 1);
        }
        self.trace(len)
    }

    fn prepare(&mut self, len: usize) {
        if self.lengths.is_empty() {
            let price = |length: usize| match length {
                0..MIN_MATCH => 0,
                MAX_MATCH => LONGEST,
                length => LENGTH + BIT * length_extra_bits(length_symbol(length)),
            };
            self.lengths = (0..=MAX_MATCH).map(price).collect();
        }
        if self.nodes.len() <= len {
            self.nodes.resize(len + 1, Node::default());
        }
        self.nodes[0] = Node::default();
        self.reached.clear();
        self.reached.resize(len / 64 + 1, 0);
    }

    /// Notes a path to a place, if it is the first or the cheapest.
    fn reach(&mut self, place: usize, node: Node) {
        let (word, bit) = (place / 64, 1 << 63 >> (place % 64));
        if self.reached[word] & bit == 0 || node.price < self.nodes[place].price {
            self.reached[word] |= bit;
            self.nodes[place] = node;
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

/// One distance, while pixels are gone through.
struct Candidate {
    number: usize,
    distance: usize,
    price: u32,
    /// The next pixel that differs, once it has been looked for.
    mark: Option<usize>,
}
