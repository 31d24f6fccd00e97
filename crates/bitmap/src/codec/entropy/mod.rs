//! Entropy coding with learned contexts, for the codec `pixel`, and the range coder, which models of `contour` use too.
//!
//! Training: an [`Alphabet`] learns a decision tree from [`Observations`] of its symbols (`learn`) and appends it to a
//! model. Coding: the tree is read back (`alphabet`) and flattened (`tree_layout`) into a [`Table`], which gives the
//! [`Distribution`] of each context. The range coder turns the shares of all symbols into one payload.

mod alphabet;
mod learn;
mod observations;
mod range_coder;
mod table;
mod tree_layout;
mod weights;

pub(super) use alphabet::Alphabet;
pub(super) use observations::Observations;
pub(super) use range_coder::{RangeDecoder, RangeEncoder, Share};
pub(super) use table::Table;
