//! Packing rows of pixels and unpacking them, with the machine's vector instructions.
//!
//! This is the only module with unsafe code. [`rows`] loops over the rows with any [`rows::Kernel`], which compares or
//! chooses 64 lanes with the instructions of one set. `dispatch` picks the kernel at run time. The tests compare each
//! kernel with `naive`.

#![allow(unsafe_code)]

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod dispatch;
mod lane;
#[cfg(test)]
mod naive;
mod portable;
mod rows;
#[cfg(test)]
mod tests;

pub(crate) use dispatch::unpack_bools;
pub use dispatch::{pack_rows, unpack_rows};
pub use lane::Lane;
