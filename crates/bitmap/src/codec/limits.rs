//! The largest images that codecs take.

/// The largest height and width of an image that is modelled; larger ones are stored as packed rows, whatever the codec.
///
/// It bounds the numbers in payloads, and the memory that a short payload can ask for.
pub const MAX_SIDE: usize = 1 << 16;
