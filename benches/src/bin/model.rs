//! Trains the model that ships with the library on the images of archives: `cargo xtask model`.

#![allow(clippy::print_stdout, reason = "a report")]

use std::path::Path;

use bitnpz::{Bitmap, Codec};
use bitnpz_benches::SampleSet;
use bitnpz_bitmap::codec::{Model, Sample};

/// An archive does not store this model, so that its size costs little: it is trained as for so many times the images.
const TIMES: usize = 20;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let output = arguments.next().ok_or("usage: model OUTPUT FILE.npz ...")?;
    let sets = arguments.map(|file| SampleSet::load(Path::new(&file)));
    let sets = sets.collect::<Result<Vec<_>, _>>()?;
    // One image of each set in turn, so that those which do not fit in are of all kinds.
    let longest = sets.iter().map(|set| set.images.len()).max().unwrap_or(0);
    let images = (0..longest).flat_map(|number| sets.iter().filter_map(move |set| set.images.get(number)));
    let mut views: Vec<_> = images.map(Bitmap::view).collect();
    // Blank images occur in many sets.
    let blank = Bitmap::zeros(64, 64)?;
    views.splice(..0, std::iter::repeat_n(blank.view(), views.len() / 200));
    let model = Model::train(Codec::Contour, Sample { images: &views, total: TIMES * views.len() });
    std::fs::write(&output, model.as_bytes())?;
    println!("{output}: {} bytes, trained on {} images", model.as_bytes().len(), views.len());
    Ok(())
}
