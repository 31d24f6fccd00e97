//! Counting what is allocated.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The system's allocator, which counts what each thread allocates: `#[global_allocator] static A: Counting = Counting;`.
#[derive(Debug)]
pub struct Counting;

/// What a thread has allocated while [`Counting::measure`] was at work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allocated {
    /// The most bytes at once.
    pub peak: usize,
    /// All bytes, which is a measure of the work too.
    pub total: usize,
}

thread_local! {
    static LIVE: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
    static TOTAL: Cell<usize> = const { Cell::new(0) };
}

impl Counting {
    /// Runs `work` and counts what this thread allocates for it.
    pub fn measure<R>(work: impl FnOnce() -> R) -> (R, Allocated) {
        let live = LIVE.get();
        PEAK.set(live);
        TOTAL.set(0);
        let result = work();
        let peak = usize::try_from(PEAK.get() - live).unwrap_or(0);
        (result, Allocated { peak, total: TOTAL.get() })
    }

    fn note(more: usize, less: usize) {
        let signed = |bytes: usize| isize::try_from(bytes).unwrap_or(isize::MAX);
        // A thread that ends has no counters any more.
        let _ = LIVE.try_with(|live| {
            live.set(live.get().saturating_add(signed(more)).saturating_sub(signed(less)));
            let _ = PEAK.try_with(|peak| peak.set(peak.get().max(live.get())));
        });
        let _ = TOTAL.try_with(|total| total.set(total.get().saturating_add(more)));
    }
}

#[allow(unsafe_code, reason = "every call goes to the system's allocator as it came")]
// SAFETY: as the reason says.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Self::note(layout.size(), 0);
        // SAFETY: as for the caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        Self::note(layout.size(), 0);
        // SAFETY: as for the caller.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        Self::note(0, layout.size());
        // SAFETY: as for the caller.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        Self::note(size, layout.size());
        // SAFETY: as for the caller.
        unsafe { System.realloc(pointer, layout, size) }
    }
}
