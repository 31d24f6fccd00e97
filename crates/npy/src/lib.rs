//! Reads and writes NumPy's `.npy` format: one array in a file.
//!
//! This crate reads everything that `np.save` writes except Python objects: versions 1.0, 2.0 and 3.0,
//! every dtype in both byte orders, structured dtypes, C and Fortran order. It writes the same bytes as
//! `np.save`.
//!
//! - [`Header`] is the text at the start of the file: [`Dtype`], memory order and shape.
//! - [`DynArray`] is an array whose dtype is known at run time; [`DynArrayView`] borrows its bytes, for
//!   example from a memory map. Both convert to typed [`ndarray`] arrays.
//! - [`Reader`] and [`Writer`] process an array of any size item by item, in bounded memory.
//!
//! ```
//! use bitnpz_npy::{DynArray, DynArrayView, Limits};
//! use ndarray::array;
//!
//! let bytes = DynArray::from_ndarray(&array![[1_i64, 2], [3, 4]]).to_npy()?;
//! let view = DynArrayView::parse(&bytes, &Limits::default())?;
//! assert_eq!(view.shape(), [2, 2]);
//! assert_eq!(view.to_ndarray::<i64>()?, array![[1, 2], [3, 4]].into_dyn());
//! # Ok::<(), bitnpz_npy::Error>(())
//! ```
//!
//! Source: `numpy.lib.format` and NumPy Enhancement Proposal 1.

#![cfg_attr(not(test), forbid(unsafe_code))]

mod array;
mod descr;
mod dtype;
mod element;
mod error;
mod header;
mod kind;
mod limits;
mod literal;
mod memory;
mod reader;
mod repr;
mod swap;
mod type_string;
mod view;
mod writer;

pub use array::DynArray;
pub use dtype::{Dtype, Field, Record};
pub use element::Element;
pub use error::{Error, ErrorKind, Result};
pub use header::{Header, check_shape};
pub use kind::{ByteOrder, Kind};
pub use limits::Limits;
pub use memory::{OutOfMemory, copy, make_room, with_room, zeros};
pub use reader::Reader;
pub use view::DynArrayView;
pub use writer::Writer;
