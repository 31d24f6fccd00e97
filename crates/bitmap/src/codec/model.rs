//! What a coder knows of images of a kind, whichever codec it is of.

use std::fmt;
use std::str::FromStr;
use std::sync::OnceLock;

use super::encoder::Encoder;
use super::{contour, pixel, zstd};
use crate::error::{ErrorKind, Result};
use crate::view::BitmapView;

/// A way to code images.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Codec {
    /// The moves of edges from row to row; for outlines: glyphs, handwriting, masks.
    Contour,
    /// Pixel by pixel, each after those around it; for noise, dither and tiny images.
    Pixel,
    /// Packed rows in frames of Zstandard with a dictionary: larger, and the fastest to read.
    Zstd,
    /// Packed rows as they are.
    Raw,
}

impl Codec {
    /// All codecs, by the names that [`Display`](fmt::Display) gives and [`FromStr`] takes.
    pub const ALL: [Self; 4] = [Self::Contour, Self::Pixel, Self::Zstd, Self::Raw];
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Contour => "contour",
            Self::Pixel => "pixel",
            Self::Zstd => "zstd",
            Self::Raw => "raw",
        })
    }
}

impl FromStr for Codec {
    type Err = ParseCodecError;

    fn from_str(name: &str) -> std::result::Result<Self, ParseCodecError> {
        let named = Self::ALL.into_iter().find(|codec| codec.to_string() == name);
        named.ok_or_else(|| ParseCodecError(name.to_owned()))
    }
}

/// A name that is not that of a [`Codec`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseCodecError(String);

impl fmt::Display for ParseCodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected one of contour, pixel, zstd and raw, found {:?}", self.0)
    }
}

impl std::error::Error for ParseCodecError {}

/// Images that a model is trained on, and how many it is for.
#[derive(Clone, Copy, Debug)]
pub struct Sample<'a> {
    /// The images, of any sizes.
    pub images: &'a [BitmapView<'a>],
    /// How many images there will be, these among them.
    pub total: usize,
}

impl Sample<'_> {
    /// The first of them, to try something: few images, of few pixels in all unless the first has more.
    fn first(&self) -> Self {
        let mut pixels = 0;
        let is_few = |image: &&BitmapView<'_>| {
            pixels += image.height() * image.width();
            pixels <= TRIED_PIXELS
        };
        let few = self.images.iter().take(FEW_IMAGES).take_while(is_few).count();
        Self { images: &self.images[..few.max(1).min(self.images.len())], ..*self }
    }

    /// Which part of all images these are.
    pub(super) fn part(&self) -> f64 {
        self.images.len() as f64 / self.total.max(self.images.len()).max(1) as f64
    }
}

/// A model of pixels is learned from at most so many; one that is only to tell whether it is worth it, from fewer, and is
/// tried on so many images of so many pixels in all.
const MOST_PIXELS: usize = 1 << 20;
const FEW_PIXELS: usize = 1 << 16;
const FEW_IMAGES: usize = 100;
const TRIED_PIXELS: usize = 1 << 21;

/// Pixel by pixel takes three to ten times as long to decode: it must be so much smaller to be chosen.
const SLOW: f64 = 1.02;

/// A model of more pixels makes images this much smaller, and not more.
const FAR: f64 = 1.25;

/// The model that ships with the library, of outlines of any kind, and its name. It never changes; another would have another
/// name.
const SHIPPED: (&str, &[u8]) = ("contour-1", include_bytes!("../../models/contour-1.bin"));

/// What a coder knows of images of a kind: how likely each symbol is in each context.
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
    bytes: Vec<u8>,
    pub(super) tables: Tables,
}

#[derive(Clone, Debug)]
pub(super) enum Tables {
    Contour(Box<contour::Model>),
    Pixel(Box<pixel::Model>),
    Zstd(zstd::Dictionary),
    Raw,
}

impl PartialEq for Model {
    fn eq(&self, other: &Self) -> bool {
        self.codec() == other.codec() && self.bytes == other.bytes
    }
}

impl Eq for Model {}

impl Model {
    /// A model of images like these. The same images give the same model.
    #[must_use]
    pub fn train(codec: Codec, sample: Sample<'_>) -> Self {
        let bytes = match codec {
            Codec::Contour => contour::Model::train(&sample),
            Codec::Pixel => return Self::of_pixels(sample, MOST_PIXELS, Self::few_pixels(sample).1),
            Codec::Zstd => zstd::train(&sample),
            Codec::Raw => Vec::new(),
        };
        Self::from_bytes(codec, &bytes).expect("what was trained can be read")
    }

    /// The model, of any codec but `zstd`, that makes all images smallest, itself included, as far as a sample tells; of
    /// `contour` and `pixel` that of `contour`, which is faster, unless it is 2 % larger.
    #[must_use]
    pub fn choose(sample: Sample<'_>) -> Self {
        let raw = Self::train(Codec::Raw, sample);
        let contour = Self::train(Codec::Contour, sample);
        let shipped = Self::shipped(SHIPPED.0).expect("it is this one").clone();
        // A model of few pixels tells soon where pixel by pixel is far from as small.
        let (few, compares_rows) = Self::few_pixels(sample);
        let mut models = vec![contour, shipped, raw];
        if few.cost(sample.first()) < FAR * models[0].cost(sample.first()).max(1.0) {
            models.push(Self::of_pixels(sample, MOST_PIXELS, compares_rows));
        }
        let handicap = |model: &Self| if model.codec() == Codec::Pixel { SLOW } else { 1.0 };
        let costs = models.into_iter().map(|model| (model.cost(sample) * handicap(&model), model));
        costs.min_by(|(a, _), (b, _)| a.total_cmp(b)).expect("there are models").1
    }

    /// A model of pixels, learned from about so many.
    fn of_pixels(sample: Sample<'_>, most: usize, compares_rows: bool) -> Self {
        let bytes = pixel::Model::train(&sample, most, compares_rows);
        Self::from_bytes(Codec::Pixel, &bytes).expect("what was trained can be read")
    }

    /// A model of few pixels, and whether to compare rows makes images smaller.
    fn few_pixels(sample: Sample<'_>) -> (Self, bool) {
        let [with, without] = [true, false].map(|rows| Self::of_pixels(sample, FEW_PIXELS, rows));
        let is_smaller = with.cost(sample.first()) <= without.cost(sample.first());
        if is_smaller { (with, true) } else { (without, false) }
    }

    /// The bytes of all images and the model, as far as a sample tells.
    fn cost(&self, sample: Sample<'_>) -> f64 {
        let mut encoder = Encoder::new();
        let mut payload = Vec::new();
        sample.images.iter().for_each(|&image| encoder.encode(self, image, &mut payload));
        let each = payload.len() as f64 / sample.images.len().max(1) as f64;
        let own = if self.name().is_some() { 0.0 } else { self.bytes.len() as f64 };
        own + each * sample.total as f64
    }

    /// The model of this name that ships with the library, for images too few to pay for one of their own.
    #[must_use]
    pub fn shipped(name: &str) -> Option<&'static Self> {
        static MODEL: OnceLock<Model> = OnceLock::new();
        let read =
            || Self::from_bytes(Codec::Contour, SHIPPED.1).expect("it was tried before it was shipped");
        (name == SHIPPED.0).then(|| MODEL.get_or_init(read))
    }

    /// The name of a model that ships with the library.
    #[must_use]
    pub fn name(&self) -> Option<&'static str> {
        (self.codec() == Codec::Contour && self.bytes == SHIPPED.1).then_some(SHIPPED.0)
    }

    /// Reads a model.
    ///
    /// # Errors
    ///
    /// If these are not the bytes of one of this codec.
    pub fn from_bytes(codec: Codec, bytes: &[u8]) -> Result<Self> {
        let mut rest = bytes;
        let tables = match codec {
            Codec::Contour => contour::Model::read(&mut rest).map(|model| Tables::Contour(Box::new(model))),
            Codec::Pixel => pixel::Model::read(&mut rest).map(|model| Tables::Pixel(Box::new(model))),
            Codec::Zstd => zstd::read(std::mem::take(&mut rest)).map(Tables::Zstd),
            Codec::Raw => Ok(Tables::Raw),
        };
        let message = match (tables, rest) {
            (Ok(tables), []) => return Ok(Self { bytes: bytes.to_vec(), tables }),
            (Ok(_), _) => "expected the end of the model, found more bytes",
            (Err(message), _) => message,
        };
        Err(ErrorKind::Model { message, offset: bytes.len() - rest.len() }.into())
    }

    /// Its bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The codec that it is of.
    #[must_use]
    pub fn codec(&self) -> Codec {
        match self.tables {
            Tables::Contour(_) => Codec::Contour,
            Tables::Pixel(_) => Codec::Pixel,
            Tables::Zstd(_) => Codec::Zstd,
            Tables::Raw => Codec::Raw,
        }
    }
}
