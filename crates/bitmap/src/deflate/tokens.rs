//! Literals and matches, and the symbols that stand for them (RFC 1951, 3.2.5).

/// Symbols of the literal/length alphabet.
pub(super) const LITERALS: usize = 286;
/// Symbols of the distance alphabet.
pub(super) const DISTANCES: usize = 30;
/// The symbol that ends a block.
pub(super) const END_OF_BLOCK: usize = 256;
/// Shortest match.
pub(super) const MIN_MATCH: usize = 3;
/// Longest match.
pub(super) const MAX_MATCH: usize = 258;
/// Farthest match.
pub(super) const MAX_DISTANCE: usize = 32768;

/// A literal byte, or a match of a length and a distance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Token {
    /// 0 for a literal.
    length: u16,
    /// The byte, or the distance less one.
    value: u16,
}

impl Token {
    pub(super) const fn literal(byte: u8) -> Self {
        Self { length: 0, value: byte as u16 }
    }

    pub(super) const fn repeat(length: usize, distance: usize) -> Self {
        Self { length: length as u16, value: (distance - 1) as u16 }
    }

    pub(super) fn literal_byte(self) -> Option<u8> {
        (self.length == 0).then_some(self.value as u8)
    }

    /// Length of a match, 0 for a literal.
    pub(super) fn length(self) -> usize {
        usize::from(self.length)
    }

    /// Distance of a match.
    pub(super) fn distance(self) -> usize {
        usize::from(self.value) + 1
    }
}

/// Symbol less 257 of each match length.
const LENGTH_SYMBOLS: [u8; MAX_MATCH + 1] = {
    let mut table = [0; MAX_MATCH + 1];
    let mut length = MIN_MATCH;
    while length < MAX_MATCH {
        let above = (length - MIN_MATCH) as u32;
        table[length] = if above < 8 {
            above as u8
        } else {
            let extra = above.ilog2() - 2;
            (4 * extra + (above >> extra)) as u8
        };
        length += 1;
    }
    table[MAX_MATCH] = 28;
    table
};

/// The literal/length symbol of a match length.
pub(super) fn length_symbol(length: usize) -> usize {
    257 + usize::from(LENGTH_SYMBOLS[length])
}

/// How many bits follow a literal/length symbol.
pub(super) fn length_extra_bits(symbol: usize) -> u32 {
    match symbol {
        0..265 | 285.. => 0,
        _ => (symbol as u32 - 261) / 4,
    }
}

/// The distance symbol of a distance.
pub(super) fn distance_symbol(distance: usize) -> usize {
    let above = distance - 1;
    if above < 4 {
        return above;
    }
    let extra = above.ilog2() as usize - 1;
    2 * extra + (above >> extra)
}

/// How many bits follow a distance symbol.
pub(super) fn distance_extra_bits(symbol: usize) -> u32 {
    (symbol as u32 / 2).saturating_sub(1)
}

/// How often each symbol occurs.
#[derive(Clone, Debug)]
pub(super) struct Histogram {
    pub(super) literals: [u32; LITERALS],
    pub(super) distances: [u32; DISTANCES],
}

impl Histogram {
    /// Of a block of these tokens and its end; literals stand for what `value` says.
    pub(super) fn new(tokens: &[Token], value: impl Fn(u8) -> u8) -> Self {
        let mut counts = Self { literals: [0; LITERALS], distances: [0; DISTANCES] };
        counts.literals[END_OF_BLOCK] = 1;
        for token in tokens {
            if let Some(literal) = token.literal_byte() {
                counts.literals[usize::from(value(literal))] += 1;
            } else {
                counts.literals[length_symbol(token.length())] += 1;
                counts.distances[distance_symbol(token.distance())] += 1;
            }
        }
        counts
    }

    /// Bits that follow the symbols whatever their codes are.
    pub(super) fn extra_bits(&self) -> u64 {
        let lengths = self.literals.iter().enumerate().skip(265);
        let lengths: u64 =
            lengths.map(|(symbol, &n)| u64::from(n) * u64::from(length_extra_bits(symbol))).sum();
        let distances = self.distances.iter().enumerate();
        lengths
            + distances.map(|(symbol, &n)| u64::from(n) * u64::from(distance_extra_bits(symbol))).sum::<u64>()
    }
}
