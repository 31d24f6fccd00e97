//! Any bytes are read as a model, or as changes of the shipped one, or refused, and as a payload give an image or an error; a decoded
//! image round-trips.

#![no_main]

use bitnpz_bitmap::codec::{Codec, Decoder, Encoder, Model};
use bitnpz_fuzz::{BoundedAllocator, parts};
use libfuzzer_sys::fuzz_target;

#[global_allocator]
static ALLOCATOR: BoundedAllocator = BoundedAllocator;

fuzz_target!(|bytes: &[u8]| {
    let [head, model, payload] = parts(bytes);
    let &[codec, height, width] = head else { return };
    let model = match Codec::ALL.get(usize::from(codec) % (Codec::ALL.len() + 1)) {
        Some(&codec) => Model::from_bytes(codec, model),
        None => Model::shipped("contour-2").expect("this model ships").with_changes(model),
    };
    let Ok(model) = model else { return };
    let size = [height.into(), width.into()];
    let mut decoder = Decoder::new();
    let Ok(image) = decoder.decode(&model, payload, size) else { return };
    let mut again = Vec::new();
    Encoder::new().encode(&model, image.view(), &mut again);
    assert!(again.len() <= image.as_bytes().len());
    assert_eq!(decoder.decode(&model, &again, size).unwrap(), image);
    // Several images at a time give the same.
    let mut rows = Vec::new();
    let many: [&[u8]; 6] = [payload, &again, payload, &again, &again, payload];
    let images = decoder.decode_many(&model, &many, size, &mut rows).unwrap();
    assert!(images.into_iter().all(|many| many == image.view()));
});
