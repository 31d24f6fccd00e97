//! Writes a million images without holding them in memory, then reads some of them at random.
//!
//!     cargo run --release -p bitnpz --example stream_a_million [COUNT]

#![allow(clippy::print_stdout, reason = "an example")]

use std::error::Error;
use std::time::Instant;

use bitnpz::ndarray::{Array3, s};
use bitnpz::{Archive, Shuffle, Writer};

const SIZE: usize = 28;
/// Images that are generated and handed to the writer at a time.
const BATCH: usize = 1_000;
/// Images that are read back.
const SAMPLE: usize = 10_000;

fn main() -> Result<(), Box<dyn Error>> {
    let count = std::env::args().nth(1).map_or(Ok(1_000_000), |count| count.parse::<usize>())?;
    let path = std::env::temp_dir().join("bitnpz-million.npz");

    let start = Instant::now();
    let mut writer = Writer::create(&path)?;
    let mut batch = Array3::from_elem((BATCH, SIZE, SIZE), false);
    for first in (0..count).step_by(BATCH) {
        let len = BATCH.min(count - first);
        let mut batch = batch.slice_mut(s![..len, .., ..]);
        for (number, mut image) in (first..).zip(batch.outer_iter_mut()) {
            image.assign(&disc(number));
        }
        writer.extend("discs", &batch)?;
    }
    // The file appears under its name here, complete or not at all.
    writer.finish()?;
    let bytes = std::fs::metadata(&path)?.len();
    println!(
        "wrote {count} images in {:.1} s: {:.1} bytes each",
        start.elapsed().as_secs_f64(),
        bytes as f64 / count as f64
    );

    let archive = Archive::open(&path)?;
    let images = archive.images("discs")?;
    let start = Instant::now();
    let order = Shuffle::new(count, 0);
    let sample = SAMPLE.min(count);
    for position in 0..sample {
        let number = order.get(position);
        assert_eq!(images.read::<bool>(number)?, disc(number));
    }
    println!(
        "read {sample} of them at random in {:.2} s, each as it was written",
        start.elapsed().as_secs_f64()
    );
    std::fs::remove_file(&path)?;
    Ok(())
}

/// Draws a disc whose place and radius follow from its number.
fn disc(number: usize) -> bitnpz::ndarray::Array2<bool> {
    let mixed = number.wrapping_mul(0x9E37_79B9).rotate_left(7) ^ number;
    let (y0, x0) = (8 + mixed % 12, 8 + mixed / 12 % 12);
    let radius = 2 + mixed / 144 % 7;
    bitnpz::ndarray::Array2::from_shape_fn((SIZE, SIZE), |(y, x)| {
        y.abs_diff(y0).pow(2) + x.abs_diff(x0).pow(2) < radius.pow(2)
    })
}
