//! What every fuzz target shares: an allocator that finds claims that are allocated.

use std::alloc::{GlobalAlloc, Layout, System};

/// Ends the process when one allocation is larger than any input could justify.
#[derive(Debug)]
pub struct Bounded;

/// Far more than an input of a few kilobytes can expand to.
const LARGEST: usize = 64 << 20;

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Bounded {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        assert!(layout.size() <= LARGEST, "{} bytes were asked for", layout.size());
        // SAFETY: as for the caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as for the caller.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        assert!(size <= LARGEST, "{size} bytes were asked for");
        // SAFETY: as for the caller.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

/// Splits an input: each part but the last has its length before it, in two bytes.
#[must_use]
pub fn parts<const N: usize>(mut input: &[u8]) -> [&[u8]; N] {
    std::array::from_fn(|part| match input.split_first_chunk() {
        Some((&length, rest)) if part + 1 < N => {
            let (first, rest) = rest.split_at(rest.len().min(u16::from_le_bytes(length).into()));
            input = rest;
            first
        }
        _ => std::mem::take(&mut input),
    })
}
