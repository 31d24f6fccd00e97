//! A model that several archives share.

use std::fmt;
use std::sync::Arc;

use bitnpz_bitmap::codec::{self, Codec};

use super::collected::CollectedImages;
use super::distinct::Distinct;
use super::model_bytes::ModelBytes;
use super::options::SetOptions;
use super::train::{Taught, train};
use crate::error::{ErrorKind, Result};

/// The first line of the bytes of a model.
const MAGIC: &[u8] = b"bitnpz model 1\n";

/// What a codec has learnt from images like those that are written: for archives that are written apart, as by many processes.
///
/// None of them trains a model then, and each is small from its first image on. [Merged](crate::Writer::merge), they have it once.
///
/// ```
/// use bitnpz::{Archive, Model, WriteOptions, Writer};
/// use ndarray::Array3;
///
/// let sample = Array3::from_shape_fn((1000, 16, 16), |(i, y, x)| y * x < i % 90);
/// let model = Model::train(&sample, 1_000_000, &WriteOptions::default())?;
/// let model = Model::from_bytes(&model.to_bytes())?;
/// let options = WriteOptions::default().with_model(model);
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("part.npz");
/// let mut writer = Writer::create_with(&path, &options)?;
/// writer.add_images("glyphs", &sample)?;
/// writer.finish()?;
/// assert_eq!(Archive::open(&path)?.array::<bool>("glyphs")?, sample.into_dyn());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Model(Arc<codec::Model>);

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = f.debug_struct("Model");
        fields.field("codec", &self.codec()).field("bytes", &self.0.as_bytes().len()).finish_non_exhaustive()
    }
}

impl Model {
    /// Trains a model on images of this height and width with these packed rows, for archives of `total` images each.
    pub(crate) fn of_rows(rows: &[u8], size: [usize; 2], total: usize, options: &SetOptions) -> Result<Self> {
        let mut images = CollectedImages::default();
        for rows in rows.chunks_exact((size[0] * size[1].div_ceil(8)).max(1)) {
            images.push(rows, size, None)?;
        }
        let bitmaps = images.bitmaps();
        let taught = Taught::new(&images, &bitmaps, &Distinct::of(&bitmaps));
        Ok(Self(Arc::new(train(&taught, total, options))))
    }

    /// Returns the model of the codec.
    pub(crate) fn of_codec(&self) -> &Arc<codec::Model> {
        &self.0
    }

    /// Returns the codec that the model is for.
    #[must_use]
    pub fn codec(&self) -> Codec {
        self.0.codec()
    }

    /// Returns the model as bytes: a line that says so, a line with the codec and the name of the model that it is a change of, or
    /// `-`, and the bytes of the model as archives have them.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let line = format!("{} {}\n", self.codec(), self.0.base().unwrap_or("-"));
        [MAGIC, line.as_bytes(), self.0.as_bytes()].concat()
    }

    /// Reads the bytes of a model.
    ///
    /// # Errors
    ///
    /// If they are not those of a model.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let damaged = |message: String| ErrorKind::Damaged { member: "model".to_owned(), message };
        let other = || damaged("expected the bytes of a model, found others".to_owned());
        let rest = bytes.strip_prefix(MAGIC).ok_or_else(other)?;
        let end = rest.iter().position(|&byte| byte == b'\n').ok_or_else(other)?;
        let line = std::str::from_utf8(&rest[..end]).map_err(|_| other())?;
        let (codec, base) = line.split_once(' ').ok_or_else(other)?;
        let codec: Codec =
            codec.parse().map_err(|error: codec::ParseNameError| damaged(error.to_string()))?;
        let base = (base != "-").then(|| base.to_owned());
        let is_known =
            |name: &String| codec::Model::shipped(name).is_some_and(|shipped| shipped.codec() == codec);
        if let Some(name) = base.as_ref().filter(|name| !is_known(name)) {
            let expected = "expected a change of a model of this library";
            return Err(damaged(format!("{expected}, found {name:?}; a newer one may have it")).into());
        }
        let model = ModelBytes { codec, base, bytes: rest[end + 1..].to_vec() }.to_model();
        Ok(Self(Arc::new(model.map_err(|error| damaged(error.to_string()))?)))
    }
}
