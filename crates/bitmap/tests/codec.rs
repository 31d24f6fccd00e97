//! Whether images come back from their payloads, and what happens to payloads that are none.

use bitnpz_bitmap::Bitmap;
use bitnpz_bitmap::codec::{Codec, Decoder, Encoder, Model, Sample};
use proptest::prelude::*;

/// Images like outlines, like noise, and blank ones.
fn bitmap(sides: std::ops::Range<usize>) -> impl Strategy<Value = Bitmap> {
    (sides.clone(), sides, 0_u8..4, any::<u64>())
        .prop_map(|(height, width, kind, seed)| draw(height, width, kind, seed))
}

fn draw(height: usize, width: usize, kind: u8, seed: u64) -> Bitmap {
    let mut bitmap = Bitmap::zeros(height, width).unwrap();
    let mut state = seed | 1;
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 33).unwrap() % below.max(1)
    };
    let (row, column, size) = (random(height), random(width), random(width.max(2)));
    let density = random(100);
    for y in 0..height {
        for x in 0..width {
            let is_on = match kind {
                0 => false,
                1 => y.abs_diff(row).pow(2) + x.abs_diff(column).pow(2) < size.pow(2) / 4,
                2 => random(100) < density,
                _ => (x + y / 3) % (size / 2 + 2) < 3 || random(200) == 0,
            };
            bitmap.set(y, x, is_on);
        }
    }
    bitmap
}

fn model(codec: Codec, images: &[Bitmap]) -> Model {
    let views: Vec<_> = images.iter().map(Bitmap::view).collect();
    Model::train(codec, Sample { images: &views, total: images.len() })
}

fn check(model: &Model, images: &[Bitmap]) -> Result<(), TestCaseError> {
    let mut encoder = Encoder::new();
    let mut decoder = Decoder::new();
    for image in images {
        let mut payload = Vec::new();
        encoder.encode(model, image.view(), &mut payload);
        prop_assert!(payload.len() <= image.as_bytes().len());
        let read = decoder.decode(model, &payload, [image.height(), image.width()]).unwrap();
        prop_assert_eq!(&read, image);
    }
    Ok(())
}

proptest! {
    #[test]
    fn do_images_come_back(images in prop::collection::vec(bitmap(0..70), 1..12)) {
        for codec in Codec::ALL {
            check(&model(codec, &images[..images.len() / 2]), &images)?;
            check(&Model::from_bytes(codec, model(codec, &images).as_bytes()).unwrap(), &images)?;
        }
    }

    #[test]
    fn does_any_payload_give_an_image_or_an_error(
        images in prop::collection::vec(bitmap(1..40), 4),
        payload in prop::collection::vec(any::<u8>(), 0..100),
        size in (0_usize..60, 0_usize..60),
    ) {
        for codec in Codec::ALL {
            let model = model(codec, &images);
            let _ = Decoder::new().decode(&model, &payload, [size.0, size.1]);
        }
    }

    #[test]
    fn does_a_damaged_payload_give_an_image_or_an_error(
        images in prop::collection::vec(bitmap(1..60), 2),
        byte in any::<prop::sample::Index>(),
        value in any::<u8>(),
        length in any::<prop::sample::Index>(),
    ) {
        for codec in Codec::ALL {
            let model = model(codec, &images);
            for image in &images {
                let mut payload = Vec::new();
                Encoder::new().encode(&model, image.view(), &mut payload);
                if !payload.is_empty() {
                    let byte = byte.index(payload.len());
                    payload[byte] = value;
                    payload.truncate(length.index(payload.len() + 1));
                }
                let _ = Decoder::new().decode(&model, &payload, [image.height(), image.width()]);
            }
        }
    }

    #[test]
    fn do_any_bytes_give_a_model_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        for codec in Codec::ALL {
            if let Ok(model) = Model::from_bytes(codec, &bytes) {
                check(&model, &[draw(20, 30, 1, 7), draw(9, 9, 2, 7)])?;
            }
        }
    }

    #[test]
    fn does_a_changed_model_give_a_model_or_an_error(
        images in prop::collection::vec(bitmap(10..40), 20),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        for codec in [Codec::Contour, Codec::Pixel] {
            let mut bytes = model(codec, &images).as_bytes().to_vec();
            for (place, value) in &changes {
                let place = place.index(bytes.len());
                bytes[place] = *value;
            }
            if let Ok(model) = Model::from_bytes(codec, &bytes) {
                check(&model, &images)?;
            }
        }
    }
}

#[test]
fn do_large_images_come_back() {
    let images = [(1, 4096, 3), (4096, 1, 3), (4096, 4096, 1), (700, 900, 3), (300, 200, 2), (1000, 1000, 0)];
    let images: Vec<Bitmap> =
        images.into_iter().map(|(height, width, kind)| draw(height, width, kind, 5)).collect();
    for codec in Codec::ALL {
        check(&model(codec, &images), &images).unwrap();
    }
}

#[test]
fn is_a_model_the_same_for_the_same_images() {
    let images: Vec<Bitmap> = (0..50).map(|seed| draw(30, 30, 1, seed)).collect();
    for codec in Codec::ALL {
        assert_eq!(model(codec, &images), model(codec, &images));
    }
}

#[test]
fn is_the_codec_chosen_that_makes_images_smallest() {
    let choose = |kind| {
        let images: Vec<Bitmap> = (0..200).map(|seed| draw(40, 40, kind, seed)).collect();
        let views: Vec<_> = images.iter().map(Bitmap::view).collect();
        Model::choose(Sample { images: &views, total: 100_000 }).codec()
    };
    assert_eq!([choose(1), choose(2)], [Codec::Contour, Codec::Pixel]);
}

#[test]
fn is_a_blank_image_nearly_nothing() {
    let blank = Bitmap::zeros(1000, 1000).unwrap();
    let model = model(Codec::Contour, &[draw(40, 40, 1, 1), blank.clone()]);
    let mut payload = Vec::new();
    Encoder::new().encode(&model, blank.view(), &mut payload);
    assert!(payload.len() <= 4, "{} bytes", payload.len());
}

#[test]
fn does_an_error_say_what_is_wrong() {
    let images = [draw(40, 40, 1, 3)];
    let model = model(Codec::Contour, &images);
    let mut decoder = Decoder::new();
    let message = |result: bitnpz_bitmap::Result<Bitmap>| result.unwrap_err().to_string();
    assert_eq!(
        message(decoder.decode(&model, &[0; 300], [40, 40])),
        "expected packed rows of 200 bytes, found 300"
    );
    let mut payload = Vec::new();
    Encoder::new().encode(&model, images[0].view(), &mut payload);
    payload.extend([1; 20]);
    let expected = "the payload is damaged: expected the end of the payload, found more of it";
    assert_eq!(message(decoder.decode(&model, &payload, [40, 40])), expected);
    let mut bytes = model.as_bytes().to_vec();
    bytes.push(0);
    let error = Model::from_bytes(Codec::Contour, &bytes).unwrap_err().to_string();
    let end = bytes.len() - 1;
    assert_eq!(error, format!("at byte {end} of the model: expected the end of the model, found more bytes"));
}
