//! The codec `pixel`: images of all sizes, in batches and damaged.

use std::num::NonZero;

use bitnpz_bitmap::Bitmap;
use bitnpz_bitmap::codec::{Codec, Decoder, Effort, Encoder, Model, OnesCounter, Sample};
use proptest::prelude::*;

use crate::codec::draw;

/// Generates widths around those of a byte, a word and a block of pixels, and any others.
fn side() -> impl Strategy<Value = usize> {
    prop_oneof![prop::sample::select(vec![1_usize, 7, 8, 9, 31, 32, 33, 64, 65, 300]), 1_usize..100]
}

/// Images of one size, blank ones and noise among them, their model, whose shares may adapt, and their payloads.
fn batch() -> impl Strategy<Value = (Vec<Bitmap>, Model, Vec<Vec<u8>>)> {
    let seeds = prop::collection::vec((0_u8..4, any::<u64>()), 1..=40);
    let trust = prop::option::of(1_u8..);
    (prop_oneof![Just(1), 1_usize..40], side(), seeds, trust).prop_map(|(height, width, seeds, trust)| {
        let image = |&(kind, seed): &(u8, u64)| draw(height, width, kind, seed);
        let images: Vec<Bitmap> = seeds.iter().map(image).collect();
        let views: Vec<_> = images.iter().map(Bitmap::view).collect();
        let model = Model::train(Codec::Pixel, Sample { images: &views, total: 10_000 });
        let model = trust.map_or(model.clone(), |trust| with_trust(&model, trust));
        let mut encoder = Encoder::new();
        let payload = |image: &Bitmap| {
            let mut payload = Vec::new();
            encoder.encode(&model, image.view(), &mut payload);
            payload
        };
        let payloads = images.iter().map(payload).collect();
        (images, model, payloads)
    })
}

/// Returns the model with this trust, and so with shares that adapt.
fn with_trust(model: &Model, trust: u8) -> Model {
    let mut bytes = model.as_bytes().to_vec();
    if Model::from_bytes(Codec::Pixel, &[bytes.clone(), vec![trust]].concat()).is_err() {
        // It has a trust already.
        bytes.pop();
    }
    Model::from_bytes(Codec::Pixel, &[bytes, vec![trust]].concat()).unwrap()
}

proptest! {
    #[test]
    fn decodes_many_as_one_by_one((images, model, payloads) in batch()) {
        let size = [images[0].height(), images[0].width()];
        let payloads: Vec<&[u8]> = payloads.iter().map(Vec::as_slice).collect();
        let (mut decoder, mut rows) = (Decoder::new(), Vec::new());
        let many = decoder.decode_many(&model, &payloads, size, &mut rows).unwrap();
        prop_assert!(many.eq(images.iter().map(Bitmap::view)));
        for (image, payload) in images.iter().zip(payloads) {
            prop_assert_eq!(&decoder.decode(&model, payload, size).unwrap(), image);
            let mut ones = OnesCounter::new(size[1]);
            decoder.decode_rows(&model, payload, size, &mut ones).unwrap();
            prop_assert_eq!(ones.ones(), image.view().count_ones() as u64);
        }
    }

    /// Damaged payloads give the same pixels in a batch as alone, or the error of one that is refused.
    #[test]
    fn decodes_damaged_payloads_as_one_by_one(
        (images, model, mut payloads) in batch(),
        damages in prop::collection::vec(
            (any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u8>(), any::<bool>()),
            1..5,
        ),
    ) {
        let size = [images[0].height(), images[0].width()];
        for (image, byte, value, is_longer) in damages {
            let payload = image.get_mut(&mut payloads);
            let byte = byte.index(payload.len() + 1);
            match payload.get_mut(byte) {
                Some(byte) if is_longer => *byte = value,
                Some(_) => payload.truncate(byte),
                None => payload.push(value),
            }
        }
        let payloads: Vec<&[u8]> = payloads.iter().map(Vec::as_slice).collect();
        let alone = payloads.iter().map(|payload| Decoder::new().decode(&model, payload, size));
        let alone: Vec<_> = alone.map(|image| image.map_err(|error| error.to_string())).collect();
        let mut rows = Vec::new();
        match Decoder::new().decode_many(&model, &payloads, size, &mut rows) {
            Ok(many) => prop_assert!(many.eq(alone.iter().map(|image| image.as_ref().unwrap().view()))),
            Err((number, error)) => {
                prop_assert_eq!(alone[number].as_ref().unwrap_err(), &error.to_string());
            }
        }
    }
}

#[test]
fn round_trips_the_widest_rows() {
    let image = draw(3, 65_536, 3, 7);
    let model = Model::train(Codec::Pixel, Sample { images: &[image.view()], total: 1 });
    let mut payload = Vec::new();
    Encoder::new().encode(&model, image.view(), &mut payload);
    assert!(payload.len() < image.as_bytes().len());
    assert_eq!(Decoder::new().decode(&model, &payload, [3, 65_536]).unwrap(), image);
}

/// Stripes of an angle and a width of their own.
fn stripes(seed: u32) -> Bitmap {
    let (mut image, angle) = (Bitmap::zeros(64, 64).unwrap(), f64::from(seed) * 0.61);
    let period = f64::from(5 + seed % 7);
    for (y, x) in (0..64_u8).flat_map(|y| (0..64_u8).map(move |x| (y, x))) {
        let across = f64::from(x) * angle.cos() + f64::from(y) * angle.sin() + 200.0;
        image.set(y.into(), x.into(), across % period < period / 2.0);
    }
    image
}

#[test]
fn adapts_to_textures() {
    let images: Vec<Bitmap> = (0..300).map(stripes).collect();
    let views: Vec<_> = images.iter().map(Bitmap::view).collect();
    let sample = Sample { images: &views[..200], total: 10_000 };
    let model = Model::choose(None, sample, Effort::Balanced, NonZero::<usize>::MIN);
    let fixed = Model::from_bytes(Codec::Pixel, model.as_bytes().split_last().unwrap().1).unwrap();
    let [adaptive, fixed] = [&model, &fixed].map(|model| {
        let mut payloads = Vec::new();
        images[200..].iter().for_each(|image| Encoder::new().encode(model, image.view(), &mut payloads));
        payloads.len()
    });
    assert!(2 * adaptive < fixed, "{adaptive} bytes, {fixed} with shares that stay");
    let error = Model::from_bytes(Codec::Pixel, &[255, 1, 1, 255, 1, 1, 0]).unwrap_err().to_string();
    assert_eq!(error, "at byte 7 of the model: expected a trust of 1 or more, found 0");
}
