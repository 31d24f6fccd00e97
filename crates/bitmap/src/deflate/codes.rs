//! The two prefix codes of a block of pixels, fixed or its own.

use super::huffman::{canonical_codes, code_lengths};
use super::tokens::{DISTANCES, END_OF_BLOCK, FIRST_LENGTH, Histogram, SYMBOLS};

/// How a symbol is written: its bits, the first of them lowest.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Code {
    pub(super) bits: u16,
    /// 0 if the symbol has no code.
    pub(super) length: u8,
}

impl Code {
    /// Of bits whose first is highest.
    pub(super) const fn reversed(bits: u16, length: u8) -> Self {
        Self { bits: bits.reverse_bits() >> (16 - length), length }
    }
}

/// The codes of symbols and of distances.
#[derive(Clone, Debug)]
pub(super) struct Codes {
    pub(super) symbols: [Code; SYMBOLS],
    pub(super) distances: [Code; DISTANCES],
}

/// The fixed code of a literal byte (RFC 1951, 3.2.6).
pub(super) const fn fixed_literal(byte: u8) -> Code {
    match byte {
        0..144 => Code::reversed(0x30 + byte as u16, 8),
        144.. => Code::reversed(0x190 + (byte as u16 - 144), 9),
    }
}

impl Codes {
    /// The fixed codes (RFC 1951, 3.2.6), for literals of these values.
    pub(super) const fn fixed(values: [u8; 2]) -> Self {
        let mut codes = Self {
            symbols: [Code { bits: 0, length: 7 }; SYMBOLS],
            distances: [Code { bits: 0, length: 5 }; DISTANCES],
        };
        codes.symbols[0] = fixed_literal(values[0]);
        codes.symbols[1] = fixed_literal(values[1]);
        let mut symbol = FIRST_LENGTH;
        while symbol < SYMBOLS {
            // 256 is the end of the block, and 280 the first symbol of eight bits.
            let above = (symbol - END_OF_BLOCK) as u16;
            codes.symbols[symbol] =
                if above < 24 { Code::reversed(above, 7) } else { Code::reversed(0xC0 + above - 24, 8) };
            symbol += 1;
        }
        let mut distance = 0;
        while distance < DISTANCES {
            codes.distances[distance] = Code::reversed(distance as u16, 5);
            distance += 1;
        }
        codes
    }

    /// The best codes for these counts.
    pub(super) fn best(histogram: &Histogram) -> Self {
        let mut codes = Self { symbols: [Code::default(); SYMBOLS], distances: [Code::default(); DISTANCES] };
        assign(&histogram.symbols, &mut codes.symbols);
        assign(&histogram.distances, &mut codes.distances);
        codes
    }

    /// The bits of the symbols that were counted, and of what follows each.
    pub(super) fn price(&self, histogram: &Histogram) -> u32 {
        let price = |counts: &[u32], codes: &[Code]| -> u32 {
            counts.iter().zip(codes).map(|(&count, code)| count * u32::from(code.length)).sum()
        };
        price(&histogram.symbols, &self.symbols)
            + price(&histogram.distances, &self.distances)
            + histogram.extra_bits()
    }
}

/// Codes for these counts. Some readers want a code even where nothing uses it: then its first symbol has one.
fn assign(counts: &[u32], codes: &mut [Code]) {
    let mut lengths = [0; SYMBOLS];
    let lengths = &mut lengths[..counts.len()];
    code_lengths(counts, 15, lengths);
    if lengths.iter().all(|&length| length == 0) {
        lengths[0] = 1;
    }
    canonical_codes(lengths, codes);
}
