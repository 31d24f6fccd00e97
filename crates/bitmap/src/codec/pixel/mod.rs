//! Images pixel by pixel, each after those around it, for noise, dither and tiny images.

mod code;
mod model;
mod scan;
mod template;

pub(super) use code::PixelCoder;
pub(super) use model::Model;
