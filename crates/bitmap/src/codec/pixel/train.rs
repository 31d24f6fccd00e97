//! Training a model of pixels.

use super::learn::learn;
use super::model::{PIXEL, SAME};
use super::observations::Observations;
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
        let (mut was_same, mut is_blank) = (0, 1);
        for (row, packed) in image.rows().enumerate() {
            self.window.next_row();
            unpack_rows(packed, width, 0_u8, 1, self.window.row_mut());
            let is_same = prediction == TypicalPrediction::On && self.window.row(0) == self.window.row(1);
            self.same.add(0, &[was_same, is_blank], u8::from(is_same));
            was_same = u8::from(is_same);
            if is_same {
                continue;
            }
            if self.pixels.len() > max_pixels {
                break;
            }
            for (column, &pixel) in self.window.row(0).iter().enumerate() {
                let features = TEMPLATE.map(|feature| feature_at(&self.window, feature, row, column));
                self.pixels.add(number, &features, pixel);
            }
            is_blank = u8::from(self.window.row(0).iter().all(|&pixel| pixel == 0));
        }
    }
}

fn feature_at(window: &Window, feature: Feature, row: usize, column: usize) -> u8 {
    match feature {
        Feature::Left(left) => window.pixels_from(0, -left.cast_signed())[column],
        Feature::Above(up, right) => window.pixels_from(up, right)[column],
        Feature::Column(bit) => (column >> bit & 1) as u8,
        Feature::Row(bit) => (row >> bit & 1) as u8,
    }
}
