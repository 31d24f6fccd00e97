//! Training models, and choosing the codec that makes images smallest.

use super::encoder::Encoder;
use super::kind::Codec;
use super::model::{Model, ModelTables, SHIPPED_NAME};
use super::pixel::TypicalPrediction;
use super::sample::Sample;
use super::{contour, pixel, zstd};

/// The number of pixels that a `pixel` model is trained on, which bounds the time of training.
const TRAINING_PIXELS: usize = 1 << 20;

/// The number of pixels that a trial model is trained on; it only shows whether training on all pixels is worth while.
const TRIAL_TRAINING_PIXELS: usize = 1 << 16;

/// How much larger a trial model makes images than a full one, at most.
const MAX_TRIAL_EXCESS: f64 = 1.6;

/// How much larger the shipped model makes images than one of their own, at most.
const MAX_SHIPPED_EXCESS: f64 = 2.0;

/// How much larger images of another codec must be for `pixel` to be chosen: it takes five to ten times as long to decode.
const PIXEL_HANDICAP: f64 = 1.1;

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

    /// Returns the model of this codec with which all images and the model itself are smallest: for `contour` the shipped one,
    /// a change of that, or one of its own. Without a codec chooses one too, but not `zstd`.
    ///
    /// Sizes are estimated from the sample. `pixel` is only chosen if all others are 10 % larger, because it takes five to ten
    /// times as long to decode.
    ///
    /// ```
    /// use bitnpz_bitmap::codec::{Codec, Model, Sample};
    /// use bitnpz_bitmap::Bitmap;
    ///
    /// let image = Bitmap::from_packed(2, 8, vec![0b0011_1000, 0b0111_1100])?;
    /// let model = Model::choose(None, Sample { images: &[image.view(); 20], total: 20 });
    /// assert_eq!(model.codec(), Codec::Raw, "packed rows of two bytes");
    /// # Ok::<(), bitnpz_bitmap::Error>(())
    /// ```
    #[must_use]
    pub fn choose(codec: Option<Codec>, sample: Sample<'_>) -> Self {
        match codec {
            Some(Codec::Contour) => Self::choose_contour(sample),
            Some(codec) => Self::train(codec, sample),
            None => Self::choose_codec(sample),
        }
    }

    fn choose_codec(sample: Sample<'_>) -> Self {
        // A trial on few images shows which codec cannot win, so that no time is spent on its training.
        let trial = sample.trial();
        let (pixel, prediction) = Self::try_pixel(sample);
        let pixel_cost = pixel.cost(trial);
        let mut models = vec![Self::train(Codec::Raw, sample)];
        if Self::shipped_contour().cost(trial) < MAX_SHIPPED_EXCESS * pixel_cost {
            models.push(Self::choose_contour(sample));
        }
        let least = models.iter().map(|model| model.cost(trial)).fold(f64::INFINITY, f64::min);
        if pixel_cost < MAX_TRIAL_EXCESS * least.max(1.0) {
            models.push(Self::train_pixel(sample, TRAINING_PIXELS, prediction));
        }
        Self::smallest(models, sample)
    }

    /// Returns the model of `contour` with which all images and the model itself are smallest.
    fn choose_contour(sample: Sample<'_>) -> Self {
        let shipped = Self::shipped_contour();
        let ModelTables::Contour(model) = &shipped.tables else { unreachable!("it is of this codec") };
        match model.choose(&sample) {
            contour::Choice::Own(bytes) => Self::from_bytes(Codec::Contour, &bytes),
            contour::Choice::Changes(bytes) => shipped.with_changes(&bytes),
        }
        .expect("a trained model can be read")
    }

    fn shipped_contour() -> &'static Self {
        Self::shipped(SHIPPED_NAME).expect("this model ships with the library")
    }

    /// Returns the model with which all images and the model itself are smallest.
    fn smallest(models: Vec<Self>, sample: Sample<'_>) -> Self {
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
        self.as_bytes().len() as f64 + each * sample.total as f64
    }
}
