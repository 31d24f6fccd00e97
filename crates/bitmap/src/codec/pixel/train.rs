//! Training a model of pixels.

use super::learn::learn;
use super::model::{PIXEL, SAME};
use super::observations::{Observations, feature_bit};
use super::template::{Feature, TEMPLATE};
use super::window::Window;
use crate::codec::sample::Sample;
use crate::kernels::unpack_rows;
use crate::view::BitmapView;

/// Whether a bit for each row tells if it is the same as the one above (ITU-T T.88, 6.2.5.7, TPGDON).
///
/// The bit costs a little in every row, and saves all pixels of those that are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::codec) enum TypicalPrediction {
    On,
    Off,
}

/// How images are coded, which training does not find out by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::codec) struct Style {
    pub(in crate::codec) prediction: TypicalPrediction,
    /// Whether shares adapt to each image.
    pub(in crate::codec) is_adaptive: bool,
}

/// Trains a model on about `max_pixels` pixels of a sample and returns its bytes.
pub(in crate::codec) fn train(sample: &Sample<'_>, max_pixels: usize, style: Style) -> Vec<u8> {
    let mut trainer = Trainer::default();
    for (number, &image) in sample.images.iter().enumerate() {
        trainer.observe(if style.is_adaptive { number } else { 0 }, image, style.prediction, max_pixels);
        if trainer.pixels.len() > max_pixels {
            break;
        }
    }
    let mut model = Vec::new();
    let trust = learn(PIXEL, style.is_adaptive, trainer.pixels, sample.part(), &mut model);
    learn(SAME, false, trainer.same, sample.part(), &mut model);
    model.extend(trust.map(|trust| trust.0.get()));
    model
}

/// Collects the bits of a sample.
#[derive(Default)]
struct Trainer {
    window: Window,
    /// The pixels of a row with their features.
    row: Vec<u64>,
    pixels: Observations,
    same: Observations,
}

impl Trainer {
    /// Adds the bits of an image, up to the row in which there are more than `max_pixels`.
    fn observe(
        &mut self,
        number: usize,
        image: BitmapView<'_>,
        prediction: TypicalPrediction,
        max_pixels: usize,
    ) {
        let width = image.width();
        self.window.start(width);
        let (mut was_same, mut is_blank) = (false, true);
        for (row, packed) in image.rows().enumerate() {
            self.window.next_row();
            unpack_rows(packed, width, 0_u8, 1, self.window.row_mut());
            let is_same = prediction == TypicalPrediction::On && self.window.row(0) == self.window.row(1);
            let same = [(0, was_same), (1, is_blank)]
                .map(|(feature, value)| u64::from(value) * feature_bit(feature));
            self.same.add(0, [same[0] | same[1] | u64::from(is_same)]);
            was_same = is_same;
            if is_same {
                continue;
            }
            if self.pixels.len() > max_pixels {
                break;
            }
            self.find_features(row);
            self.pixels.add(number, self.row.iter().copied());
            is_blank = self.window.row(0).iter().all(|&pixel| pixel == 0);
        }
    }

    /// Finds the features of all pixels of a row, one feature after the other.
    fn find_features(&mut self, row: usize) {
        let Self { window, row: bits, .. } = self;
        bits.clear();
        bits.extend(window.row(0).iter().copied().map(u64::from));
        for (number, feature) in TEMPLATE.into_iter().enumerate() {
            let feature_bit = feature_bit(number);
            let (up, right) = match feature {
                Feature::Left(left) => (0, -left.cast_signed()),
                Feature::Above(up, right) => (up, right),
                Feature::Column(bit) => {
                    let columns = bits.iter_mut().enumerate();
                    columns.for_each(|(column, bits)| *bits |= (column as u64 >> bit & 1) * feature_bit);
                    continue;
                }
                Feature::Row(bit) => {
                    let value = (row as u64 >> bit & 1) * feature_bit;
                    bits.iter_mut().for_each(|bits| *bits |= value);
                    continue;
                }
            };
            let pixels = window.pixels_from(up, right);
            bits.iter_mut().zip(pixels).for_each(|(bits, &pixel)| *bits |= u64::from(pixel) * feature_bit);
        }
    }
}
