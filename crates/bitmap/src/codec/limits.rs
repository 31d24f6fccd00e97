//! The largest images that codecs take.

/// The largest height and width of an image that is modelled; larger ones are stored as packed rows, whatever the codec.
///
/// It bounds the memory for the edges of one row, each of which takes several bytes.
pub(super) const MAX_SIDE: usize = 1 << 16;
