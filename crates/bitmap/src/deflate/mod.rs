//! DEFLATE (RFC 1951) of bilevel images at one byte per pixel, for readers that do not know packed rows.
//!
//! A general encoder looks for repeats with hash chains, byte by byte. Here the data is known: two byte values in
//! rows of one width. What repeats is a run (distance 1) or the row above, shifted by at most one pixel (distances
//! W - 1, W, W + 1), and the length of a repeat is a run of zeros in `bits ^ (bits >> distance)`. So finding the
//! cheapest path through all of these, at typical prices of symbols, takes less time than a hash chain, and the stream
//! is smaller than the best of zlib and libdeflate. Measurements are in docs/performance.md.
//!
//! The stages: pixels are joined into one line of bits ([`pixel_bits`]); the cheapest path of literals and matches is
//! found ([`parser`]), counted, given prefix codes ([`huffman`]) and written as a block ([`block`]).

#![allow(clippy::cast_possible_truncation, reason = "symbols, lengths and distances of the format are small")]

mod bits;
mod block;
mod block_codes;
mod code;
mod encoder;
mod head;
mod header;
mod huffman;
mod parser;
mod pixel_bits;
mod prices;
mod tokens;

pub use encoder::DeflateEncoder;
