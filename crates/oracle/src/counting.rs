//! Counting what work costs: the bytes it allocates and the steps it takes.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The system's allocator, which counts what each thread allocates: `#[global_allocator] static A: Counting = Counting;`.
#[derive(Debug)]
pub struct Counting;

/// What some work has cost the thread that called [`Counting::measure`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// The most bytes allocated at once.
    pub peak: usize,
    /// All bytes allocated.
    pub total: usize,
    /// The edges taken between basic blocks, the same in every run: the time without a clock. Only programs built by
    /// `cargo xtask steps` count them, of all that is written in Rust but the standard library; others have 0 here.
    pub steps: u64,
}

thread_local! {
    static LIVE: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
    static TOTAL: Cell<usize> = const { Cell::new(0) };
    static STEPS: Cell<u64> = const { Cell::new(0) };
}

impl Cost {
    /// The larger of each.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        Self {
            peak: self.peak.max(other.peak),
            total: self.total.max(other.total),
            steps: self.steps.max(other.steps),
        }
    }
}

impl Counting {
    /// Runs `work` and counts what it costs this thread.
    ///
    /// # Panics
    ///
    /// If the steps should be counted and are not.
    pub fn measure<R>(work: impl FnOnce() -> R) -> (R, Cost) {
        let live = LIVE.get();
        PEAK.set(live);
        TOTAL.set(0);
        STEPS.set(0);
        let result = work();
        let peak = usize::try_from(PEAK.get() - live).unwrap_or(0);
        let cost = Cost { peak, total: TOTAL.get(), steps: STEPS.get() };
        assert!(cost.steps > 0 || !cfg!(bitnpz_steps), "no steps were counted");
        (result, cost)
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

/// What LLVM's coverage pass calls at each edge (SanitizerCoverage, `trace-pc`).
#[cfg(bitnpz_steps)]
#[allow(unsafe_code, reason = "the name is that which the pass calls")]
#[unsafe(no_mangle)]
extern "C" fn __sanitizer_cov_trace_pc() {
    let _ = STEPS.try_with(|steps| steps.set(steps.get() + 1));
}
