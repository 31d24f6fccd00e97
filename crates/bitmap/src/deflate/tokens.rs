//! Literals and matches, and the symbols that stand for them (RFC 1951, 3.2.5).

/// The number of literal/length symbols that can occur in a block of pixels, in the order of the format's alphabet: two
/// literals, the end of the block, and the lengths of matches.
pub(super) const LITERAL_LENGTH_SYMBOLS: usize = FIRST_LENGTH + 29;
/// The symbol that ends a block.
pub(super) const END_OF_BLOCK: usize = 2;
/// The symbol of the shortest length.
pub(super) const FIRST_LENGTH: usize = 3;
/// The number of symbols of the distance alphabet.
pub(super) const DISTANCE_SYMBOLS: usize = 30;
/// The shortest match.
pub(super) const MIN_MATCH: usize = 3;
/// The longest match.
pub(super) const MAX_MATCH: usize = 258;
/// The largest distance of a match.
pub(super) const MAX_DISTANCE: usize = 32768;

/// A literal, or a match with its length and its distance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Token {
    /// 0 for a literal.
    length: u16,
    /// The value of a literal (a bit, or a byte of a prefix), or the distance of a match less one.
    value: u16,
}

impl Token {
    /// Creates a literal.
    pub(super) const fn literal(value: u8) -> Self {
        Self { length: 0, value: value as u16 }
    }

    /// Creates a match.
    pub(super) const fn repeat(length: usize, distance: usize) -> Self {
        Self { length: length as u16, value: (distance - 1) as u16 }
    }

    /// Returns the value of a literal; `None` for a match.
    pub(super) fn as_literal(self) -> Option<u8> {
        (self.length == 0).then_some(self.value as u8)
    }

    /// Returns the length of a match; 0 for a literal.
    pub(super) fn length(self) -> usize {
        usize::from(self.length)
    }

    /// Returns the distance of a match.
    pub(super) fn distance(self) -> usize {
        usize::from(self.value) + 1
    }
}

/// The symbol of each match length, counted from [`FIRST_LENGTH`].
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

/// Returns the symbol of a match length.
pub(super) fn length_symbol(length: usize) -> usize {
    FIRST_LENGTH + usize::from(LENGTH_SYMBOLS[length])
}

/// Returns the number of extra bits of a length symbol.
pub(super) fn length_extra_bits(symbol: usize) -> u32 {
    match symbol - FIRST_LENGTH {
        0..8 | 28 => 0,
        above => above as u32 / 4 - 1,
    }
}

/// Returns the symbol of a distance.
pub(super) fn distance_symbol(distance: usize) -> usize {
    let above = distance - 1;
    if above < 4 {
        return above;
    }
    let extra = above.ilog2() as usize - 1;
    2 * extra + (above >> extra)
}

/// Returns the number of extra bits of a distance symbol.
pub(super) fn distance_extra_bits(symbol: usize) -> u32 {
    (symbol as u32 / 2).saturating_sub(1)
}

/// The number of times that each symbol occurs.
#[derive(Clone, Debug)]
pub(super) struct Histogram {
    pub(super) symbols: [u32; LITERAL_LENGTH_SYMBOLS],
    pub(super) distances: [u32; DISTANCE_SYMBOLS],
}

impl Histogram {
    /// Counts the symbols of a block of these tokens, whose literals are bits, and of its end.
    pub(super) fn new(tokens: &[Token]) -> Self {
        let mut counts = Self { symbols: [0; LITERAL_LENGTH_SYMBOLS], distances: [0; DISTANCE_SYMBOLS] };
        counts.symbols[END_OF_BLOCK] = 1;
        for token in tokens {
            if let Some(bit) = token.as_literal() {
                counts.symbols[usize::from(bit)] += 1;
            } else {
                counts.symbols[length_symbol(token.length())] += 1;
                counts.distances[distance_symbol(token.distance())] += 1;
            }
        }
        counts
    }

    /// Returns the number of extra bits of all symbols.
    pub(super) fn extra_bits(&self) -> u32 {
        let lengths = self.symbols.iter().enumerate().skip(FIRST_LENGTH);
        let distances = self.distances.iter().enumerate();
        lengths.map(|(symbol, &count)| count * length_extra_bits(symbol)).sum::<u32>()
            + distances.map(|(symbol, &count)| count * distance_extra_bits(symbol)).sum::<u32>()
    }
}
