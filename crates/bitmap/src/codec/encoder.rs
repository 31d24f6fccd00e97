//! Encoding images as payloads.

use super::effort::Effort;
use super::limits::MAX_SIDE;
use super::model::{Model, ModelTables};
use super::zstd::ZstdCodec;
use super::{contour, pixel};
use crate::view::BitmapView;

/// Encodes images, each independently of all others; reuses its buffers from one to the next.
///
/// ```
/// use bitnpz_bitmap::codec::{Codec, Decoder, Encoder, Model, Sample};
/// use bitnpz_bitmap::Bitmap;
///
/// let mut image = Bitmap::zeros(28, 28)?;
/// image.set(3, 5, true);
/// let model = Model::train(Codec::Contour, Sample { images: &[image.view()], total: 1 });
///
/// let mut payload = Vec::new();
/// Encoder::new().encode(&model, image.view(), &mut payload);
/// assert!(payload.len() < 10);
/// assert_eq!(Decoder::new().decode(&model, &payload, [28, 28])?, image);
/// # Ok::<(), bitnpz_bitmap::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct Encoder {
    contour: contour::Encoder,
    pixel: pixel::Encoder,
    zstd: ZstdCodec,
    effort: Effort,
}

impl Encoder {
    /// Creates an encoder; its buffers grow with the images.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates an encoder that makes this effort: `contour` takes three to four times as long for [`Smallest`](Effort::Smallest).
    #[must_use]
    pub fn with_effort(effort: Effort) -> Self {
        Self { effort, ..Self::default() }
    }

    /// Appends the payload of an image: fewer bytes than its packed rows, or else the packed rows themselves.
    pub fn encode(&mut self, model: &Model, image: BitmapView<'_>, payload: &mut Vec<u8>) {
        let start = payload.len();
        let is_possible = image.height().max(image.width()) <= MAX_SIDE && !image.as_bytes().is_empty();
        match &model.tables {
            ModelTables::Contour(model) if is_possible => {
                self.contour.encode(model, image, self.effort, payload);
            }
            ModelTables::Pixel(model) if is_possible => self.pixel.encode(model, image, payload),
            ModelTables::Zstd(dictionary) if is_possible => {
                self.zstd.encode(dictionary, image.as_bytes(), payload);
            }
            _ => payload.extend_from_slice(image.as_bytes()),
        }
        if payload.len() - start >= image.as_bytes().len() {
            payload.truncate(start);
            payload.extend_from_slice(image.as_bytes());
        }
    }
}
