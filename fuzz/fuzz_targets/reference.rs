//! The reference decoder in Python decodes every payload to the same image. Slow: each payload is sent to another process.

#![no_main]

use std::cell::RefCell;

use bitnpz_bitmap::codec::{Codec, Decoder, Model};
use bitnpz_fuzz::{BoundedAllocator, parts};
use bitnpz_oracle::Oracle;
use libfuzzer_sys::fuzz_target;

#[global_allocator]
static ALLOCATOR: BoundedAllocator = BoundedAllocator;

/// The codecs whose reference decoder is our own; that of `zstd` is a library.
const CODECS: [Codec; 2] = [Codec::Contour, Codec::Pixel];

const IMPORT: &str = "
import sys
sys.path.insert(0, inputs[0].decode())
import bitnpz_reference as r";

const DECODE: &str = "
codec, height, width = inputs[0]
image = [r.Contour, r.Pixel][codec](inputs[1]).decode(np.frombuffer(inputs[2], np.uint8), height, width)
outputs.append(np.packbits(image, axis=1).tobytes())";

thread_local! {
    static PYTHON: RefCell<Oracle> = {
        let mut python = Oracle::start();
        python.run(IMPORT, &[concat!(env!("CARGO_MANIFEST_DIR"), "/../reference").as_bytes()]);
        RefCell::new(python)
    };
}

fuzz_target!(|bytes: &[u8]| {
    let [head, model_bytes, payload] = parts(bytes);
    let &[codec, height, width] = head else { return };
    let number = codec % 2;
    let Ok(model) = Model::from_bytes(CODECS[usize::from(number)], model_bytes) else { return };
    let size = [height.into(), width.into()];
    let Ok(image) = Decoder::new().decode(&model, payload, size) else { return };
    // A payload as long as the packed rows is the rows themselves; no codec decodes it.
    if payload.len() == image.as_bytes().len() {
        return;
    }
    let rows = PYTHON
        .with_borrow_mut(|python| python.run(DECODE, &[&[number, height, width], model_bytes, payload]));
    assert!(rows[0] == image.as_bytes(), "the reference decodes {size:?} to other pixels");
});
