//! Shared by the fuzz targets: an allocator that catches excessive allocations, a folder, and images made from an input.

use std::alloc::{GlobalAlloc, Layout, System};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use bitnpz::Bitmap;

/// The system's allocator, which aborts the process if an allocation, or all live allocations together, are larger than
/// an input can justify.
#[derive(Debug)]
pub struct BoundedAllocator;

/// The largest allocation: far more than an input of a few kilobytes can expand to.
const LARGEST_ALLOCATION: usize = 64 << 20;

/// The most bytes allocated at once; libFuzzer's own do not count.
const MOST_LIVE_BYTES: usize = 256 << 20;

static LIVE_BYTES: AtomicUsize = AtomicUsize::new(0);

impl BoundedAllocator {
    fn take(size: usize) {
        let live = LIVE_BYTES.fetch_add(size, Ordering::Relaxed) + size;
        if size > LARGEST_ALLOCATION || live > MOST_LIVE_BYTES {
            // A message would need an allocation.
            std::process::abort();
        }
    }
}

// SAFETY: every call is passed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for BoundedAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Self::take(layout.size());
        // SAFETY: the caller upholds the contract of this method.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        Self::take(layout.size());
        // SAFETY: the caller upholds the contract of this method.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE_BYTES.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller upholds the contract of this method.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        Self::take(size);
        LIVE_BYTES.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller upholds the contract of this method.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

/// Splits an input into `N` parts. Each part but the last has its length before it, in two bytes.
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

/// Returns this process's own folder for temporary files.
#[must_use]
pub fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = std::env::temp_dir().join(format!("bitnpz-fuzz-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder can be made");
        folder
    })
}

/// Makes numbers and images from the bytes of an input, followed by zeros.
#[derive(Debug)]
pub struct Drawing<'a>(&'a [u8]);

impl<'a> Drawing<'a> {
    /// Starts with these bytes.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Returns a number below `end`, which is at most 256.
    pub fn below(&mut self, end: usize) -> usize {
        let byte = self.0.split_off_first().copied().unwrap_or(0);
        usize::from(byte) % end.max(1)
    }

    /// Returns an image: blank, noise, a rectangle, or runs whose ends move from row to row.
    pub fn bitmap(&mut self, height: usize, width: usize) -> Bitmap {
        let mut bitmap = Bitmap::zeros(height, width).expect("it is small");
        let [kind, mut left, mut right, seed] =
            [4, width.max(1), width.max(1), 251].map(|end| self.below(end));
        for row in 0..height {
            if kind == 3 {
                left = (left + self.below(3)).saturating_sub(1);
                right = (right + self.below(3)).saturating_sub(1);
            }
            for column in 0..width {
                let is_on = match kind {
                    0 => false,
                    1 => (row * 31 + column * 17 + seed) * (seed | 1) % 7 < 3,
                    2 => row >= left && column >= left && column < right,
                    _ => column >= left.min(right) && column < left.max(right),
                };
                bitmap.set(row, column, is_on);
            }
        }
        bitmap
    }
}
