//! Training the model of a set.

use bitnpz_bitmap::BitmapView;
use bitnpz_bitmap::codec::{Codec, Model, Sample};

use super::collected::CollectedImages;
use super::sample;

/// A model is trained on at most so many images or bands. More images make it better: payloads of 28x28 glyphs are 4 % smaller
/// with 15,000 than with 3,000.
const SAMPLE_IMAGES: usize = 20_000;

/// The sample's packed rows have at most so many bytes, which bounds the time of training.
const SAMPLE_BYTES: u64 = 24 << 20;

/// Images with more bytes of packed rows are cut into bands of about so many for the sample, so that the time of training
/// depends on pixels.
const BAND_BYTES: usize = 128 << 10;

/// Trains a model on a random sample of these images, the same each time. There will be `total` images in the set. If no codec is
/// asked for, chooses the one that makes the sample smallest.
pub(super) fn train(
    collected: &CollectedImages,
    images: &[BitmapView<'_>],
    total: usize,
    codec: Option<Codec>,
) -> Model {
    let bands: Vec<BitmapView<'_>> = images.iter().flat_map(bands).collect();
    let most = SAMPLE_BYTES * bands.len() as u64 / collected.rows().len().max(1) as u64;
    let most = usize::try_from(most).unwrap_or(SAMPLE_IMAGES).clamp(1, SAMPLE_IMAGES);
    let drawn = sample::draw(bands.len(), most, crc32fast::hash(collected.rows()).into());
    // Rows without pixels teach nothing, and there can be any number of them.
    let drawn = drawn.into_iter().map(|number| bands[number]);
    let drawn: Vec<_> = drawn.filter(|band| !band.as_bytes().is_empty()).collect();
    let total = total.saturating_mul(bands.len()).checked_div(images.len()).unwrap_or(total);
    let sample = Sample { images: &drawn, total };
    Model::choose(codec, sample)
}

/// Returns the bands of an image: all of it, unless it is large.
fn bands<'a>(image: &BitmapView<'a>) -> impl Iterator<Item = BitmapView<'a>> + use<'a> {
    let (width, stride, rows) = (image.width(), image.stride(), image.as_bytes());
    let height = BAND_BYTES.checked_div(stride).filter(|_| rows.len() > BAND_BYTES);
    let (all, height) = (image.height(), height.map_or(image.height(), |height| height.max(1)));
    (0..all.max(1)).step_by(height.max(1)).map(move |first| {
        let height = height.min(all - first);
        BitmapView::new(height, width, &rows[first * stride..(first + height) * stride])
            .expect("rows that were packed")
    })
}
