//! Codecs: encoding images as payloads, and decoding them.
//!
//! A [`Model`] is trained on a sample of the images. With it an [`Encoder`] turns each image into a payload and a
//! [`Decoder`] turns a payload into its image, independently of all others. No payload is larger than the image's packed
//! rows.

// Numbers here are small by construction: symbols, 12-bit shares, and columns of images whose sides are at most
// `MAX_SIDE`.
#![allow(clippy::cast_possible_truncation, reason = "sides and symbols are bounded")]

mod contour;
mod decoder;
mod effort;
mod encoder;
mod gamma;
mod kind;
mod limits;
mod model;
mod name;
mod pixel;
mod range_coder;
mod rows;
mod sample;
mod train;
mod zstd;

pub use decoder::Decoder;
pub use effort::Effort;
pub use encoder::Encoder;
pub use kind::Codec;
pub use limits::MAX_SIDE;
pub use model::Model;
pub use name::ParseNameError;
pub use rows::{OnesCounter, RowSink};
pub use sample::Sample;
