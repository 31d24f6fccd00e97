//! The model of the codec `pixel`.

use std::num::NonZero;

use super::shares::{Chance, Steps, Trust};
use super::template::{FEATURES, Feature, LEFT, TEMPLATE};
use super::tree::{Features, MOST_LEAVES, MOST_LEFT, Tree};
use crate::codec::range_coder::TOTAL;

/// The features of pixels: first the pixels to the left, which change with each pixel, then the others, which are known for
/// a whole row.
pub(super) const PIXEL: Features = Features { count: FEATURES, leaves: MOST_LEAVES };

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
    /// The entries for each combination of the other features, the first of which is the highest bit.
    lines: Vec<Line>,
    /// How shares adapt to an image; without it they stay.
    adaptation: Option<Adaptation>,
    /// The share of 0, a row that differs from the one above, for each combination of the features of typical prediction.
    differs: Vec<u16>,
}

/// The entry for each combination of the pixels to the left, one line of the cache: the share of 0, or the number of the leaf if
/// shares adapt.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Line([u16; 1 << MOST_LEFT]);

/// How shares adapt to an image: where those of the leaves start, and how far they move.
#[derive(Clone, Debug)]
pub(super) struct Adaptation {
    pub(super) initial: Vec<Chance>,
    pub(super) steps: Steps,
}

impl PixelModel {
    /// Reads a model, or says what is wrong with it.
    pub(in crate::codec) fn read(rest: &mut &[u8]) -> Result<Self, &'static str> {
        let tree = Tree::read(PIXEL, rest)?;
        let differs = Tree::read(SAME, rest)?.shares(&[0, 1]);
        let trust = match rest.split_off_first() {
            Some(&quarters) => {
                Some(Trust(NonZero::new(quarters).ok_or("expected a trust of 1 or more, found 0")?))
            }
            None => None,
        };
        // Those that are tested, and as many of the others as there is room for.
        let mut left: Vec<usize> = (0..LEFT).collect();
        left.sort_by_key(|&feature| !tree.tests(feature));
        left.truncate(MOST_LEFT);
        let others: Vec<usize> = (LEFT..FEATURES).filter(|&feature| tree.tests(feature)).collect();
        let features: Vec<usize> = left.iter().chain(others.iter().rev()).copied().collect();
        let entries = if trust.is_some() { tree.numbers(&features) } else { tree.shares(&features) };
        let mut model = Self {
            above: Vec::new(),
            position: Vec::new(),
            left: std::array::from_fn(|pixels| {
                (0..MOST_LEFT).map(|bit| ((pixels >> left[bit] & 1) << bit) as u8).sum()
            }),
            lines: entries.as_chunks().0.iter().map(|&entries| Line(entries)).collect(),
            adaptation: trust.map(|trust| Adaptation {
                initial: tree.leaf_shares().map(Chance::new).collect(),
                steps: Steps::new(trust),
            }),
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

    /// Returns the entry for the context of these eight pixels to the left and this combination of other features.
    #[inline]
    pub(super) fn entry(&self, others: u16, left: u8) -> u16 {
        let left = usize::from(self.left[usize::from(left)]);
        self.lines[usize::from(others)].0[left % (1 << MOST_LEFT)]
    }

    /// Returns how shares adapt to an image, if they do.
    pub(super) fn adaptation(&self) -> Option<&Adaptation> {
        self.adaptation.as_ref()
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
