//! The two prefix codes of a block of pixels, fixed or dynamic.

use super::code::Code;
use super::huffman::{canonical_codes, code_lengths};
use super::tokens::{DISTANCE_SYMBOLS, END_OF_BLOCK, FIRST_LENGTH, Histogram, LITERAL_LENGTH_SYMBOLS};

/// The longest code that a block can have (RFC 1951, 3.2.7).
const MAX_CODE_LENGTH: usize = 15;

/// The codes of literals and lengths, and of distances.
#[derive(Clone, Debug)]
pub(super) struct BlockCodes {
    pub(super) symbols: [Code; LITERAL_LENGTH_SYMBOLS],
    pub(super) distances: [Code; DISTANCE_SYMBOLS],
}

/// Returns the fixed code of a literal byte (RFC 1951, 3.2.6).
pub(super) const fn fixed_literal(byte: u8) -> Code {
    match byte {
        0..144 => Code::reversed(0x30 + byte as u16, 8),
        144.. => Code::reversed(0x190 + (byte as u16 - 144), 9),
    }
}

impl BlockCodes {
    /// Returns the fixed codes (RFC 1951, 3.2.6); `values` are those of the two literals.
    pub(super) const fn fixed(values: [u8; 2]) -> Self {
        let mut codes = const { Self::fixed_matches() };
        codes.symbols[0] = fixed_literal(values[0]);
        codes.symbols[1] = fixed_literal(values[1]);
        codes
    }

    /// Returns the fixed codes of matches and of the end of a block.
    const fn fixed_matches() -> Self {
        let mut codes = Self {
            symbols: [Code { bits: 0, length: 7 }; LITERAL_LENGTH_SYMBOLS],
            distances: [Code { bits: 0, length: 5 }; DISTANCE_SYMBOLS],
        };
        let mut symbol = FIRST_LENGTH;
        while symbol < LITERAL_LENGTH_SYMBOLS {
            // In the RFC, 256 is the end of the block, and 280 the first symbol of eight bits.
            let above = (symbol - END_OF_BLOCK) as u16;
            codes.symbols[symbol] =
                if above < 24 { Code::reversed(above, 7) } else { Code::reversed(0xC0 + above - 24, 8) };
            symbol += 1;
        }
        let mut distance = 0;
        while distance < DISTANCE_SYMBOLS {
            codes.distances[distance] = Code::reversed(distance as u16, 5);
            distance += 1;
        }
        codes
    }

    /// Returns the shortest codes for these counts.
    pub(super) fn dynamic(histogram: &Histogram) -> Self {
        let mut codes = Self {
            symbols: [Code::default(); LITERAL_LENGTH_SYMBOLS],
            distances: [Code::default(); DISTANCE_SYMBOLS],
        };
        assign(&histogram.symbols, &mut codes.symbols);
        assign(&histogram.distances, &mut codes.distances);
        codes
    }

    /// Returns the number of bits of the symbols that were counted, extra bits included.
    pub(super) fn price(&self, histogram: &Histogram) -> u32 {
        let price = |counts: &[u32], codes: &[Code]| -> u32 {
            counts.iter().zip(codes).map(|(&count, code)| count * u32::from(code.length)).sum()
        };
        price(&histogram.symbols, &self.symbols)
            + price(&histogram.distances, &self.distances)
            + histogram.extra_bits()
    }
}

/// Assigns the shortest codes for these counts.
///
/// If no symbol occurs, the first one still gets a code, because some readers reject an empty alphabet.
fn assign(counts: &[u32], codes: &mut [Code]) {
    let mut lengths = [0; LITERAL_LENGTH_SYMBOLS];
    let lengths = &mut lengths[..counts.len()];
    code_lengths(counts, MAX_CODE_LENGTH, lengths);
    if lengths.iter().all(|&length| length == 0) {
        lengths[0] = 1;
    }
    canonical_codes(lengths, codes);
}
