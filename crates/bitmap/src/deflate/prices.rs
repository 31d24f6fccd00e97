//! What symbols are taken to cost while a path is looked for, before their codes are known.

use super::codes::{Code, Codes};
use super::tokens::{DISTANCES, MAX_MATCH, MIN_MATCH, SYMBOLS};
use super::tokens::{distance_extra_bits, distance_symbol, length_extra_bits, length_symbol};

/// Prices are in halves of a bit.
pub(super) const BIT: u32 = 2;

/// What each literal, length and distance costs, the bits that follow included.
#[derive(Debug)]
pub(super) struct Prices {
    symbols: [u32; SYMBOLS],
    distances: [u32; DISTANCES],
    lengths: [u32; MAX_MATCH + 1],
}

impl Prices {
    /// Under the fixed codes.
    pub(super) fn fixed() -> Self {
        let codes = Codes::fixed([0, 1]);
        let bits = |code: Code| BIT * u32::from(code.length);
        Self::new(codes.symbols.map(bits), codes.distances.map(bits))
    }

    /// In a typical image of glyphs, masks or handwriting: literals and distances come often, and so does the longest
    /// length.
    pub(super) fn typical() -> Self {
        let mut symbols = [4 * BIT; SYMBOLS];
        symbols[0] = 2 * BIT;
        symbols[1] = 2 * BIT + BIT / 2;
        symbols[length_symbol(MAX_MATCH)] = 2 * BIT + BIT / 2;
        Self::new(symbols, [BIT + BIT / 2; DISTANCES])
    }

    fn new(symbols: [u32; SYMBOLS], distances: [u32; DISTANCES]) -> Self {
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

    pub(super) fn literal(&self, bit: bool) -> u32 {
        self.symbols[usize::from(bit)]
    }

    pub(super) fn length(&self, length: usize) -> u32 {
        self.lengths[length]
    }

    pub(super) fn distance(&self, distance: usize) -> u32 {
        self.distances[distance_symbol(distance)]
    }
}
