//! The head of a stream: the bytes before the pixels, compressed once for all images.

use super::bits::{BitWriter, Bits};
use super::block::{BlockType, LastBlock, TokenBlock, put_code, put_match, put_start};
use super::block_codes::{BlockCodes, fixed_literal};
use super::tokens::{END_OF_BLOCK, MAX_DISTANCE, MAX_MATCH, MIN_MATCH, Token};
use super::tokens::{distance_extra_bits, distance_symbol, length_extra_bits, length_symbol};

/// The largest distance at which matches are searched for; headers of `.npy` files are shorter.
const SEARCH_BYTES: usize = 256;

/// The fixed codes, because a head is too short to pay for dynamic ones. Its literals have [`fixed_literal`].
const FIXED_CODES: BlockCodes = BlockCodes::fixed([0, 1]);

/// The first bytes of streams, as literals and matches under the fixed codes.
#[derive(Debug)]
pub(super) struct Head(Bits);

impl Head {
    /// Compresses a head.
    pub(super) fn new(bytes: &[u8]) -> Self {
        Self(Bits::of(|out| {
            for token in cheapest_tokens(bytes) {
                match token.as_literal() {
                    Some(byte) => put_code(fixed_literal(byte), out),
                    None => put_match(token, &FIXED_CODES, out),
                }
            }
        }))
    }

    /// Writes the head and the first block of pixels; as one block, if that has the fixed codes too.
    pub(super) fn write(&self, block: &TokenBlock<'_>, last: LastBlock, out: &mut BitWriter<'_>) {
        if self.0.is_empty() {
            block.write(last, out);
        } else if block.block_type() == BlockType::FixedCodes {
            put_start(last, BlockType::FixedCodes, out);
            out.put_all(&self.0);
            block.write_rest(out);
        } else {
            put_start(LastBlock::No, BlockType::FixedCodes, out);
            out.put_all(&self.0);
            put_code(FIXED_CODES.symbols[END_OF_BLOCK], out);
            block.write(last, out);
        }
    }
}

/// Returns the literals and matches that take the fewest bits for these bytes.
fn cheapest_tokens(bytes: &[u8]) -> Vec<Token> {
    let mut paths = vec![(u32::MAX, Token::default()); bytes.len() + 1];
    paths[0].0 = 0;
    for place in 0..bytes.len() {
        let price = paths[place].0;
        let mut reach = |length: usize, token: Token| {
            let price = price + token_bits(token);
            if price < paths[place + length].0 {
                paths[place + length] = (price, token);
            }
        };
        reach(1, Token::literal(bytes[place]));
        let start = place.saturating_sub(MAX_DISTANCE.min(SEARCH_BYTES));
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

/// Returns the number of bits of a token.
fn token_bits(token: Token) -> u32 {
    match token.as_literal() {
        Some(byte) => fixed_literal(byte).length.into(),
        None => {
            let (length, distance) = (length_symbol(token.length()), distance_symbol(token.distance()));
            u32::from(FIXED_CODES.symbols[length].length + FIXED_CODES.distances[distance].length)
                + length_extra_bits(length)
                + distance_extra_bits(distance)
        }
    }
}
