//! Training models, and choosing the codec that makes images smallest.

use std::num::NonZero;

use super::effort::Effort;
use super::encoder::Encoder;
use super::kind::Codec;
use super::model::{Model, ModelTables, SHIPPED_NAME};
use super::pixel::{Style, TypicalPrediction};
use super::sample::Sample;
use super::{contour, pixel, zstd};
use crate::parallel::{both, less_one};

/// The number of pixels that a `pixel` model is trained on, which bounds the time of training.
const TRAINING_PIXELS: usize = 1 << 20;

/// The number of pixels that a trial model is trained on; it only shows whether training on all pixels is worth while.
const TRIAL_TRAINING_PIXELS: usize = 1 << 16;

/// How much larger a trial model makes images than a full one, at most.
const MAX_TRIAL_EXCESS: f64 = 1.6;

/// How much larger the shipped model makes images than one of their own, at most.
const MAX_SHIPPED_EXCESS: f64 = 2.0;

/// How much larger images of another codec must be for `pixel` to be chosen: it takes two to eight times as long to decode. `zstd`
/// takes less, but much longer to encode.
const PIXEL_HANDICAP: f64 = 1.1;

/// How much larger images of `pixel` must be with shares that stay for those that adapt to be chosen: they take 1.3 to 1.9 times
/// as long to decode.
const ADAPTIVE_HANDICAP: f64 = 1.05;

/// `zstd` is tried where the others leave more than one byte in so many of packed rows: it finds rows that come again anywhere.
const ZSTD_TRIED_FROM: f64 = 3.0;

/// The trusts that show whether shares that adapt would help.
const ADAPTIVE_TRUSTS: [u8; 2] = [4, 64];

impl Model {
    /// Trains a model on a sample. The same images give the same model.
    #[must_use]
    pub fn train(codec: Codec, sample: Sample<'_>) -> Self {
        let bytes = match codec {
            Codec::Contour => contour::Model::train(&sample),
            Codec::Pixel => {
                return Self::train_pixel(
                    sample,
                    TRAINING_PIXELS,
                    Self::try_pixel(sample, Effort::Balanced).1,
                );
            }
            Codec::Zstd => zstd::train(&sample),
            Codec::Raw => Vec::new(),
        };
        Self::from_bytes(codec, &bytes).expect("a trained model can be read")
    }

    /// Returns the model of this codec with which all images and the model itself are smallest: for `contour` the shipped one,
    /// a change of that, or one of its own. Without a codec chooses one too; `zstd` only where a third of the packed rows or more
    /// is left by the others.
    ///
    /// Sizes are estimated from the sample. Unless the effort is [`Smallest`](Effort::Smallest), `pixel` is only chosen if
    /// `contour` and `raw` are 10 % larger, because it takes two to eight times as long to decode; so is `zstd`, which takes long to
    /// encode. The model does not depend on the number of threads.
    ///
    /// ```
    /// use std::num::NonZero;
    ///
    /// use bitnpz_bitmap::codec::{Codec, Effort, Model, Sample};
    /// use bitnpz_bitmap::Bitmap;
    ///
    /// let image = Bitmap::from_packed(2, 8, vec![0b0011_1000, 0b0111_1100])?;
    /// let sample = Sample { images: &[image.view(); 20], total: 20 };
    /// let model = Model::choose(None, sample, Effort::Balanced, NonZero::<usize>::MIN);
    /// assert_eq!(model.codec(), Codec::Raw, "packed rows of two bytes");
    /// # Ok::<(), bitnpz_bitmap::Error>(())
    /// ```
    #[must_use]
    pub fn choose(codec: Option<Codec>, sample: Sample<'_>, effort: Effort, threads: NonZero<usize>) -> Self {
        match codec {
            Some(Codec::Contour) => Self::choose_contour(sample, threads),
            Some(codec) => Self::train(codec, sample),
            None => Self::choose_codec(sample, effort, threads),
        }
    }

    fn choose_codec(sample: Sample<'_>, effort: Effort, threads: NonZero<usize>) -> Self {
        // A trial on few images shows which codec cannot win, so that no time is spent on its training.
        let trial = |model: &Self| model.cost(sample.trial(), Effort::Balanced);
        let raw = Self::train(Codec::Raw, sample);
        let (pixel, style) = Self::try_pixel(sample, effort);
        let (pixel_cost, contour_cost) = (trial(&pixel), trial(Self::shipped_contour()));
        let is_pixel_near = pixel_cost < MAX_TRIAL_EXCESS * contour_cost.min(trial(&raw)).max(1.0);
        // Images of which the shipped model knows nothing, such as halftones, may still suit one of their own.
        let own_contour_cost = || trial(&Self::train(Codec::Contour, sample.trial()));
        let is_contour_near = contour_cost < MAX_SHIPPED_EXCESS * pixel_cost
            || own_contour_cost() < MAX_TRIAL_EXCESS * pixel_cost;
        let train_pixel = || {
            let model = Self::train_pixel(sample, TRAINING_PIXELS, style);
            if effort != Effort::Smallest || !style.is_adaptive {
                return model;
            }
            // On all pixels, shares that stay may gain more than on those of the trial.
            let fixed = Self::train_pixel(sample, TRAINING_PIXELS, Style { is_adaptive: false, ..style });
            let cost = |model: &Self| model.cost(sample.decider(), effort);
            if cost(&fixed) <= cost(&model) { fixed } else { model }
        };
        let (pixel, contour) = match (is_pixel_near, is_contour_near) {
            (true, true) => {
                let choose_contour = || Self::choose_contour(sample, less_one(threads));
                let (pixel, contour) = both(threads, train_pixel, choose_contour);
                (Some(pixel), Some(contour))
            }
            (is_pixel, is_contour) => {
                (is_pixel.then(train_pixel), is_contour.then(|| Self::choose_contour(sample, threads)))
            }
        };
        let handicap = if effort == Effort::Smallest { 1.0 } else { PIXEL_HANDICAP };
        let cost = |model: &Self| {
            let cost = model.cost(sample.decider(), effort);
            if matches!(model.codec(), Codec::Pixel | Codec::Zstd) { handicap * cost } else { cost }
        };
        let models = [Some(raw), contour, pixel].into_iter().flatten();
        let mut costs: Vec<_> = models.map(|model| (cost(&model), model)).collect();
        let least = costs.iter().map(|(cost, _)| *cost).fold(f64::INFINITY, f64::min);
        costs.extend(Self::try_zstd(sample, least, costs[0].0).map(|model| (cost(&model), model)));
        costs.into_iter().min_by(|(a, _), (b, _)| a.total_cmp(b)).expect("there is one at least").1
    }

    /// Returns a model of `zstd`, if it may make all images smaller than to so many bytes, where packed rows take `raw`.
    fn try_zstd(sample: Sample<'_>, least: f64, raw: f64) -> Option<Self> {
        let trial = Sample { total: sample.trial().images.len(), ..sample.trial() };
        let scale = sample.total as f64 / trial.total.max(1) as f64;
        let may_win = || scale * Self::train(Codec::Zstd, trial).cost(trial, Effort::Balanced) < least;
        (ZSTD_TRIED_FROM * least > raw && may_win()).then(|| Self::train(Codec::Zstd, sample))
    }

    /// Returns the model of `contour` with which all images and the model itself are smallest.
    fn choose_contour(sample: Sample<'_>, threads: NonZero<usize>) -> Self {
        let shipped = Self::shipped_contour();
        let ModelTables::Contour(model) = &shipped.tables else { unreachable!("it is of this codec") };
        match model.choose(&sample, threads) {
            contour::Choice::Own(bytes) => Self::from_bytes(Codec::Contour, &bytes),
            contour::Choice::Changes(bytes) => shipped.with_changes(&bytes),
        }
        .expect("a trained model can be read")
    }

    fn shipped_contour() -> &'static Self {
        Self::shipped(SHIPPED_NAME).expect("this model ships with the library")
    }

    /// Trains a `pixel` model on about `max_pixels` pixels.
    fn train_pixel(sample: Sample<'_>, max_pixels: usize, style: Style) -> Self {
        let bytes = pixel::train(&sample, max_pixels, style);
        Self::from_bytes(Codec::Pixel, &bytes).expect("a trained model can be read")
    }

    /// Trains a `pixel` model on few pixels; returns it, and the style with which images are smallest.
    fn try_pixel(sample: Sample<'_>, effort: Effort) -> (Self, Style) {
        let cost = |model: &Self| model.cost(sample.trial(), Effort::Balanced);
        let attempt = |style| {
            let model = Self::train_pixel(sample, TRIAL_TRAINING_PIXELS, style);
            (cost(&model), model, style)
        };
        let fixed = [TypicalPrediction::On, TypicalPrediction::Off]
            .map(|prediction| attempt(Style { prediction, is_adaptive: false }));
        let fixed = fixed.into_iter().min_by(|(a, ..), (b, ..)| a.total_cmp(b)).expect("there are two");
        // Shares that adapt need other contexts, and are learnt more slowly. They are tried where they would help in these.
        let would_help = ADAPTIVE_TRUSTS.iter().any(|&trust| {
            let bytes = [fixed.1.as_bytes(), &[trust]].concat();
            cost(&Self::from_bytes(Codec::Pixel, &bytes).expect("this byte is a trust")) < fixed.0
        });
        let adaptive = would_help.then(|| attempt(Style { is_adaptive: true, ..fixed.2 }));
        let handicap = if effort == Effort::Smallest { 1.0 } else { ADAPTIVE_HANDICAP };
        let (_, model, style) = adaptive.filter(|(cost, ..)| handicap * cost < fixed.0).unwrap_or(fixed);
        (model, style)
    }

    /// Returns whether the model makes images as small as the shipped model and `pixel` on trial do, by a few of the sample. A
    /// model that was trained on other images mostly does not.
    #[must_use]
    pub fn fits(&self, sample: Sample<'_>) -> bool {
        let cost = |model: &Self| model.payload_cost(sample.trial(), Effort::Balanced);
        let own = cost(self);
        own <= cost(Self::shipped_contour())
            && own <= PIXEL_HANDICAP * cost(&Self::try_pixel(sample, Effort::Balanced).0)
    }

    /// Returns whether so many images take fewer bytes with another model, that model included, than with this one, which is there.
    #[must_use]
    pub fn is_worse_than(&self, other: &Self, sample: Sample<'_>) -> bool {
        other.cost(sample, Effort::Balanced) < self.payload_cost(sample, Effort::Balanced)
    }

    /// Estimates the bytes of all images and the model from a sample.
    fn cost(&self, sample: Sample<'_>, effort: Effort) -> f64 {
        self.as_bytes().len() as f64 + self.payload_cost(sample, effort)
    }

    /// Estimates the bytes of all images from a sample.
    fn payload_cost(&self, sample: Sample<'_>, effort: Effort) -> f64 {
        let mut encoder = Encoder::with_effort(effort);
        let mut payload = Vec::new();
        sample.images.iter().for_each(|&image| encoder.encode(self, image, &mut payload));
        payload.len() as f64 / sample.images.len().max(1) as f64 * sample.total as f64
    }
}
