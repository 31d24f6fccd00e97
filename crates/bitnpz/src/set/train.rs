//! Training the model of a set.

use std::sync::Arc;

use bitnpz_bitmap::BitmapView;
use bitnpz_bitmap::codec::{Effort, Model, Sample};

use super::collected::CollectedImages;
use super::distinct::Distinct;
use super::options::SetOptions;
use super::sample;

/// Returns the largest number of images or bands that a model is trained on, and of the bytes of their packed rows, which bounds
/// the time of training. More images make a model better: payloads of 28x28 glyphs are 4 % smaller with 15,000 than with 3,000.
fn most(effort: Effort) -> (usize, u64) {
    match effort {
        Effort::Fast => (4000, 4 << 20),
        Effort::Smallest => (200_000, 32 << 20),
        _ => (20_000, 24 << 20),
    }
}

/// Images with more bytes of packed rows are cut into bands of about so many for the sample, so that the time of training
/// depends on pixels.
const BAND_BYTES: usize = 128 << 10;

/// So many images at most are tried to see which model suits them.
const MOST_TRIED: (usize, u64) = (1000, 1 << 20);

/// Returns this model, which earlier images of the set have, if it fits these; else the one that was given, or one that is trained
/// on them, if all of them take fewer bytes with it. A set that is sorted, or appended to, may have other images than it began with.
pub(super) fn suit(model: Arc<Model>, taught: &Taught<'_>, options: &SetOptions) -> Arc<Model> {
    if options.model.as_ref() == Some(&model) || options.codec.is_some() {
        return model;
    }
    let sample = RandomSample::draw(taught, taught.all, MOST_TRIED);
    if sample.images.is_empty() || model.fits(sample.get()) {
        return model;
    }
    let other = options.model.clone().unwrap_or_else(|| Arc::new(train(taught, taught.all, options)));
    if model.is_worse_than(&other, sample.get()) { other } else { model }
}

/// Trains a model on a random sample of these images, the same each time. There will be `total` images in the set. If no codec is
/// asked for, chooses the one that makes the sample smallest.
pub(super) fn train(taught: &Taught<'_>, total: usize, options: &SetOptions) -> Model {
    let sample = RandomSample::draw(taught, total, most(options.effort));
    Model::choose(options.codec, sample.get(), options.effort, options.threads)
}

/// What a model is trained on: images that all differ, since only the first of several equal ones is encoded.
pub(super) struct Taught<'a> {
    images: Vec<BitmapView<'a>>,
    /// The bytes of their packed rows.
    bytes: usize,
    /// The number of all images, equal ones included.
    all: usize,
    seed: u64,
}

impl<'a> Taught<'a> {
    pub(super) fn new(collected: &CollectedImages, images: &[BitmapView<'a>], distinct: &Distinct) -> Self {
        let (seed, all) = (crc32fast::hash(collected.rows()).into(), images.len());
        let images: Vec<_> = distinct.numbers().map(|number| images[number]).collect();
        let bytes = images.iter().map(|image| image.as_bytes().len()).sum();
        Self { images, bytes, all, seed }
    }
}

/// Images, or bands of large ones, drawn at random.
struct RandomSample<'a> {
    images: Vec<BitmapView<'a>>,
    /// The number of all images, or of all bands.
    total: usize,
}

impl<'a> RandomSample<'a> {
    /// Draws so many images or bands of so many bytes in all, at most, for a set of `total` images.
    fn draw(taught: &Taught<'a>, total: usize, (most_images, most_bytes): (usize, u64)) -> Self {
        let bands: Vec<BitmapView<'a>> = taught.images.iter().flat_map(bands).collect();
        let most = most_bytes * bands.len() as u64 / taught.bytes.max(1) as u64;
        let most = usize::try_from(most).unwrap_or(most_images).clamp(1, most_images);
        let drawn = sample::draw(bands.len(), most, taught.seed);
        // Rows without pixels teach nothing, and there can be any number of them.
        let drawn = drawn.into_iter().map(|number| bands[number]);
        let drawn = drawn.filter(|band| !band.as_bytes().is_empty()).collect();
        // As many of all images are equal to others as of these.
        let total = total.saturating_mul(bands.len()).checked_div(taught.all).unwrap_or(total);
        Self { images: drawn, total }
    }

    fn get(&self) -> Sample<'_> {
        Sample { images: &self.images, total: self.total }
    }
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
