//! What a block with its own codes says of them before its tokens (RFC 1951, 3.2.7).

use super::bits::BitWriter;
use super::codes::{Code, Codes};
use super::huffman::{canonical_codes, code_lengths};
use super::tokens::END_OF_BLOCK;

/// The order in which lengths of the code length code are sent.
const ORDER: [usize; LENGTHS] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
/// Symbols of the code length code.
const LENGTHS: usize = 19;

/// The lengths of all codes of a block, ready to be sent.
#[derive(Debug)]
pub(super) struct Header {
    runs: Vec<Run>,
    codes: [Code; LENGTHS],
    /// Symbols of the literal/length alphabet, and of distances, of which lengths are sent.
    literals: usize,
    distances: usize,
    /// How many lengths of the code length code are sent.
    sent: usize,
}

/// A symbol of the code length code, and the number that follows it.
#[derive(Clone, Copy, Debug)]
struct Run {
    symbol: u8,
    number: u8,
}

impl Header {
    /// Of these codes, for literals of these values, the first not over the second.
    pub(super) fn new(codes: &Codes, values: [u8; 2]) -> Self {
        let used = |codes: &[Code]| codes.iter().rposition(|code| code.length > 0).map_or(0, |last| last + 1);
        let symbols = &codes.symbols[..used(&codes.symbols)];
        let distances = &codes.distances[..used(&codes.distances)];
        let mut runs = Runs::default();
        let mut next = 0;
        for (&value, code) in values.iter().zip(symbols).filter(|(_, code)| code.length > 0) {
            runs.push(0, usize::from(value) - next);
            runs.push(code.length, 1);
            next = usize::from(value) + 1;
        }
        runs.push(0, 256 - next);
        let rest = &symbols[END_OF_BLOCK..];
        rest.iter().chain(distances).for_each(|code| runs.push(code.length, 1));
        let runs = runs.finish();
        let mut counts = [0; LENGTHS];
        runs.iter().for_each(|run| counts[usize::from(run.symbol)] += 1);
        let mut lengths = [0; LENGTHS];
        code_lengths(&counts, 7, &mut lengths);
        let sent = ORDER.iter().rposition(|&symbol| lengths[symbol] > 0).map_or(4, |last| (last + 1).max(4));
        let mut codes = [Code::default(); LENGTHS];
        canonical_codes(&lengths, &mut codes);
        Self { runs, codes, literals: 256 + rest.len(), distances: distances.len(), sent }
    }

    /// Its bits.
    pub(super) fn price(&self) -> u32 {
        let runs = self.runs.iter();
        let runs = runs.map(|run| u32::from(self.codes[usize::from(run.symbol)].length) + run.extra_bits());
        14 + 3 * self.sent as u32 + runs.sum::<u32>()
    }

    pub(super) fn write(&self, out: &mut BitWriter<'_>) {
        out.put((self.literals - 257) as u32, 5);
        out.put((self.distances - 1) as u32, 5);
        out.put((self.sent - 4) as u32, 4);
        for &symbol in &ORDER[..self.sent] {
            out.put(self.codes[symbol].length.into(), 3);
        }
        for run in &self.runs {
            let code = self.codes[usize::from(run.symbol)];
            let number = u32::from(run.number) << code.length;
            out.put(u32::from(code.bits) | number, u32::from(code.length) + run.extra_bits());
        }
    }
}

impl Run {
    fn extra_bits(self) -> u32 {
        match self.symbol {
            16 => 2,
            17 => 3,
            18 => 7,
            _ => 0,
        }
    }
}

/// Code lengths as symbols: themselves, and 16 to 18 for those that repeat.
#[derive(Debug, Default)]
struct Runs {
    runs: Vec<Run>,
    /// A length, and how often it came last.
    last: (u8, usize),
}

impl Runs {
    fn push(&mut self, length: u8, count: usize) {
        if count > 0 && length != self.last.0 {
            self.flush();
            self.last = (length, 0);
        }
        self.last.1 += count;
    }

    fn finish(mut self) -> Vec<Run> {
        self.flush();
        self.runs
    }

    fn flush(&mut self) {
        let (length, mut left) = self.last;
        if length != 0 && left > 0 {
            self.runs.push(Run { symbol: length, number: 0 });
            left -= 1;
        }
        let (symbol, least, most) = match (length, left) {
            (0, 11..) => (18, 11, 138),
            (0, _) => (17, 3, 10),
            _ => (16, 3, 6),
        };
        while left >= least {
            let run = left.min(most);
            self.runs.push(Run { symbol, number: (run - least) as u8 });
            left -= run;
        }
        self.runs.extend(std::iter::repeat_n(Run { symbol: length, number: 0 }, left));
    }
}
