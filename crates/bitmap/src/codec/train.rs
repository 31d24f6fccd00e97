//! Training models, and choosing the codec that makes images smallest.

use super::encoder::Encoder;
use super::kind::Codec;
use super::model::{Model, SHIPPED_NAME};
use super::pixel::TypicalPrediction;
use super::sample::Sample;
use super::{contour, pixel, zstd};

/// The number of pixels that a `pixel` model is trained on, which bounds the time of training.
const TRAINING_PIXELS: usize = 1 << 20;

/// The number of pixels that a trial model is trained on; it only shows whether training on all pixels is worth while.
const TRIAL_TRAINING_PIXELS: usize = 1 << 16;

/// How much larger a trial model makes images than a full one, at most.
const MAX_TRIAL_EXCESS: f64 = 1.25;

/// How much larger images of another codec must be for `pixel` to be chosen: it takes three to ten times as long to
/// decode.
const PIXEL_HANDICAP: f64 = 1.02;

impl Model {
    /// Trains a model on a sample. The same images give the same model.
    #[must_use]
    pub fn train(codec: Codec, sample: Sample<'_>) -> Self {
        let bytes = match codec {
            Codec::Contour => contour::Model::train(&sample),
            Codec::Pixel => return Self::train_pixel(sample, TRAINING_PIXELS, Self::try_pixel(sample).1),
            Codec::Zstd => zstd::train(&sample),
            Codec::Raw => Vec::new(),
        };
        Self::from_bytes(codec, &bytes).expect("a trained model can be read")
    }

    /// Trains models of all codecs but `zstd`, and returns the one with which all images and the model itself are smallest.
    ///
    /// Sizes are estimated from the sample. Of `contour` and `pixel`, `contour` is preferred unless it is 2 % larger,
    /// because it decodes faster.
    ///
    /// ```
    /// use bitnpz_bitmap::codec::{Codec, Model, Sample};
    /// use bitnpz_bitmap::Bitmap;
    ///
    /// let image = Bitmap::from_packed(2, 8, vec![0b0011_1000, 0b0111_1100])?;
    /// let model = Model::choose(Sample { images: &[image.view(); 20], total: 20 });
    /// assert_ne!(model.codec(), Codec::Zstd);
    /// # Ok::<(), bitnpz_bitmap::Error>(())
    /// ```
    #[must_use]
    pub fn choose(sample: Sample<'_>) -> Self {
        let raw = Self::train(Codec::Raw, sample);
        let contour = Self::train(Codec::Contour, sample);
        let shipped = Self::shipped(SHIPPED_NAME).expect("this model ships with the library").clone();
        // Training on all pixels takes long: a trial shows where `pixel` cannot win.
        let (trial, prediction) = Self::try_pixel(sample);
        let mut models = vec![contour, shipped, raw];
        if trial.cost(sample.trial()) < MAX_TRIAL_EXCESS * models[0].cost(sample.trial()).max(1.0) {
            models.push(Self::train_pixel(sample, TRAINING_PIXELS, prediction));
        }
        let handicap = |model: &Self| if model.codec() == Codec::Pixel { PIXEL_HANDICAP } else { 1.0 };
        let costs = models.into_iter().map(|model| (model.cost(sample) * handicap(&model), model));
        costs.min_by(|(a, _), (b, _)| a.total_cmp(b)).expect("there are models").1
    }

    /// Trains a `pixel` model on about `max_pixels` pixels.
    fn train_pixel(sample: Sample<'_>, max_pixels: usize, prediction: TypicalPrediction) -> Self {
        let bytes = pixel::train(&sample, max_pixels, prediction);
        Self::from_bytes(Codec::Pixel, &bytes).expect("a trained model can be read")
    }

    /// Trains a `pixel` model on few pixels; returns it, and whether typical prediction makes images smaller.
    fn try_pixel(sample: Sample<'_>) -> (Self, TypicalPrediction) {
        let train = |prediction| Self::train_pixel(sample, TRIAL_TRAINING_PIXELS, prediction);
        let [on, off] = [TypicalPrediction::On, TypicalPrediction::Off].map(train);
        let is_smaller = on.cost(sample.trial()) <= off.cost(sample.trial());
        if is_smaller { (on, TypicalPrediction::On) } else { (off, TypicalPrediction::Off) }
    }

    /// Estimates the bytes of all images and the model from a sample.
    fn cost(&self, sample: Sample<'_>) -> f64 {
        let mut encoder = Encoder::new();
        let mut payload = Vec::new();
        sample.images.iter().for_each(|&image| encoder.encode(self, image, &mut payload));
        let each = payload.len() as f64 / sample.images.len().max(1) as f64;
        let own = if self.name().is_some() { 0.0 } else { self.as_bytes().len() as f64 };
        own + each * sample.total as f64
    }
}
