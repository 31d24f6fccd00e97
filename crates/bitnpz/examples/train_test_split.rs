//! Splits an archive of labelled images into a training set and a test set, and reads both in batches.
//!
//!     cargo run --release -p bitnpz --example train_test_split
//!
//! The archive is written once. A split is a list of image numbers: nothing is copied, and the same seed gives the same
//! split on every machine.

#![allow(clippy::print_stdout, reason = "an example")]

use std::error::Error;

use bitnpz::ndarray::{Array1, Array3, s};
use bitnpz::{Archive, Images, Shuffle, Writer};

const IMAGES: usize = 5_000;
const SIZE: usize = 28;
const BATCH: usize = 256;
const SEED: u64 = 7;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::temp_dir().join("bitnpz-train-test-split.npz");
    write_archive(&path)?;

    let archive = Archive::open(&path)?;
    let images = archive.images("images")?;
    let labels: Array1<i64> = archive.array("labels")?.into_dimensionality()?;

    let shuffle = Shuffle::new(images.len(), SEED);
    let order: Vec<usize> = (0..images.len()).map(|position| shuffle.get(position)).collect();
    let (train, test) = order.split_at(images.len() * 9 / 10);

    for (name, indices) in [("train", train), ("test", test)] {
        let (batches, ink) = read(&images, indices)?;
        let wide = indices.iter().filter(|&&index| labels[index] == 1).count();
        println!(
            "{name}: {} images in {batches} batches, {:.1} % of the pixels set, {wide} labelled 1",
            indices.len(),
            100.0 * ink / (indices.len() * SIZE * SIZE) as f32
        );
    }
    std::fs::remove_file(&path)?;
    Ok(())
}

/// Reads the images with these numbers in batches; returns the number of batches and the sum of all pixels.
fn read(images: &Images, indices: &[usize]) -> bitnpz::Result<(usize, f32)> {
    let mut batch = Array3::<f32>::zeros((BATCH, SIZE, SIZE));
    let mut ink = 0.0;
    for numbers in indices.chunks(BATCH) {
        // The last batch may be smaller.
        let mut batch = batch.slice_mut(s![..numbers.len(), .., ..]);
        images.read_batch_into(numbers, &mut batch)?;
        ink += batch.sum();
    }
    Ok((indices.len().div_ceil(BATCH), ink))
}

/// Writes rectangles, labelled 1 if they are wider than high.
fn write_archive(path: &std::path::Path) -> Result<(), Box<dyn Error>> {
    let mut writer = Writer::create(path)?;
    let mut labels = Array1::<i64>::zeros(IMAGES);
    let mut images = Array3::<bool>::from_elem((IMAGES, SIZE, SIZE), false);
    for number in 0..IMAGES {
        let (height, width) = (2 + number % 11, 2 + number / 11 % 13);
        let (top, left) = (number / 143 % 15, number / 7 % 13);
        images.slice_mut(s![number, top..top + height, left..left + width]).fill(true);
        labels[number] = i64::from(width > height);
    }
    writer.add_images("images", &images)?;
    writer.add_array("labels", &labels)?;
    writer.finish()?;
    Ok(())
}
