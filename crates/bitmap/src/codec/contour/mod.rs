//! Images as the moves of their edges, for outlines.

mod decode;
mod encode;
mod features;
mod model;
mod scan;

pub(super) use decode::Decoder;
pub(super) use encode::Encoder;
pub(super) use model::Model;
