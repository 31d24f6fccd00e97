//! Images as payloads, as small as what is known of their kind makes them.
//!
//! A [`Model`] is trained on a sample of the images; with it an [`Encoder`] turns each image into a payload and a
//! [`Decoder`] turns payloads into images, each on its own. No payload is larger than the image's packed rows.

// Numbers here are small by construction: symbols, shares of a whole of 12 bits, and columns of images whose sides
// are at most `MAX_SIDE`.
#![allow(clippy::cast_possible_truncation, reason = "sides and symbols are bounded")]

mod contour;
mod decoder;
mod encoder;
mod layout;
mod model;
mod pixel;
mod range_coder;
mod rows;
mod table;
mod tree;
mod weights;
mod zstd;

pub use decoder::Decoder;
pub use encoder::Encoder;
pub use model::{Codec, Model, ParseCodecError, Sample};
pub use rows::{OnesCounter, Rows};

/// Images that are higher or wider are stored as packed rows, whatever the codec: a row of so many edges takes some bytes for
/// each.
const MAX_SIDE: usize = 1 << 16;
