//! Writing an archive, image by image and array by array.

use std::borrow::Cow;
use std::path::Path;

use bitnpz_bitmap::BitmapView;
use bitnpz_npy::{Dtype, DynArrayView, Element, Header};
use bitnpz_npz::AtomicFile;
use ndarray::{ArrayRef, Dimension};

use crate::encoding::Encoding;
use crate::error::{Error, ErrorKind, Result};
use crate::options::WriteOptions;
use crate::packed::{self, PackedIndex, PackedKind, Palette};
use crate::plain;

/// What a finished archive holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// Images added, those of stacks included.
    pub images: usize,
    /// Keys added, of images and of ordinary arrays.
    pub keys: usize,
    /// The file's size in bytes.
    pub bytes: u64,
}

/// Writes an archive: images and ordinary arrays, each under its key.
///
/// The archive appears under its name when [`finish`](Self::finish) returns, and not before: a writer
/// that is dropped leaves nothing behind, and a file it was to replace as it was. Images are
/// compressed on all cores while more are added; memory stays bounded, however many there are.
///
/// ```
/// use ndarray::array;
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("training.npz");
/// let mut writer = bitnpz::Writer::create(&path)?;
/// writer.add_image("ix-000000", &array![[false, true], [true, false]])?;
/// writer.add_array("outputs", &array![3_i64])?;
/// writer.finish()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Writer {
    zip: bitnpz_npz::Writer<AtomicFile>,
    encoding: Encoding,
    kinds: Vec<PackedKind>,
    /// For each key in order: the number of its kind, if it holds packed images.
    members: Vec<Option<u32>>,
    images: usize,
}
