//! The model of the codec `pixel`.

use super::template::{FEATURES, Feature, LEFT, TEMPLATE};
use super::tree::{Features, MOST_LEFT, Tree};
use crate::codec::range_coder::TOTAL;

/// The features of pixels: first the pixels to the left, which change with each pixel, then the others, which are known for
/// a whole row.
pub(super) const PIXEL: Features = Features { count: FEATURES, leaves: 4096 };

/// The bits of the numbers of eight columns, one byte each.
const COLUMN_BITS: [u64; 3] = [0x0100_0100_0100_0100, 0x0101_0000_0101_0000, 0x0101_0101_0000_0000];

/// The features of typical prediction, whether a row is the same as the one above: whether the last row was, and whether
/// the last one that was not is blank.
pub(super) const SAME: Features = Features { count: 2, leaves: 4 };

/// How likely each pixel is 0 in each context.
#[derive(Clone, Debug)]
pub(in crate::codec) struct PixelModel {
    /// The pixels above that contexts depend on, as rows up and columns to the right.
    above: Vec<(u8, i8)>,
    /// The bits of the position that contexts depend on.
    position: Vec<Feature>,
    /// The combination of the pixels to the left, for each value of all eight of them, the nearest in the lowest bit.
    left: [u8; 256],
    /// The shares of 0 for each combination of the other features, the first of which is the highest bit.
    shares: Vec<Shares>,
    /// The share of 0, a row that differs from the one above, for each combination of the features of typical prediction.
    differs: Vec<u16>,
}

/// The share of 0 for each combination of the pixels to the left: one line of the cache.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Shares([u16; 1 << MOST_LEFT]);

impl PixelModel {
    /// Reads a model, or says what is wrong with it.
    pub(in crate::codec) fn read(rest: &mut &[u8]) -> Result<Self, &'static str> {
        let tree = Tree::read(PIXEL, rest)?;
        let differs = Tree::read(SAME, rest)?.shares(&[0, 1]);
        // Those that are tested, and as many of the others as there is room for.
        let mut left: Vec<usize> = (0..LEFT).collect();
        left.sort_by_key(|&feature| !tree.tests(feature));
        left.truncate(MOST_LEFT);
        let others: Vec<usize> = (LEFT..FEATURES).filter(|&feature| tree.tests(feature)).collect();
        let features: Vec<usize> = left.iter().chain(others.iter().rev()).copied().collect();
        let shares = tree.shares(&features);
        let mut model = Self {
            above: Vec::new(),
            position: Vec::new(),
            left: std::array::from_fn(|pixels| {
                (0..MOST_LEFT).map(|bit| ((pixels >> left[bit] & 1) << bit) as u8).sum()
            }),
            shares: shares.as_chunks().0.iter().map(|&shares| Shares(shares)).collect(),
            differs,
        };
        for feature in others {
            match TEMPLATE[feature] {
                Feature::Above(up, right) => model.above.push((up, right)),
                feature => model.position.push(feature),
            }
        }
        Ok(model)
    }

    /// Returns whether an encoder compares rows with those above.
    pub(super) fn compares_rows(&self) -> bool {
        self.differs.iter().any(|&share| share < TOTAL - 1)
    }

    /// Returns the share of 0, a row that differs from the one above.
    pub(super) fn differs(&self, was_same: bool, is_blank: bool) -> u16 {
        self.differs[usize::from(was_same) | usize::from(is_blank) << 1]
    }

    /// Returns the share of 0 in the context of these eight pixels to the left and this combination of other features.
    #[inline]
    pub(super) fn share(&self, others: u16, left: u8) -> u16 {
        let left = usize::from(self.left[usize::from(left)]);
        self.shares[usize::from(others)].0[left % (1 << MOST_LEFT)]
    }

    /// Returns the pixels above that contexts depend on, as rows up and columns to the right: those in the high byte of a
    /// combination, and those in the low byte.
    pub(super) fn above(&self) -> [&[(u8, i8)]; 2] {
        let (high, low) =
            self.above.split_at((self.above.len() + self.position.len()).saturating_sub(u8::BITS as usize));
        [high, low]
    }

    /// Returns what the position adds to combinations of eight pixels of this row, one byte each, and the number of its bits.
    pub(super) fn position(&self, row: usize) -> (u64, usize) {
        let bits = self.position.iter().map(|&feature| match feature {
            Feature::Column(bit) => COLUMN_BITS[usize::from(bit)],
            Feature::Row(bit) if row >> bit & 1 == 1 => u64::from_le_bytes([1; 8]),
            _ => 0,
        });
        (bits.fold(0, |position, bits| position << 1 | bits), self.position.len())
    }
}
