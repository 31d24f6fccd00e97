//! The images that a model is trained on.

use crate::view::BitmapView;

/// The largest number of images in a trial, and of their pixels unless the first image has more: few enough to compare
/// models in little time.
const TRIAL: [usize; 2] = [100, 1 << 21];

/// The same of the images that decide between models that are trained.
const DECIDER: [usize; 2] = [1000, 1 << 24];

/// A sample of the images that a model is for.
///
/// A model is stored once for all images, so the total decides how large it may be. Codecs are compared by the first images, up
/// to 1,000 with 16 million pixels, so these should be a fair part.
#[derive(Clone, Copy, Debug)]
pub struct Sample<'a> {
    /// The images, of any sizes.
    pub images: &'a [BitmapView<'a>],
    /// The number of images that the model is for, including these.
    pub total: usize,
}

impl Sample<'_> {
    /// Returns the first few images, to try something on.
    pub(super) fn trial(&self) -> Self {
        self.first(TRIAL)
    }

    /// Returns the first images, to decide between models.
    pub(super) fn decider(&self) -> Self {
        self.first(DECIDER)
    }

    fn first(&self, [images, most_pixels]: [usize; 2]) -> Self {
        let mut pixels = 0;
        let is_few = |image: &&BitmapView<'_>| {
            pixels += image.height() * image.width();
            pixels <= most_pixels
        };
        let few = self.images.iter().take(images).take_while(is_few).count();
        Self { images: &self.images[..few.max(1).min(self.images.len())], ..*self }
    }

    /// Returns the part of all images that is in the sample, up to 1.
    pub(super) fn part(&self) -> f64 {
        self.images.len() as f64 / self.total.max(self.images.len()).max(1) as f64
    }
}
