//! Allocations that are made by other crates.

use std::hint::black_box;

use bitnpz_npy::{OutOfMemory, with_room};

/// Checks that this many bytes can be allocated. For code that allocates them itself and aborts the process if it cannot.
pub(crate) fn check_room(bytes: usize) -> Result<(), OutOfMemory> {
    // Without `black_box`, the compiler may remove the allocation as unused.
    drop(black_box(with_room::<u8>(bytes)?));
    Ok(())
}
