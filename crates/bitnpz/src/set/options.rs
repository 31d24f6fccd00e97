//! How image sets are written.

use std::num::NonZero;
use std::sync::Arc;

use bitnpz_bitmap::BitmapView;
use bitnpz_bitmap::codec::{Codec, Effort, Model};
use bitnpz_npy::Dtype;

use crate::progress::Meter;

/// How image sets are written.
#[derive(Clone, Debug)]
pub(crate) struct SetOptions {
    /// The codec; `None` chooses one for each set.
    pub(crate) codec: Option<Codec>,
    /// The model; `None` trains one for each set.
    pub(crate) model: Option<Arc<Model>>,
    pub(crate) effort: Effort,
    pub(crate) threads: NonZero<usize>,
    /// The length of a pixel in the arrays that the meter counts, in bytes.
    pub(crate) pixel_bytes: usize,
    /// Counts the images that are encoded.
    pub(crate) meter: Meter,
}

impl SetOptions {
    /// Returns the same options for images of this dtype.
    pub(crate) fn with_items(&self, dtype: &Dtype) -> Self {
        Self { pixel_bytes: dtype.item_size(), ..self.clone() }
    }

    /// Counts an image that is encoded.
    pub(super) fn count(&self, image: BitmapView<'_>) {
        self.meter.count_encoded(1, image.height() * image.width() * self.pixel_bytes);
    }
}
