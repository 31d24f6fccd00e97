//! Models: what a codec has learnt from a sample of images.

use std::sync::OnceLock;

use super::kind::Codec;
use super::{contour, pixel, zstd};
use crate::error::{ErrorKind, Result};

/// The name and the bytes of the model that ships with the library, trained on outlines of many kinds.
///
/// Archives refer to it by name, so it never changes; an improved one needs another name.
pub(super) const SHIPPED_NAME: &str = "contour-2";
const SHIPPED_BYTES: &[u8] = include_bytes!("../../models/contour-2.bin");

/// What a codec has learnt from a sample: the contexts, and how likely each symbol is in each of them.
///
/// ```
/// use bitnpz_bitmap::codec::{Codec, Model, Sample};
/// use bitnpz_bitmap::Bitmap;
///
/// let images = vec![Bitmap::zeros(28, 28)?; 10];
/// let views: Vec<_> = images.iter().map(Bitmap::view).collect();
/// let model = Model::train(Codec::Contour, Sample { images: &views, total: 10 });
/// assert_eq!(Model::from_bytes(Codec::Contour, model.as_bytes())?, model);
/// # Ok::<(), bitnpz_bitmap::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Model {
    /// The name of the shipped model that it is, or is a change of.
    base: Option<&'static str>,
    bytes: Vec<u8>,
    pub(super) tables: ModelTables,
}

/// A model in the form that encoders and decoders use.
#[derive(Clone, Debug)]
pub(super) enum ModelTables {
    Contour(Box<contour::Model>),
    Pixel(Box<pixel::PixelModel>),
    Zstd(zstd::Dictionary),
    Raw,
}

impl PartialEq for Model {
    fn eq(&self, other: &Self) -> bool {
        (self.codec(), self.base, &self.bytes) == (other.codec(), other.base, &other.bytes)
    }
}

impl Eq for Model {}

impl Model {
    /// Returns the model of this name that ships with the library, for images too few to pay for one of their own. It has no
    /// bytes, since every reader has it.
    ///
    /// ```
    /// use bitnpz_bitmap::codec::{Codec, Model};
    ///
    /// let model = Model::shipped("contour-2").unwrap();
    /// assert_eq!(model.codec(), Codec::Contour);
    /// assert!(model.as_bytes().is_empty());
    /// assert_eq!(Model::shipped("contour-0"), None);
    /// ```
    #[must_use]
    pub fn shipped(name: &str) -> Option<&'static Self> {
        static MODEL: OnceLock<Model> = OnceLock::new();
        let read = || {
            let own = Self::from_bytes(Codec::Contour, SHIPPED_BYTES).expect("the shipped model is valid");
            Self { base: Some(SHIPPED_NAME), bytes: Vec::new(), ..own }
        };
        // It is made outside the lock: in a child that is forked meanwhile, nobody would open it.
        (name == SHIPPED_NAME).then(|| {
            MODEL.get().unwrap_or_else(|| {
                let model = read();
                MODEL.get_or_init(|| model)
            })
        })
    }

    /// Reads a model.
    ///
    /// # Errors
    ///
    /// If `bytes` are not a model of this codec.
    pub fn from_bytes(codec: Codec, bytes: &[u8]) -> Result<Self> {
        let mut rest = bytes;
        let tables = match codec {
            Codec::Contour => contour::Model::read(std::mem::take(&mut rest))
                .map(|model| ModelTables::Contour(Box::new(model))),
            Codec::Pixel => {
                pixel::PixelModel::read(&mut rest).map(|model| ModelTables::Pixel(Box::new(model)))
            }
            Codec::Zstd => zstd::read(std::mem::take(&mut rest)).map(ModelTables::Zstd),
            Codec::Raw => Ok(ModelTables::Raw),
        };
        let message = match (tables, rest) {
            (Ok(tables), []) => return Ok(Self { base: None, bytes: bytes.to_vec(), tables }),
            (Ok(_), _) => "expected the end of the model, found more bytes",
            (Err(message), _) => message,
        };
        Err(ErrorKind::Model { message, offset: bytes.len() - rest.len() }.into())
    }

    /// Reads the changes that make another model of a shipped one; no bytes are the shipped model itself.
    ///
    /// # Errors
    ///
    /// If this is not a shipped model, or if `bytes` are not changes of it.
    pub fn with_changes(&self, bytes: &[u8]) -> Result<Self> {
        let model = match &self.tables {
            ModelTables::Contour(model) if self.base.is_some() && self.bytes.is_empty() => model,
            _ => {
                let message = "expected changes of a shipped model, found another model";
                return Err(ErrorKind::Model { message, offset: 0 }.into());
            }
        };
        if bytes.is_empty() {
            return Ok(self.clone());
        }
        match model.read_changes(bytes) {
            Ok(model) => {
                let tables = ModelTables::Contour(Box::new(model));
                Ok(Self { base: self.base, bytes: bytes.to_vec(), tables })
            }
            Err(message) => Err(ErrorKind::Model { message, offset: bytes.len() }.into()),
        }
    }

    /// Returns the name of the shipped model that it is, or is a change of.
    #[must_use]
    pub fn base(&self) -> Option<&'static str> {
        self.base
    }

    /// Returns the bytes of the model, from which [`from_bytes`](Self::from_bytes) reads it; of a model with a
    /// [base](Self::base) those that [`with_changes`](Self::with_changes) reads.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the codec that the model is for.
    #[must_use]
    pub fn codec(&self) -> Codec {
        match self.tables {
            ModelTables::Contour(_) => Codec::Contour,
            ModelTables::Pixel(_) => Codec::Pixel,
            ModelTables::Zstd(_) => Codec::Zstd,
            ModelTables::Raw => Codec::Raw,
        }
    }
}
