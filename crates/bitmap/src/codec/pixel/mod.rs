//! The codec `pixel`: each pixel in the context of its neighbours, for noise, dither and tiny images.

mod code;
mod model;
mod scan;
mod template;
mod train;
mod window;

pub(super) use code::PixelCodec;
pub(super) use model::PixelModel;
pub(super) use train::{TypicalPrediction, train};
