//! Tests of the `.npy` format against NumPy.

#[global_allocator]
static ALLOCATOR: bitnpz_oracle::Counting = bitnpz_oracle::Counting;

mod golden;
mod hostile;
mod numpy;
