//! The bytes before the pixels, deflated once for all images.

use super::bits::BitWriter;
use super::block::{Block, Last, fixed_price};
use super::tokens::{MAX_DISTANCE, MAX_MATCH, MIN_MATCH, Token};

/// A whole block of these bytes that is not the last, and its length in bits.
pub(super) fn block(bytes: &[u8]) -> (Vec<u8>, usize) {
    let mut block = Vec::new();
    let mut out = BitWriter::new(&mut block);
    let tokens = cheapest(bytes);
    if !tokens.is_empty() {
        Block::of_bytes(&tokens).write(Last::No, &mut out);
    }
    let bits = out.align();
    (block, bits)
}

/// The cheapest literals and matches for these bytes under fixed codes: a header is too short to pay for its own.
fn cheapest(bytes: &[u8]) -> Vec<Token> {
    let mut paths = vec![(u32::MAX, Token::default()); bytes.len() + 1];
    paths[0].0 = 0;
    for place in 0..bytes.len() {
        let price = paths[place].0;
        let mut reach = |length: usize, token: Token| {
            let price = price + fixed_price(token);
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

/// How far back matches are looked for; headers are shorter.
const SEARCH: usize = 256;
