//! Tests of packed bits and codecs against NumPy.

mod codec;
mod numpy;
