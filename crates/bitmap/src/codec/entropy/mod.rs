//! Entropy coding with learned contexts, shared by the codecs `contour` and `pixel`.
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
pub(super) use range_coder::{RangeDecoder, RangeEncoder};
pub(super) use table::{Distribution, Table};
pub(super) use weights::SYMBOLS;
