//! What a symbol's context is made of: small numbers that both sides know before it.

/// How many features a context has, at most; each is below 16.
pub(super) const FEATURES: usize = 11;

/// How many of them an event's context owes to the edge above.
pub(super) const PART: usize = FEATURES - 3;

/// The features of one symbol.
pub(super) type Features = [u8; FEATURES];

/// Moves of an edge, as its history keeps them: -6 to 6 as 0 to 12.
pub(super) const STILL: u8 = 6;
/// The history of an edge that was not there, and of the place behind the last.
pub(super) const NEW: u8 = 13;
/// The slope of a neighbour that is not there.
pub(super) const NONE: u8 = 14;

/// What came before the first event of a row; else it is a symbol.
pub(super) const AT_START: u8 = 15;

/// Lengths from here on are of one class.
pub(super) const LONG: usize = 40;

/// A length as one of 13 classes, exact up to 6.
#[inline]
pub(super) fn class(length: u32) -> u8 {
    const CLASSES: [u8; LONG + 1] = {
        let mut classes = [12; LONG + 1];
        let mut length = 0;
        while length < LONG {
            classes[length] = match length {
                0..=6 => length as u8,
                7..=8 => 7,
                9..=11 => 8,
                12..=15 => 9,
                16..=23 => 10,
                _ => 11,
            };
            length += 1;
        }
        classes
    };
    CLASSES[(length as usize).min(LONG)]
}

/// A place as one of 16 zones of equal size.
pub(super) fn zone(place: usize, size: usize) -> u8 {
    (place * 16 / size).min(15) as u8
}

/// A number no larger than 15.
pub(super) fn capped(number: usize) -> u8 {
    number.min(15) as u8
}

/// Numbers as symbols: the first of the values a symbol stands for, and how many bits tell which.
pub(super) struct Buckets([(u32, u32); 16]);

/// Rows that are the same as the one above.
#[rustfmt::skip]
pub(super) const ROWS: Buckets = Buckets([
    (0, 0), (1, 0), (2, 0), (3, 0), (4, 0), (5, 0), (6, 0), (7, 0),
    (8, 0), (9, 0), (10, 1), (12, 2), (16, 3), (24, 4), (40, 5), (72, WHOLE),
]);

/// Pixels before a new run, and in it.
#[rustfmt::skip]
pub(super) const RUNS: Buckets = Buckets([
    (0, 0), (1, 0), (2, 0), (3, 0), (4, 0), (5, 0), (6, 0), (7, 0),
    (8, 1), (10, 1), (12, 2), (16, 3), (24, 3), (32, 4), (48, 5), (80, WHOLE),
]);

/// As many bits as the image's height or width has.
const WHOLE: u32 = u32::MAX;

impl Buckets {
    /// The symbol of a number.
    pub(super) fn symbol(&self, number: usize) -> u8 {
        self.0.partition_point(|&(first, _)| first as usize <= number) as u8 - 1
    }

    /// The first number that a symbol stands for, and the bits that follow it where `size` is the largest.
    pub(super) fn bucket(&self, symbol: u8, size: usize) -> (usize, u32) {
        let (first, bits) = self.0[usize::from(symbol)];
        (first as usize, if bits == WHOLE { usize::BITS - size.leading_zeros() } else { bits })
    }
}
