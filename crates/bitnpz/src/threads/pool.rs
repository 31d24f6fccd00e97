//! The threads of a process that read batches.

use std::sync::{Arc, Mutex, PoisonError};

use bitnpz_npz::Owner;
use rayon_core::{ThreadPool, ThreadPoolBuilder};

use super::fork::ClosedGate;
use crate::error::Result;
use crate::interrupt;

/// The helper threads of one process; none if the system has none to give. A forked child inherits this memory but not the
/// threads, and makes its own.
struct Helpers {
    owner: Owner,
    pool: Option<Arc<ThreadPool>>,
}

static HELPERS: Mutex<Option<Helpers>> = Mutex::new(None);

/// Returns the helper threads of this process.
fn helpers() -> Option<Arc<ThreadPool>> {
    let _gate = ClosedGate::new();
    // Locked only behind the gate: it is found locked by a child whose parent forked without `before_fork`.
    let mut helpers = HELPERS.try_lock().ok()?;
    if !helpers.as_ref().is_some_and(|helpers| helpers.owner.is_current()) {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let start = || {
            let builder = ThreadPoolBuilder::new().num_threads(cores - 1);
            builder.thread_name(|number| format!("bitnpz-{number}")).build().ok().map(Arc::new)
        };
        let pool = (cores > 1).then(start).flatten();
        // To drop a parent's pool would wait for threads that this process does not have.
        std::mem::forget(helpers.replace(Helpers { owner: Owner::current(), pool }));
    }
    helpers.as_ref().and_then(|helpers| helpers.pool.clone())
}

/// Calls `work` with every share, on all cores. The calling thread takes part, so it need not wait for others to wake up. The
/// first error ends the work.
pub(crate) fn share<S: Send>(
    shares: impl ExactSizeIterator<Item = S> + Send,
    work: impl Fn(S) -> Result<()> + Sync,
) -> Result<()> {
    let count = shares.len();
    let Some(helpers) = (count > 1).then(helpers).flatten() else {
        let mut shares = shares;
        return shares.try_for_each(|share| interrupt::check().and_then(|()| work(share)));
    };
    let rest = Mutex::new((shares, Ok(())));
    let lock = || rest.lock().unwrap_or_else(PoisonError::into_inner);
    let take = || {
        let (shares, result) = &mut *lock();
        if result.is_ok() { shares.next() } else { None }
    };
    let work_on = || {
        while let Some(share) = take() {
            // Only the calling thread is ever interrupted; the others stop at its error.
            if let Err(error) = interrupt::check().and_then(|()| work(share)) {
                lock().1 = Err(error);
            }
        }
    };
    helpers.in_place_scope(|scope| {
        for _ in 0..helpers.current_num_threads().min(count - 1) {
            scope.spawn(|_| work_on());
        }
        work_on();
    });
    rest.into_inner().unwrap_or_else(PoisonError::into_inner).1
}
