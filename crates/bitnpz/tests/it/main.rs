//! Tests of the library against NumPy and the reference decoder.

#[global_allocator]
static ALLOCATOR: bitnpz_oracle::Counting = bitnpz_oracle::Counting;

mod axes;
mod batches;
#[cfg(feature = "picture")]
mod damaged_pictures;
mod doors;
mod errors;
mod hostile;
mod numpy;
mod order;
#[cfg(feature = "picture")]
mod pictures;
mod progress;
mod salvage;
mod sets;
