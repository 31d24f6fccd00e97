//! Codecs: do images round-trip, and are damaged payloads and models rejected?

use std::num::NonZero;

use bitnpz_bitmap::Bitmap;
use bitnpz_bitmap::codec::{Codec, Decoder, Effort, Encoder, Model, OnesCounter, RowSink, Sample};
use bitnpz_bitmap::{BitmapView, ErrorKind};
use proptest::prelude::*;

/// Generates outlines, noise, stripes and blank images.
fn bitmap(sides: std::ops::Range<usize>) -> impl Strategy<Value = Bitmap> {
    (sides.clone(), sides, 0_u8..4, any::<u64>())
        .prop_map(|(height, width, kind, seed)| draw(height, width, kind, seed))
}

pub(crate) fn draw(height: usize, width: usize, kind: u8, seed: u64) -> Bitmap {
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

/// Collects all rows as a decoder passes them on.
#[derive(Default)]
struct RowCollector {
    row: Vec<u8>,
    rows: Vec<u8>,
}

impl RowSink for RowCollector {
    fn row(&mut self, fill: impl FnOnce(&mut [u8])) {
        fill(&mut self.row);
        self.rows.extend_from_slice(&self.row);
    }

    fn repeat(&mut self, count: usize) {
        (0..count).for_each(|_| self.rows.extend_from_slice(&self.row));
    }

    fn image(&mut self, image: BitmapView<'_>) {
        self.rows.extend_from_slice(image.as_bytes());
    }
}

/// Checks that images round-trip in every way of decoding them.
fn check_round_trip(model: &Model, images: &[Bitmap]) -> Result<(), TestCaseError> {
    let mut encoder = Encoder::new();
    let mut decoder = Decoder::new();
    for image in images {
        let mut payload = Vec::new();
        encoder.encode(model, image.view(), &mut payload);
        let mut rows = Vec::new();
        let size = [image.height(), image.width()];
        let payloads = [payload.as_slice(); 6];
        let decoded = decoder.decode_many(model, &payloads, size, &mut rows).unwrap();
        prop_assert!(decoded.len() == 6 && decoded.into_iter().all(|read| read == image.view()));
        prop_assert!(payload.len() <= image.as_bytes().len());
        let size = [image.height(), image.width()];
        let read = decoder.decode(model, &payload, size).unwrap();
        prop_assert_eq!(&read, image);
        let mut collector = RowCollector { row: vec![0; image.width().div_ceil(8)], rows: Vec::new() };
        decoder.decode_rows(model, &payload, size, &mut collector).unwrap();
        prop_assert_eq!(collector.rows, image.as_bytes());
        let mut ones = OnesCounter::new(image.width());
        decoder.decode_rows(model, &payload, size, &mut ones).unwrap();
        prop_assert_eq!(ones.ones(), image.view().count_ones() as u64);
    }
    Ok(())
}

proptest! {
    #[test]
    fn round_trips_images(images in prop::collection::vec(bitmap(0..70), 1..12)) {
        for codec in Codec::ALL {
            check_round_trip(&model(codec, &images[..images.len() / 2]), &images)?;
            check_round_trip(&Model::from_bytes(codec, model(codec, &images).as_bytes()).unwrap(), &images)?;
        }
    }

    #[test]
    fn survives_any_payload(
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
    fn survives_damaged_payloads(
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
    fn survives_any_bytes_as_a_model(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        for codec in Codec::ALL {
            if let Ok(model) = Model::from_bytes(codec, &bytes) {
                check_round_trip(&model, &[draw(20, 30, 1, 7), draw(9, 9, 2, 7)])?;
            }
        }
    }

    #[test]
    fn survives_damaged_models(
        images in prop::collection::vec(bitmap(10..40), 20),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        for codec in [Codec::Contour, Codec::Pixel] {
            let mut bytes = model(codec, &images).as_bytes().to_vec();
            for (index, value) in &changes {
                let index = index.index(bytes.len());
                bytes[index] = *value;
            }
            if let Ok(model) = Model::from_bytes(codec, &bytes) {
                check_round_trip(&model, &images)?;
            }
        }
    }
}

proptest! {
    /// Several images at a time give the same images as one by one, and the same errors.
    #[test]
    fn decodes_many_as_one_by_one(
        sides in (1_usize..150, 1_usize..150),
        seeds in prop::collection::vec((0_u8..4, any::<u64>()), 1..20),
        damage in prop::option::of((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u8>())),
    ) {
        let size = [sides.0, sides.1];
        let images: Vec<Bitmap> = seeds.iter().map(|&(kind, seed)| draw(sides.0, sides.1, kind, seed)).collect();
        for codec in Codec::ALL {
            let model = model(codec, &images);
            let mut payloads = vec![Vec::new(); images.len()];
            for (image, payload) in images.iter().zip(&mut payloads) {
                Encoder::new().encode(&model, image.view(), payload);
            }
            if let Some((image, byte, value)) = &damage {
                let payload = image.get_mut(&mut payloads);
                if !payload.is_empty() {
                    let byte = byte.index(payload.len());
                    payload[byte] = *value;
                }
            }
            let mut decoder = Decoder::new();
            let one_by_one: Vec<_> =
                payloads.iter().map(|payload| decoder.decode(&model, payload, size)).collect();
            let payloads: Vec<&[u8]> = payloads.iter().map(Vec::as_slice).collect();
            let mut rows = Vec::new();
            match decoder.decode_many(&model, &payloads, size, &mut rows) {
                Ok(many) => {
                    for (many, one) in many.zip(&one_by_one) {
                        prop_assert_eq!(many, one.as_ref().unwrap().view());
                    }
                }
                // The words are those of zstd, which may find another fault of the same payload.
                Err((number, _)) => prop_assert!(one_by_one[number].is_err(), "payload {}", number),
            }
        }
    }
}

#[test]
fn round_trips_large_images() {
    let images = [(1, 4096, 3), (4096, 1, 3), (4096, 4096, 1), (700, 900, 3), (300, 200, 2), (1000, 1000, 0)];
    let images: Vec<Bitmap> =
        images.into_iter().map(|(height, width, kind)| draw(height, width, kind, 5)).collect();
    for codec in Codec::ALL {
        check_round_trip(&model(codec, &images), &images).unwrap();
    }
}

/// The trainer of zstd divided by zero if three quarters of the sample had seven bytes.
#[test]
fn trains_on_few_bytes() {
    for count in 0..40 {
        for side in 1..6 {
            let images = vec![draw(side, side, 2, 9); count];
            for codec in Codec::ALL {
                check_round_trip(&model(codec, &images), &images).unwrap();
            }
        }
    }
}

#[test]
fn trains_the_same_model_on_the_same_images() {
    let images: Vec<Bitmap> = (0..50).map(|seed| draw(30, 30, 1, seed)).collect();
    for codec in Codec::ALL {
        assert_eq!(model(codec, &images), model(codec, &images));
    }
}

/// Chooses a model for images of which so many of a hundred are noise and the others outlines.
fn choose(noise: u64, effort: Effort, threads: usize) -> Model {
    let images: Vec<Bitmap> =
        (0..200).map(|seed| draw(40, 40, if seed % 100 < noise { 2 } else { 1 }, seed)).collect();
    let views: Vec<_> = images.iter().map(Bitmap::view).collect();
    let sample = Sample { images: &views, total: 100_000 };
    Model::choose(None, sample, effort, NonZero::new(threads).unwrap())
}

#[test]
fn chooses_the_codec_with_the_smallest_images() {
    for effort in Effort::ALL {
        let codecs = [0, 100].map(|noise| choose(noise, effort, 1).codec());
        assert_eq!(codecs, [Codec::Contour, Codec::Pixel], "{effort}");
    }
}

#[test]
fn takes_pixel_for_little_only_if_asked() {
    let saves_little = (0..100).step_by(5).any(|noise| {
        let codecs = [Effort::Balanced, Effort::Smallest].map(|effort| choose(noise, effort, 1).codec());
        codecs == [Codec::Contour, Codec::Pixel]
    });
    assert!(saves_little);
}

/// Dots of a halftone along diagonal lines, of a tone that changes slowly.
fn halftone(seed: u64) -> Bitmap {
    let (mut image, angle) = (Bitmap::zeros(800, 800).unwrap(), 0.2 + 0.06 * seed as f64);
    let wave = |place: f64| (std::f64::consts::PI * place / 4.0).cos();
    for (y, x) in (0..800).flat_map(|y| (0..800).map(move |x| (y, x))) {
        let [row, column] = [y, x].map(f64::from);
        let across = [column * angle.cos() + row * angle.sin(), row * angle.cos() - column * angle.sin()];
        let tone = 0.5 + 0.4 * (column / 90.0).sin() * (row / (60.0 + seed as f64)).cos();
        image.set(y as usize, x as usize, (wave(across[0]) + wave(across[1])) / 4.0 + 0.5 < tone);
    }
    image
}

#[test]
fn chooses_contour_for_images_that_the_shipped_model_does_not_know() {
    let images: Vec<Bitmap> = (0..8).map(halftone).collect();
    let views: Vec<_> = images.iter().map(Bitmap::view).collect();
    let sample = Sample { images: &views, total: views.len() };
    let chosen = Model::choose(None, sample, Effort::Balanced, NonZero::<usize>::MIN);
    assert_eq!(chosen.codec(), Codec::Contour);
}

/// Rows drawn from a few rows of noise: only `zstd` finds those that come again.
#[test]
fn chooses_zstd_for_rows_that_come_again_anywhere() {
    let mut state = 1_u64;
    let mut random = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state ^ state >> 29).wrapping_mul(0x9E37_79B9_7F4A_7C15)
    };
    let rows: Vec<[u8; 8]> = (0..31).map(|_| random().to_be_bytes()).collect();
    let mut draw = || (0..40).flat_map(|_| rows[(random() >> 40) as usize % rows.len()]).collect();
    let images: Vec<Bitmap> = (0..200).map(|_| Bitmap::from_packed(40, 64, draw()).unwrap()).collect();
    let views: Vec<_> = images.iter().map(Bitmap::view).collect();
    let sample = Sample { images: &views, total: 10_000 };
    assert_eq!(Model::choose(None, sample, Effort::Balanced, NonZero::<usize>::MIN).codec(), Codec::Zstd);
}

#[test]
fn a_model_of_noise_does_not_fit_a_texture() {
    let texture: Vec<Bitmap> = (0..20)
        .map(|seed| {
            let mut image = Bitmap::zeros(64, 64).unwrap();
            for (y, x) in (0..64).flat_map(|y| (0..64).map(move |x| (y, x))) {
                image.set(y, x, (x + y) % 2 == 0 || (x * 7 + y * 13 + seed) % 101 < 1);
            }
            image
        })
        .collect();
    let views: Vec<_> = texture.iter().map(Bitmap::view).collect();
    let sample = Sample { images: &views, total: 1000 };
    assert!(!Model::train(Codec::Raw, sample).fits(sample));
    let own = Model::choose(None, sample, Effort::Balanced, NonZero::<usize>::MIN);
    assert!(own.codec() != Codec::Raw && own.fits(sample));
}

#[test]
fn chooses_the_same_model_on_any_number_of_threads() {
    for noise in [0, 20, 100] {
        assert_eq!(choose(noise, Effort::Balanced, 1), choose(noise, Effort::Balanced, 3), "{noise} %");
    }
}

#[test]
fn more_effort_makes_payloads_no_longer() {
    // Lines that cross and are so flat that it is open which edges of two rows belong together.
    let lines = |seed: usize| {
        let mut image = Bitmap::zeros(60, 60).unwrap();
        for (line, row, column) in (0..3 * 60 * 5).map(|number| (number % 3, number / 3 % 60, number / 180)) {
            let slope = 2 + (seed + 3 * line) % 9;
            image.set(row, (row * slope + 17 * line + column) % 60, true);
        }
        image
    };
    let images: Vec<Bitmap> = (0..50).map(lines).collect();
    let model = Model::shipped("contour-2").unwrap();
    let encode = |effort| -> Vec<Vec<u8>> {
        let mut encoder = Encoder::with_effort(effort);
        let payload = |image: &Bitmap| {
            let mut payload = Vec::new();
            encoder.encode(model, image.view(), &mut payload);
            payload
        };
        images.iter().map(payload).collect()
    };
    let [balanced, smallest] = [Effort::Balanced, Effort::Smallest].map(encode);
    assert!(balanced.iter().zip(&smallest).all(|(balanced, smallest)| smallest.len() <= balanced.len()));
    assert_ne!(balanced, smallest, "other matchings were tried");
    for (payload, image) in smallest.iter().zip(&images) {
        assert_eq!(Decoder::new().decode(model, payload, [60, 60]).unwrap(), *image);
    }
}

#[test]
fn encodes_a_blank_image_in_no_bytes() {
    let blank = Bitmap::zeros(1000, 1000).unwrap();
    let model = model(Codec::Contour, &[draw(40, 40, 1, 1), blank.clone()]);
    let mut payload = Vec::new();
    Encoder::new().encode(&model, blank.view(), &mut payload);
    assert!(payload.is_empty(), "{payload:?}");
}

#[test]
fn errors_say_what_is_wrong() {
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
    bytes.extend([1; 8]);
    let error = Model::from_bytes(Codec::Contour, &bytes).unwrap_err().to_string();
    let end = bytes.len();
    assert_eq!(error, format!("at byte {end} of the model: expected the end of the model, found more bytes"));
}

/// Returns a model of pixels without features: each pixel has these weights of being off and on.
fn flat_model(off: u8, on: u8) -> Model {
    Model::from_bytes(Codec::Pixel, &[0xFF, off, on, 0xFF, off, on]).unwrap()
}

#[test]
fn decodes_short_payloads_fast_whatever_size_is_claimed() {
    let (likely, sides) = (flat_model(127, 0), [65_536; 2]);
    let mut ones = OnesCounter::new(sides[1]);
    // Decoding these images row by row would take minutes.
    Decoder::new().decode_rows(&likely, &[], sides, &mut ones).unwrap();
    assert_eq!(ones.ones(), 0);
    for payload in [&[0xFF; 4][..], &[0x80], &[1, 2, 3], &[0xAA; 30]] {
        let error = Decoder::new().decode_rows(&likely, payload, sides, &mut ones).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Payload { .. }), "{payload:?}: {error}");
    }
}

#[test]
fn rejects_impossible_sizes_before_allocating() {
    let zstd = Model::from_bytes(Codec::Zstd, &[]).unwrap();
    let mut rows = Vec::new();
    for (model, payload, size) in [
        (&zstd, &[0xFD, 1, 2, 3, 4][..], [65_536, 65_536]),
        (&zstd, &[0; 9][..], [600_000, 600_000]),
        (&flat_model(1, 1), &[], [65_537, 8]),
        (&flat_model(1, 1), &[0], [8, 65_537]),
        (Model::shipped("contour-2").unwrap(), &[0][..], [1 << 40, 1 << 20]),
        (Model::shipped("contour-2").unwrap(), &[0][..], [65_537, 8]),
        (&Model::from_bytes(Codec::Raw, &[]).unwrap(), &[0][..], [1 << 40, 1 << 20]),
    ] {
        let error = Decoder::new().decode_into(model, payload, size, &mut rows).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Length { .. }), "{size:?}: {error}");
        assert_eq!(rows.capacity(), 0);
    }
}

#[test]
fn rows_without_pixels_cost_nothing() {
    for codec in Codec::ALL {
        let model = model(codec, &[Bitmap::zeros(3, 3).unwrap()]);
        for size in [[1 << 60, 0], [0, 1 << 60], [usize::MAX, 0]] {
            let image = Decoder::new().decode(&model, &[], size).unwrap();
            assert_eq!((image.height(), image.width(), image.view().count_ones()), (size[0], size[1], 0));
        }
    }
}

/// Encoders drop zeros at the end of a payload, but not those that the decoder does not supply.
#[test]
fn round_trips_payloads_that_end_early() {
    for model in
        [flat_model(1, 1), flat_model(127, 0), flat_model(0, 127), flat_model(90, 127), flat_model(3, 2)]
    {
        let mut images = Vec::new();
        for (first, period) in [(0, 1), (1, 1), (0, 2), (1, 2), (7, 64), (63, 64), (0, 1000)] {
            let mut image = Bitmap::zeros(64, 40).unwrap();
            let pixels = (first..64 * 40).step_by(period);
            pixels.for_each(|pixel| image.set(pixel / 40, pixel % 40, true));
            images.push(image.clone());
            // The same image but for its last pixel.
            image.set(63, 39, image.get(63, 39) == Some(false));
            images.push(image);
        }
        check_round_trip(&model, &images).unwrap();
    }
}
