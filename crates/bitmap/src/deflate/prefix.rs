//! The bytes before the pixels, deflated once for all images.

use super::bits::BitWriter;
use super::block::{Block, Last, put_code, put_match, put_start};
use super::codes::{Codes, fixed_literal};
use super::tokens::{END_OF_BLOCK, MAX_DISTANCE, MAX_MATCH, MIN_MATCH, Token};
use super::tokens::{distance_extra_bits, distance_symbol, length_extra_bits, length_symbol};

/// How far back matches are looked for; headers are shorter.
const SEARCH: usize = 256;

/// Headers are too short to pay for codes of their own.
const CODES: Codes = Codes::fixed([0, 1]);

/// First bytes of streams, under the fixed codes.
#[derive(Debug)]
pub(super) struct Prefix {
    codes: Vec<u8>,
    bits: usize,
}

impl Prefix {
    pub(super) fn new(bytes: &[u8]) -> Self {
        let mut codes = Vec::new();
        let mut out = BitWriter::new(&mut codes);
        for token in cheapest(bytes) {
            match token.as_literal() {
                Some(byte) => put_code(fixed_literal(byte), &mut out),
                None => put_match(token, &CODES, &mut out),
            }
        }
        let bits = out.align();
        Self { codes, bits }
    }

    /// Writes these bytes and the first block of pixels behind them: together, if its codes are the same.
    pub(super) fn write(&self, block: &Block<'_>, last: Last, out: &mut BitWriter<'_>) {
        if self.bits == 0 {
            block.write(last, out);
        } else if block.is_fixed() {
            put_start(last, true, out);
            out.put_bytes(&self.codes, self.bits);
            block.write_rest(out);
        } else {
            put_start(Last::No, true, out);
            out.put_bytes(&self.codes, self.bits);
            put_code(CODES.symbols[END_OF_BLOCK], out);
            block.write(last, out);
        }
    }
}

/// The literals and matches for these bytes that take the fewest bits.
fn cheapest(bytes: &[u8]) -> Vec<Token> {
    let mut paths = vec![(u32::MAX, Token::default()); bytes.len() + 1];
    paths[0].0 = 0;
    for place in 0..bytes.len() {
        let price = paths[place].0;
        let mut reach = |length: usize, token: Token| {
            let price = price + bits(token);
            if price < paths[place + length].0 {
                paths[place + length] = (price, token);
            }
        };
        reach(1, Token::literal(bytes[place]));
        let start = place.saturating_sub(MAX_DISTANCE.min(SEARCH));
        for before in start..place {
            let pairs = bytes[place..].iter().zip(&bytes[before..]).take(MAX_MATCH);
            let longest = pairs.take_while(|(left, right)| left == right).count();
            for length in MIN_MATCH..=longest {
                reach(length, Token::repeat(length, place - before));
            }
        }
    }
    let mut tokens = Vec::new();
    let mut place = bytes.len();
    while place > 0 {
        let token = paths[place].1;
        tokens.push(token);
        place -= token.length().max(1);
    }
    tokens.reverse();
    tokens
}

/// What a token takes.
fn bits(token: Token) -> u32 {
    match token.as_literal() {
        Some(byte) => fixed_literal(byte).length.into(),
        None => {
            let (length, distance) = (length_symbol(token.length()), distance_symbol(token.distance()));
            u32::from(CODES.symbols[length].length + CODES.distances[distance].length)
                + length_extra_bits(length)
                + distance_extra_bits(distance)
        }
    }
}
