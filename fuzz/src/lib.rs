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
