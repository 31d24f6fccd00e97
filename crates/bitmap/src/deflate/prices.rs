//! The prices of symbols while a path is searched for, before their codes are known.

use super::block_codes::BlockCodes;
use super::code::Code;
use super::tokens::{DISTANCE_SYMBOLS, LITERAL_LENGTH_SYMBOLS, MAX_MATCH, MIN_MATCH};
use super::tokens::{distance_extra_bits, distance_symbol, length_extra_bits, length_symbol};

/// The price of one bit: prices are in halves of a bit, because typical codes are not whole bits on average.
pub(super) const BIT: u32 = 2;

/// The price of each literal, length and distance, extra bits included.
#[derive(Debug)]
pub(super) struct Prices {
    symbols: [u32; LITERAL_LENGTH_SYMBOLS],
    distances: [u32; DISTANCE_SYMBOLS],
    lengths: [u32; MAX_MATCH + 1],
}

impl Prices {
    /// Returns the prices under the fixed codes.
    pub(super) fn fixed() -> Self {
        let codes = BlockCodes::fixed([0, 1]);
        let bits = |code: Code| BIT * u32::from(code.length);
        Self::new(codes.symbols.map(bits), codes.distances.map(bits))
    }

    /// Returns the prices in a typical image of glyphs, masks or handwriting: literals and distances are frequent, and so
    /// is the longest length.
    pub(super) fn typical() -> Self {
        let mut symbols = [4 * BIT; LITERAL_LENGTH_SYMBOLS];
        symbols[0] = 2 * BIT;
        symbols[1] = 2 * BIT + BIT / 2;
        symbols[length_symbol(MAX_MATCH)] = 2 * BIT + BIT / 2;
        Self::new(symbols, [BIT + BIT / 2; DISTANCE_SYMBOLS])
    }

    fn new(symbols: [u32; LITERAL_LENGTH_SYMBOLS], distances: [u32; DISTANCE_SYMBOLS]) -> Self {
        let length = |length: usize| match length {
            0..MIN_MATCH => 0,
            _ => symbols[length_symbol(length)] + BIT * length_extra_bits(length_symbol(length)),
        };
        Self {
            symbols,
            distances: std::array::from_fn(|symbol| distances[symbol] + BIT * distance_extra_bits(symbol)),
            lengths: std::array::from_fn(length),
        }
    }

    /// Returns the price of a literal.
    pub(super) fn literal(&self, bit: bool) -> u32 {
        self.symbols[usize::from(bit)]
    }

    /// Returns the price of a match length.
    pub(super) fn length(&self, length: usize) -> u32 {
        self.lengths[length]
    }

    /// Returns the price of a distance.
    pub(super) fn distance(&self, distance: usize) -> u32 {
        self.distances[distance_symbol(distance)]
    }
}
