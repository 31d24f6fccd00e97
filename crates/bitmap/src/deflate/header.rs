//! The header of a block with dynamic codes (RFC 1951, 3.2.7).

use super::bits::BitWriter;
use super::block_codes::BlockCodes;
use super::code::Code;
use super::huffman::{canonical_codes, code_lengths};
use super::tokens::END_OF_BLOCK;

/// The order in which the lengths of the code length code are written.
const CODE_LENGTH_ORDER: [usize; CODE_LENGTH_SYMBOLS] =
    [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
/// The number of symbols of the code length code.
const CODE_LENGTH_SYMBOLS: usize = 19;

/// The lengths of all codes of a block, ready to be written.
#[derive(Debug)]
pub(super) struct BlockHeader {
    runs: Vec<LengthRun>,
    codes: [Code; CODE_LENGTH_SYMBOLS],
    /// The number of literal/length symbols and of distance symbols whose lengths are written.
    literals: usize,
    distances: usize,
    /// The number of lengths of the code length code that are written.
    length_symbols: usize,
}

/// A symbol of the code length code, and the value of its extra bits.
#[derive(Clone, Copy, Debug)]
struct LengthRun {
    symbol: u8,
    extra: u8,
}

impl BlockHeader {
    /// Creates the header of these codes; `values` are the bytes of the two literals, the smaller first.
    pub(super) fn new(codes: &BlockCodes, values: [u8; 2]) -> Self {
        let used = |codes: &[Code]| codes.iter().rposition(|code| code.length > 0).map_or(0, |last| last + 1);
        let symbols = &codes.symbols[..used(&codes.symbols)];
        let distances = &codes.distances[..used(&codes.distances)];
        let mut runs = RunLengths::default();
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
        let mut counts = [0; CODE_LENGTH_SYMBOLS];
        runs.iter().for_each(|run| counts[usize::from(run.symbol)] += 1);
        let mut lengths = [0; CODE_LENGTH_SYMBOLS];
        code_lengths(&counts, 7, &mut lengths);
        let length_symbols = CODE_LENGTH_ORDER
            .iter()
            .rposition(|&symbol| lengths[symbol] > 0)
            .map_or(4, |last| (last + 1).max(4));
        let mut codes = [Code::default(); CODE_LENGTH_SYMBOLS];
        canonical_codes(&lengths, &mut codes);
        Self { runs, codes, literals: 256 + rest.len(), distances: distances.len(), length_symbols }
    }

    /// Returns the number of bits of the header.
    pub(super) fn price(&self) -> u32 {
        let runs = self.runs.iter();
        let runs = runs.map(|run| u32::from(self.codes[usize::from(run.symbol)].length) + run.extra_bits());
        14 + 3 * self.length_symbols as u32 + runs.sum::<u32>()
    }

    /// Writes the header.
    pub(super) fn write(&self, out: &mut BitWriter<'_>) {
        out.put((self.literals - 257) as u32, 5);
        out.put((self.distances - 1) as u32, 5);
        out.put((self.length_symbols - 4) as u32, 4);
        for &symbol in &CODE_LENGTH_ORDER[..self.length_symbols] {
            out.put(self.codes[symbol].length.into(), 3);
        }
        for run in &self.runs {
            let code = self.codes[usize::from(run.symbol)];
            let extra = u32::from(run.extra) << code.length;
            out.put(u32::from(code.bits) | extra, u32::from(code.length) + run.extra_bits());
        }
    }
}

impl LengthRun {
    fn extra_bits(self) -> u32 {
        match self.symbol {
            16 => 2,
            17 => 3,
            18 => 7,
            _ => 0,
        }
    }
}

/// Run-length encodes code lengths: 0 to 15 stand for themselves, 16 to 18 for repeats.
#[derive(Debug, Default)]
struct RunLengths {
    runs: Vec<LengthRun>,
    /// The last length, and how often it was repeated.
    last: (u8, usize),
}

impl RunLengths {
    fn push(&mut self, length: u8, count: usize) {
        if count > 0 && length != self.last.0 {
            self.flush();
            self.last = (length, 0);
        }
        self.last.1 += count;
    }

    fn finish(mut self) -> Vec<LengthRun> {
        self.flush();
        self.runs
    }

    fn flush(&mut self) {
        let (length, mut left) = self.last;
        if length != 0 && left > 0 {
            self.runs.push(LengthRun { symbol: length, extra: 0 });
            left -= 1;
        }
        let (symbol, least, most) = match (length, left) {
            (0, 11..) => (18, 11, 138),
            (0, _) => (17, 3, 10),
            _ => (16, 3, 6),
        };
        while left >= least {
            let run = left.min(most);
            self.runs.push(LengthRun { symbol, extra: (run - least) as u8 });
            left -= run;
        }
        self.runs.extend(std::iter::repeat_n(LengthRun { symbol: length, extra: 0 }, left));
    }
}
