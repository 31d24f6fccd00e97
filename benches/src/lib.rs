//! Sample images and measuring functions, shared by the benchmarks and reports.

pub mod chart;
pub mod jbig2;
mod orders;

use std::path::Path;
use std::time::Instant;

use bitnpz::{Archive, Bitmap};

pub use orders::orders;

/// A named collection of images of one shape.
#[derive(Clone, Debug)]
pub struct SampleSet {
    /// The name of the file without its extension.
    pub name: String,
    /// The images.
    pub images: Vec<Bitmap>,
    /// The arrays that have one item for each image: their keys, and the bytes of each item.
    pub labels: Vec<(String, Vec<Vec<u8>>)>,
}

impl SampleSet {
    /// Reads the images of an archive: those of the array `packed` (packed rows), whose shape (N, H, W) is the array
    /// `shape`, or else all images of the archive.
    ///
    /// # Errors
    ///
    /// If the archive cannot be read or has no images.
    pub fn load(path: &Path) -> Result<Self, Box<dyn std::error::Error>> {
        let archive = Archive::open(path)?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let mut images = Vec::new();
        if archive.contains("packed") && archive.contains("shape") {
            let shape = archive.array::<i64>("shape")?;
            let lengths: Vec<usize> =
                shape.iter().map(|&length| usize::try_from(length)).collect::<Result<_, _>>()?;
            let &[_, height, width] = lengths.as_slice() else {
                return Err("expected a shape (N, H, W)".into());
            };
            let packed = archive.dyn_array("packed")?;
            for rows in packed.data().chunks_exact(height * width.div_ceil(8)) {
                images.push(Bitmap::from_packed(height, width, rows.to_vec())?);
            }
        } else {
            for key in archive.keys() {
                if let Ok(set) = archive.images(&key) {
                    for image in set.bitmaps() {
                        images.push(image?);
                    }
                }
            }
        }
        if images.is_empty() {
            return Err("expected images".into());
        }
        let mut labels = Vec::new();
        for entry in archive.entries() {
            let entry = entry?;
            if *entry.shape() == [images.len()] {
                let array = archive.dyn_array(entry.key())?;
                let items = array.data().chunks_exact(array.dtype().item_size().max(1));
                labels.push((entry.key().to_owned(), items.map(<[u8]>::to_vec).collect()));
            }
        }
        Ok(Self { name, images, labels })
    }

    /// Returns `count` images: these, and as many copies as it takes, shifted so that they differ.
    #[must_use]
    pub fn extended(&self, count: usize) -> Vec<Bitmap> {
        (0..count)
            .map(|number| shifted(&self.images[number % self.images.len()], number / self.images.len()))
            .collect()
    }
}

/// Rotates the columns of an image to the right.
fn shifted(image: &Bitmap, columns: usize) -> Bitmap {
    let (height, width) = (image.height(), image.width());
    let mut moved = Bitmap::zeros(height, width).expect("an image of this size exists");
    for row in 0..height {
        for column in (0..width).filter(|&column| image.get(row, column) == Some(true)) {
            moved.set(row, (column + columns) % width, true);
        }
    }
    moved
}

/// Returns the median seconds of several runs, after one run that does not count.
pub fn median_seconds(runs: usize, mut run: impl FnMut()) -> f64 {
    run();
    median((0..runs).map(|_| {
        let start = Instant::now();
        run();
        start.elapsed().as_secs_f64()
    }))
}

/// Returns the median of numbers.
pub fn median(numbers: impl IntoIterator<Item = f64>) -> f64 {
    let mut numbers: Vec<f64> = numbers.into_iter().collect();
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}

/// Returns the key of an image: `ix-` and six digits.
#[must_use]
pub fn key(number: usize) -> String {
    format!("ix-{number:06}")
}

/// Draws smooth blobs, for benchmarks that have no sample images.
#[must_use]
pub fn blobs(count: usize, height: usize, width: usize) -> Vec<Bitmap> {
    let blob = |number: usize| {
        let mut image = Bitmap::zeros(height, width).expect("a small image");
        let (across, down) = (width as f64 * 0.3, height as f64 * 0.4);
        for row in 0..height {
            for column in 0..width {
                let x = (column as f64 - width as f64 / 2.0 - (number % 7) as f64) / across;
                let y = (row as f64 - height as f64 / 2.0 + (number % 5) as f64) / down;
                image.set(row, column, (0.3 + (number % 3) as f64 / 10.0..1.0).contains(&(x * x + y * y)));
            }
        }
        image
    };
    (0..count).map(blob).collect()
}
