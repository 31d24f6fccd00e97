//! Helpers of several tests.

use std::path::{Path, PathBuf};

use bitnpz::{Encoding, WriteOptions, Writer};
use bitnpz_oracle::Oracle;
use ndarray::{Array2, Array3};

/// A temporary folder, removed when it is dropped.
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// Returns the path of a file in the folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Returns the names of all files in the folder, sorted.
    pub(crate) fn files(&self) -> Vec<String> {
        let name =
            |file: std::io::Result<std::fs::DirEntry>| file.unwrap().file_name().into_string().unwrap();
        let mut names: Vec<_> = std::fs::read_dir(&self.0).unwrap().map(name).collect();
        names.sort();
        names
    }
}

/// Creates an archive with this encoding.
pub(crate) fn create(path: &Path, encoding: Encoding) -> Writer {
    Writer::create_with(path, &WriteOptions::default().with_encoding(encoding)).unwrap()
}

/// Starts Python with NumPy as `np` and the reference decoder as `bitnpz_reference`.
pub(crate) fn reference_decoder() -> Oracle {
    let mut python = Oracle::start();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../reference");
    let import = "import sys\nsys.path.insert(0, inputs[0].decode())\nimport bitnpz_reference";
    python.run(import, &[folder.to_str().unwrap().as_bytes()]);
    python
}

/// Returns an image of a blob, bars or noise; many seeds give the same image.
pub(crate) fn image(height: usize, width: usize, seed: usize) -> Array2<bool> {
    let seed = seed % 60;
    Array2::from_shape_fn((height, width), |(row, column)| match seed % 3 {
        0 => {
            row.abs_diff(height / 2).pow(2) + column.abs_diff(width * (seed % 7) / 7).pow(2)
                < (seed + 9).pow(2) / 9
        }
        1 => (row * seed + column * 7) % (5 + seed % 11) < 2,
        _ => (row * 31 + column * 17 + seed * 13) % 101 * seed % 7 < 3,
    })
}

/// Returns a stack of images of 20 rows and 30 columns.
pub(crate) fn stack(count: usize) -> Array3<bool> {
    let mut stack = Array3::from_elem((count, 20, 30), false);
    stack.outer_iter_mut().enumerate().for_each(|(seed, mut to)| to.assign(&image(20, 30, seed * seed)));
    stack
}
