//! Makes the model that ships with the library, for sets too small to pay for one of their own.
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
    // As if for many more images: what it costs is nothing to those who use it.
    let model = Model::train(Codec::Contour, Sample { images: &views, total: 100 * images.len() });
    std::fs::write(&output, model.as_bytes())?;
    println!("{output}: {} bytes, of {} images", model.as_bytes().len(), images.len());
    Ok(())
}
