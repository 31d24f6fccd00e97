//! The codec `contour`: images as the events of their runs, for outlines.
//!
//! To encode an image, its black runs are followed downwards as [`segments`], whose edges are those of consecutive rows that
//! [`matching`] pairs. The [`walk`] visits all segments in a fixed order and tells their [`event`]s, as symbols of several
//! [`alphabet`]s. What is known when a symbol is coded, its context, selects a [`prefix`] code by a [`tree`] that was learnt
//! ([`train`]); the codes make up the payload's [`bits`]. To decode, the same walk reads the symbols and draws on a [`canvas`].
//!
//! Coding edges relative to the row above is the idea of ITU-T T.6 and JBIG2's MMR; codes shared by contexts are context maps
//! as in Brotli (RFC 7932) and JPEG XL.

mod adaptive;
mod alphabet;
mod bits;
mod canvas;
mod classes;
mod decode;
mod encode;
mod event;
mod fault;
mod history;
mod matching;
mod model;
mod numbers;
mod parts;
mod prefix;
mod scan;
mod segments;
mod symbol_codes;
mod tables;
mod train;
mod tree;
mod waiting;
mod walk;

pub(super) use canvas::LARGE;
pub(super) use decode::{Decoder, Job};
pub(super) use encode::Encoder;
pub(super) use model::{Choice, Model};
