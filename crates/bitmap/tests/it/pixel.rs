//! The codec `pixel`: images of all sizes, in batches and damaged.

use bitnpz_bitmap::Bitmap;
use bitnpz_bitmap::codec::{Codec, Decoder, Encoder, Model, OnesCounter, Sample};
use proptest::prelude::*;

use crate::codec::draw;

/// Generates widths around those of a byte, a word and a block of pixels, and any others.
fn side() -> impl Strategy<Value = usize> {
    prop_oneof![prop::sample::select(vec![1_usize, 7, 8, 9, 31, 32, 33, 64, 65, 300]), 1_usize..100]
}

/// Images of one size, blank ones and noise among them, their model and their payloads.
fn batch() -> impl Strategy<Value = (Vec<Bitmap>, Model, Vec<Vec<u8>>)> {
    let seeds = prop::collection::vec((0_u8..4, any::<u64>()), 1..=40);
    (prop_oneof![Just(1), 1_usize..40], side(), seeds).prop_map(|(height, width, seeds)| {
        let image = |&(kind, seed): &(u8, u64)| draw(height, width, kind, seed);
        let images: Vec<Bitmap> = seeds.iter().map(image).collect();
        let views: Vec<_> = images.iter().map(Bitmap::view).collect();
        let model = Model::train(Codec::Pixel, Sample { images: &views, total: 10_000 });
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
