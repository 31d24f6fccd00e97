//! One block: its tokens, its codes and its bits (RFC 1951, 3.2.3 to 3.2.7).

use super::bits::BitWriter;
use super::huffman::{canonical_codes, code_lengths};
use super::tokens::{DISTANCES, END_OF_BLOCK, Histogram, LITERALS, MIN_MATCH, Token};
use super::tokens::{distance_extra_bits, distance_symbol, length_extra_bits, length_symbol};

/// The order in which lengths of the code length code are sent.
const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/// Whether a block ends the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Last {
    No,
    Yes,
}

/// The lengths of the two codes of a block.
#[derive(Clone, Debug)]
struct Lengths {
    literals: [u8; LITERALS],
    distances: [u8; DISTANCES],
}

impl Lengths {
    /// Of the fixed codes (RFC 1951, 3.2.6).
    fn fixed() -> Self {
        let mut literals = [8; LITERALS];
        literals[144..256].fill(9);
        literals[256..280].fill(7);
        Self { literals, distances: [5; DISTANCES] }
    }

    /// Of the best codes for these counts.
    fn best(histogram: &Histogram) -> Self {
        let mut lengths = Self { literals: [0; LITERALS], distances: [0; DISTANCES] };
        code_lengths(&histogram.literals, 15, &mut lengths.literals);
        code_lengths(&histogram.distances, 15, &mut lengths.distances);
        // Some readers want a distance code even where nothing uses it, and codes of two symbols.
        for symbol in [0, 1] {
            if lengths.literals.iter().filter(|&&length| length > 0).count() < 2 {
                lengths.literals[symbol] = 1;
            }
            if lengths.distances.iter().all(|&length| length == 0) {
                lengths.distances[symbol] = 1;
            }
        }
        lengths
    }

    /// The bits of the symbols that were counted, and of what follows each.
    fn price(&self, histogram: &Histogram) -> u64 {
        let price = |counts: &[u32], lengths: &[u8]| -> u64 {
            counts.iter().zip(lengths).map(|(&count, &length)| u64::from(count) * u64::from(length)).sum()
        };
        price(&histogram.literals, &self.literals)
            + price(&histogram.distances, &self.distances)
            + histogram.extra_bits()
    }
}

/// The bits of a token whose literals are bytes, under the fixed codes.
pub(super) fn fixed_price(token: Token) -> u32 {
    match token.literal_byte() {
        Some(byte) => 8 + u32::from(byte >= 144),
        None => {
            let (length, distance) = (length_symbol(token.length()), distance_symbol(token.distance()));
            7 + u32::from(length >= 280) + length_extra_bits(length) + 5 + distance_extra_bits(distance)
        }
    }
}

/// What a block with its own codes says of them before its tokens.
struct Header {
    /// Run-length symbols (0 to 18) of the code lengths, each with the number that follows it.
    runs: Vec<(u8, u8)>,
    run_lengths: [u8; 19],
    literals: usize,
    distances: usize,
    /// How many lengths of the code length code are sent.
    sent: usize,
}

impl Header {
    fn new(lengths: &Lengths) -> Self {
        let used = |lengths: &[u8]| lengths.iter().rposition(|&length| length > 0).map_or(1, |last| last + 1);
        let (literals, distances) = (used(&lengths.literals).max(257), used(&lengths.distances));
        let mut all = [0; LITERALS + DISTANCES];
        all[..literals].copy_from_slice(&lengths.literals[..literals]);
        all[literals..literals + distances].copy_from_slice(&lengths.distances[..distances]);
        let runs = runs(&all[..literals + distances]);
        let mut counts = [0; 19];
        runs.iter().for_each(|&(symbol, _)| counts[usize::from(symbol)] += 1);
        // A code of one symbol alone is one that some readers refuse.
        if counts.iter().filter(|&&count| count > 0).count() < 2 {
            counts[if counts[0] > 0 { 18 } else { 0 }] += 1;
        }
        let mut run_lengths = [0; 19];
        code_lengths(&counts, 7, &mut run_lengths);
        let sent =
            ORDER.iter().rposition(|&symbol| run_lengths[symbol] > 0).map_or(4, |last| (last + 1).max(4));
        Self { runs, run_lengths, literals, distances, sent }
    }

    fn price(&self) -> u64 {
        let runs = self.runs.iter().map(|&(symbol, _)| {
            u64::from(self.run_lengths[usize::from(symbol)]) + u64::from(run_extra_bits(symbol))
        });
        14 + 3 * self.sent as u64 + runs.sum::<u64>()
    }

    fn write(&self, out: &mut BitWriter<'_>) {
        out.put((self.literals - 257) as u32, 5);
        out.put((self.distances - 1) as u32, 5);
        out.put((self.sent - 4) as u32, 4);
        for &symbol in &ORDER[..self.sent] {
            out.put(self.run_lengths[symbol].into(), 3);
        }
        let mut codes = [0; 19];
        canonical_codes(&self.run_lengths, &mut codes);
        for &(symbol, number) in &self.runs {
            out.put(codes[usize::from(symbol)].into(), self.run_lengths[usize::from(symbol)].into());
            out.put(number.into(), run_extra_bits(symbol));
        }
    }
}

/// Code lengths as symbols: themselves, and 16 to 18 for those that repeat.
fn runs(lengths: &[u8]) -> Vec<(u8, u8)> {
    let mut runs = Vec::with_capacity(64);
    for same in lengths.chunk_by(|left, right| left == right) {
        let (value, mut left) = (same[0], same.len());
        if value != 0 {
            runs.push((value, 0));
            left -= 1;
        }
        let (symbol, least, most) = match (value, left) {
            (0, 11..) => (18, 11, 138),
            (0, _) => (17, 3, 10),
            _ => (16, 3, 6),
        };
        while left >= least {
            let run = left.min(most);
            runs.push((symbol, (run - least) as u8));
            left -= run;
        }
        runs.extend(std::iter::repeat_n((value, 0), left));
    }
    runs
}

fn run_extra_bits(symbol: u8) -> u32 {
    match symbol {
        16 => 2,
        17 => 3,
        18 => 7,
        _ => 0,
    }
}

/// A block that is ready to be written.
pub(super) struct Block<'a> {
    tokens: &'a [Token],
    /// The bytes that literals stand for: the values of pixels, or themselves.
    values: Option<[u8; 2]>,
    lengths: Lengths,
    /// What a block with its own codes starts with; those of other blocks are fixed.
    header: Option<Header>,
}

impl<'a> Block<'a> {
    /// A block of tokens whose literals are bits.
    pub(super) fn new(tokens: &'a [Token], values: [u8; 2]) -> Self {
        Self::with(tokens, Some(values))
    }

    /// A block of tokens whose literals are bytes.
    pub(super) fn of_bytes(tokens: &'a [Token]) -> Self {
        Self::with(tokens, None)
    }

    fn with(tokens: &'a [Token], values: Option<[u8; 2]>) -> Self {
        let histogram = Histogram::new(tokens, |literal| value_of(values, literal));
        let (own, fixed) = (Lengths::best(&histogram), Lengths::fixed());
        let header = Header::new(&own);
        if header.price() + own.price(&histogram) < fixed.price(&histogram) {
            Self { tokens, values, lengths: own, header: Some(header) }
        } else {
            Self { tokens, values, lengths: fixed, header: None }
        }
    }

    pub(super) fn write(&self, last: Last, out: &mut BitWriter<'_>) {
        out.put(u32::from(last == Last::Yes), 1);
        out.put(if self.header.is_some() { 2 } else { 1 }, 2);
        if let Some(header) = &self.header {
            header.write(out);
        }
        // Fixed codes count two symbols that never occur.
        let mut literals = [0; LITERALS + 2];
        let mut lengths = [8; LITERALS + 2];
        lengths[..LITERALS].copy_from_slice(&self.lengths.literals);
        let all = if self.header.is_some() { LITERALS } else { LITERALS + 2 };
        canonical_codes(&lengths[..all], &mut literals[..all]);
        let mut distances = [0; DISTANCES];
        canonical_codes(&self.lengths.distances, &mut distances);
        let literal = |symbol: usize| (u32::from(literals[symbol]), u32::from(lengths[symbol]));
        for token in self.tokens {
            let Some(byte) = token.literal_byte() else {
                let symbol = length_symbol(token.length());
                let ((code, bits), extra) = (literal(symbol), length_extra_bits(symbol));
                let above = (token.length() - MIN_MATCH) as u32 & ((1 << extra) - 1);
                out.put(code | above << bits, bits + extra);
                let symbol = distance_symbol(token.distance());
                let (bits, extra) = (u32::from(self.lengths.distances[symbol]), distance_extra_bits(symbol));
                let above = (token.distance() - 1) as u32 & ((1 << extra) - 1);
                out.put(u32::from(distances[symbol]) | above << bits, bits + extra);
                continue;
            };
            let (code, bits) = literal(value_of(self.values, byte).into());
            out.put(code, bits);
        }
        let (code, bits) = literal(END_OF_BLOCK);
        out.put(code, bits);
    }
}

fn value_of(values: Option<[u8; 2]>, literal: u8) -> u8 {
    values.map_or(literal, |values| values[usize::from(literal)])
}
