//! What a coder knows of the pixels of images of a kind.

use super::scan::Scanner;
use super::template::{FEATURES, Feature, LEFT, TEMPLATE};
use crate::codec::model::Sample;
use crate::codec::table::Table;
use crate::codec::tree::{Alphabet, Observations};

const PIXEL: Alphabet = Alphabet {
    symbols: 2,
    features: FEATURES,
    bits: 1,
    split: LEFT,
    distributions: 4096,
    combinations: [1 << 5, 1 << 15],
};
const SAME: Alphabet =
    Alphabet { symbols: 2, features: 2, bits: 1, split: 1, distributions: 4, combinations: [2, 2] };

/// What a coder knows of images of a kind.
#[derive(Clone, Debug)]
pub(in crate::codec) struct Model {
    /// Whether a pixel is set.
    pixels: Table<FEATURES, u16>,
    /// Whether a row is the same as the one above.
    same: Table<2>,
    /// Whether a row ever is.
    compares_rows: bool,
    /// What the eight pixels to the left, the nearest in the lowest bit, add to the number of a context.
    left: Vec<u32>,
    /// The other features that contexts depend on.
    others: Vec<(Feature, u16)>,
}

impl Model {
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

    /// The bytes of a model of images like these, learned from about so many pixels; whether rows are compared with those
    /// above them, which costs a symbol for each.
    pub(in crate::codec) fn train(sample: &Sample<'_>, most: usize, compares_rows: bool) -> Vec<u8> {
        let (mut pixels, mut same) = (Observations::default(), Observations::default());
        let mut scanner = Scanner::default();
        for &image in sample.images {
            scanner.observe(image, compares_rows, most, &mut pixels, &mut same);
            if pixels.len() > most {
                break;
            }
        }
        let mut model = Vec::new();
        PIXEL.learn::<FEATURES>(pixels, sample.part(), &mut model);
        SAME.learn::<2>(same, sample.part(), &mut model);
        model
    }

    pub(super) fn pixels(&self) -> &Table<FEATURES, u16> {
        &self.pixels
    }

    pub(super) fn compares_rows(&self) -> bool {
        self.compares_rows
    }

    pub(super) fn same(&self) -> &Table<2> {
        &self.same
    }

    pub(super) fn left(&self, pixels: u8) -> u32 {
        self.left[usize::from(pixels)]
    }

    pub(super) fn others(&self) -> &[(Feature, u16)] {
        &self.others
    }
}
