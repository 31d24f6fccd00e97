//! Tests of packed rows against NumPy, and of codecs.

mod codec;
mod numpy;
mod pixel;
