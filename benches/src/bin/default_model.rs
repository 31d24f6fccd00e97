//! Trains the model that ships with the library, for image sets too small to store their own.
//!
//! `cargo run --release -- demo && cargo run --release -p bitnpz-benches --bin default_model -- OUTPUT
//! demo/glyphs_28_sets.npz demo/glyphs_64_sets.npz demo/glyphs_128_sets.npz`

#![allow(clippy::print_stdout, reason = "a report")]

use std::path::Path;

use bitnpz::{Bitmap, Codec};
use bitnpz_benches::{SampleSet, strokes};
use bitnpz_bitmap::codec::{Model, Sample};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let output = arguments.next().ok_or("usage: default_model OUTPUT FILE.npz ...")?;
    let mut images = strokes(3000);
    for file in arguments {
        let set = SampleSet::load(Path::new(&file))?;
        images.extend(set.images.into_iter().take(1500));
    }
    let views: Vec<_> = images.iter().map(Bitmap::view).collect();
    // Trained as for many more images: archives do not store this model, so its size costs nothing.
    let model = Model::train(Codec::Contour, Sample { images: &views, total: 100 * images.len() });
    std::fs::write(&output, model.as_bytes())?;
    println!("{output}: {} bytes, trained on {} images", model.as_bytes().len(), images.len());
    Ok(())
}
