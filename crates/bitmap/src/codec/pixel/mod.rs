//! The codec `pixel`: each pixel in the context of its neighbours, for noise, dither and tiny images.

mod contexts;
mod decode;
mod encode;
mod learn;
mod model;
mod observations;
mod scan;
mod shares;
mod template;
mod train;
mod tree;
mod weights;
mod window;

pub(super) use decode::Decoder;
pub(super) use encode::Encoder;
pub(super) use model::PixelModel;
pub(super) use train::{Style, TypicalPrediction, train};
