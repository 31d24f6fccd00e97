//! Measures the cost of work: the bytes it allocates and the steps it takes.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The system's allocator, with counters of what each thread allocates: `#[global_allocator] static A: Counting = Counting;`.
#[derive(Debug)]
pub struct Counting;

/// The cost of some work to the thread that called [`Counting::measure`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// The most bytes that were allocated at once.
    pub peak: usize,
    /// The bytes of all allocations together.
    pub total: usize,
    /// The edges taken between basic blocks: a measure of time that is the same in every run. Counted only in programs that
    /// `cargo xtask steps` builds, in all Rust code except the standard library; 0 in others.
    pub steps: u64,
}

thread_local! {
    static LIVE: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
    static TOTAL: Cell<usize> = const { Cell::new(0) };
    static STEPS: Cell<u64> = const { Cell::new(0) };
}

impl Cost {
    /// Returns the larger of each number.
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
    /// Runs `work` and returns its cost to this thread.
    ///
    /// # Panics
    ///
    /// If this is a build that counts steps, and none were counted.
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
        // The counters of a thread that is ending may be gone.
        let _ = LIVE.try_with(|live| {
            live.set(live.get().saturating_add(signed(more)).saturating_sub(signed(less)));
            let _ = PEAK.try_with(|peak| peak.set(peak.get().max(live.get())));
        });
        let _ = TOTAL.try_with(|total| total.set(total.get().saturating_add(more)));
    }
}

#[allow(unsafe_code, reason = "GlobalAlloc is an unsafe trait")]
// SAFETY: every call is passed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Self::note(layout.size(), 0);
        // SAFETY: the caller upholds the contract of this method.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        Self::note(layout.size(), 0);
        // SAFETY: the caller upholds the contract of this method.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        Self::note(0, layout.size());
        // SAFETY: the caller upholds the contract of this method.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        Self::note(size, layout.size());
        // SAFETY: the caller upholds the contract of this method.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

/// Counts a step. LLVM's coverage pass calls this at each edge (SanitizerCoverage, `trace-pc`).
#[cfg(bitnpz_steps)]
#[allow(unsafe_code, reason = "the pass requires this name")]
#[unsafe(no_mangle)]
extern "C" fn __sanitizer_cov_trace_pc() {
    let _ = STEPS.try_with(|steps| steps.set(steps.get() + 1));
}
