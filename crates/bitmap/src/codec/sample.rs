//! The images that a model is trained on.

use crate::view::BitmapView;

/// The largest number of images in a trial, and of their pixels unless the first image has more: few enough to compare
/// models in little time.
const TRIAL_IMAGES: usize = 100;
const TRIAL_PIXELS: usize = 1 << 21;

/// A sample of the images that a model is for.
///
/// A model is stored once for all images, so the total decides how large it may be.
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
        let mut pixels = 0;
        let is_few = |image: &&BitmapView<'_>| {
            pixels += image.height() * image.width();
            pixels <= TRIAL_PIXELS
        };
        let few = self.images.iter().take(TRIAL_IMAGES).take_while(is_few).count();
        Self { images: &self.images[..few.max(1).min(self.images.len())], ..*self }
    }

    /// Returns the part of all images that is in the sample, up to 1.
    pub(super) fn part(&self) -> f64 {
        self.images.len() as f64 / self.total.max(self.images.len()).max(1) as f64
    }
}
