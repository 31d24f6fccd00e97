//! The codes of symbols, as an encoder writes them.

use super::alphabet::Alphabet;
use super::parts::Part;
use super::prefix::{self, Lengths};
use super::tables::zero_symbol;

/// The codes of an alphabet's symbols.
#[derive(Clone, Debug)]
pub(super) struct SymbolCodes {
    /// For each code the bits of each symbol and of the escape, and how many there are.
    pub(super) codes: Vec<Vec<(u16, u8)>>,
    /// The same of the common code.
    pub(super) common: Vec<(u16, u8)>,
}

impl SymbolCodes {
    pub(super) fn new(alphabet: Alphabet, part: &Part) -> Self {
        let bits = |lengths: &Lengths, zero| {
            prefix::codes(lengths, zero).into_iter().zip(lengths.iter().copied()).collect()
        };
        let codes = part.codes.iter().map(|lengths| bits(lengths, zero_symbol(alphabet, lengths)));
        Self { codes: codes.collect(), common: bits(&part.common, None) }
    }
}
