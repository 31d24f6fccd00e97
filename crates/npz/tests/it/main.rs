//! Tests of archives against NumPy, the `zip` crate and hostile files.

#[global_allocator]
static ALLOCATOR: bitnpz_oracle::Counting = bitnpz_oracle::Counting;

mod faults;
mod fields;
mod hostile;
mod numpy;
mod parts;
mod ranges;
mod salvage;
mod unseekable;
mod zip_crate;
