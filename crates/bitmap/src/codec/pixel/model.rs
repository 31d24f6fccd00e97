//! The model of the codec `pixel`.

use super::template::{FEATURES, Feature, LEFT, TEMPLATE};
use crate::codec::entropy::{Alphabet, Table};

/// The alphabet of pixels: the first half of the features is the pixels to the left, which change with each pixel, and the
/// second half the others, which are known for a whole row.
pub(super) const PIXEL: Alphabet = Alphabet {
    symbols: 2,
    features: FEATURES,
    bits: 1,
    split: LEFT,
    distributions: 4096,
    combinations: [1 << 5, 1 << 15],
};

/// The alphabet of typical prediction: whether a row is the same as the one above. The features are whether the last row
/// was, and whether it is blank.
pub(super) const SAME: Alphabet =
    Alphabet { symbols: 2, features: 2, bits: 1, split: 1, distributions: 4, combinations: [2, 2] };

/// How likely each pixel is in each context.
#[derive(Clone, Debug)]
pub(in crate::codec) struct PixelModel {
    pixels: Table<FEATURES, u16>,
    /// Whether a row is the same as the one above.
    same: Table<2>,
    /// Whether the model expects such rows at all.
    compares_rows: bool,
    /// What the eight pixels to the left, the nearest in the lowest bit, add to the number of a context.
    left: Vec<u32>,
    /// The other features that contexts depend on, with their steps.
    others: Vec<(Feature, u16)>,
}

impl PixelModel {
    /// Reads a model, or says what is wrong with it.
    pub(in crate::codec) fn read(rest: &mut &[u8]) -> Result<Self, &'static str> {
        let pixels: Table<FEATURES, u16> = PIXEL.read(rest)?;
        let mut left = vec![0_u16; 256];
        let mut others = Vec::new();
        for (number, &feature) in TEMPLATE.iter().enumerate() {
            match (feature, pixels.step(number, 1)) {
                (_, 0) => {}
                (Feature::Left(columns), step) => {
                    let is_set = |&(pixels, _): &(usize, _)| pixels >> (columns - 1) & 1 == 1;
                    left.iter_mut().enumerate().filter(is_set).for_each(|(_, context)| *context += step);
                }
                (feature, step) => others.push((feature, step)),
            }
        }
        let left = left.into_iter().map(|combination| pixels.first(combination)).collect();
        let same: Table<2> = SAME.read(rest)?;
        let contexts = [[0, 0], [0, 1], [1, 0], [1, 1]].map(|features| same.context(&features));
        let compares_rows = contexts.iter().any(|&context| same.distribution(context).share(1).size > 1);
        Ok(Self { pixels, same, compares_rows, left, others })
    }

    /// Returns the contexts of pixels.
    pub(super) fn pixels(&self) -> &Table<FEATURES, u16> {
        &self.pixels
    }

    /// Returns whether an encoder compares rows with those above.
    pub(super) fn compares_rows(&self) -> bool {
        self.compares_rows
    }

    /// Returns the contexts of typical prediction.
    pub(super) fn same(&self) -> &Table<2> {
        &self.same
    }

    /// Returns what the pixels to the left add to the number of a context.
    pub(super) fn left(&self, pixels: u8) -> u32 {
        self.left[usize::from(pixels)]
    }

    /// Returns the features that contexts depend on besides the pixels to the left, with their steps.
    pub(super) fn others(&self) -> &[(Feature, u16)] {
        &self.others
    }
}
