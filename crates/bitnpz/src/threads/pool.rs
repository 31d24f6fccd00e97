//! The threads of a process that read batches.

use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
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
    pool: Option<Arc<Pool>>,
}

struct Pool {
    threads: ThreadPool,
    /// The number of threads that share batches now, or will: callers, and helpers that are called.
    busy: AtomicUsize,
}

/// A thread that shares a batch, as long as this lives.
struct Busy<'p>(&'p Pool);

impl<'p> Busy<'p> {
    fn new(pool: &'p Pool) -> Self {
        pool.busy.fetch_add(1, Ordering::Relaxed);
        Self(pool)
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.busy.fetch_sub(1, Ordering::Relaxed);
    }
}

static HELPERS: Mutex<Option<Helpers>> = Mutex::new(None);

/// Returns the helper threads of this process.
fn helpers() -> Option<Arc<Pool>> {
    let _gate = ClosedGate::new();
    // Locked only behind the gate: it is found locked by a child whose parent forked without `before_fork`.
    let mut helpers = HELPERS.try_lock().ok()?;
    if !helpers.as_ref().is_some_and(|helpers| helpers.owner.is_current()) {
        let count = default_count().get();
        let start = || {
            let builder = ThreadPoolBuilder::new().num_threads(count - 1);
            let threads = builder.thread_name(|number| format!("bitnpz-{number}")).build().ok()?;
            Some(Arc::new(Pool { threads, busy: AtomicUsize::new(0) }))
        };
        let pool = (count > 1).then(start).flatten();
        // To drop a parent's pool would wait for threads that this process does not have.
        std::mem::forget(helpers.replace(Helpers { owner: Owner::current(), pool }));
    }
    helpers.as_ref().and_then(|helpers| helpers.pool.clone())
}

/// The environment variable that says how many threads there are, as a number from 1.
const VARIABLE: &str = "BITNPZ_THREADS";

/// Returns how many threads work together unless a caller says how many: as many as the environment variable says, or one per core.
pub(crate) fn default_count() -> NonZero<usize> {
    // No lock, which a fork could find taken: two threads may both count.
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    NonZero::new(COUNT.load(Ordering::Relaxed)).unwrap_or_else(|| {
        let wanted = std::env::var(VARIABLE).ok().and_then(|wanted| wanted.trim().parse().ok());
        let count: NonZero<usize> =
            wanted.unwrap_or_else(|| std::thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN));
        COUNT.store(count.get(), Ordering::Relaxed);
        count
    })
}

/// Calls `work` with every share, on at most so many threads. The calling thread takes part, so it need not wait for others to
/// wake up; and if several threads read batches, each does its own, since all would wait for the same helpers. The first error ends
/// the work.
pub(crate) fn share<S: Send>(
    threads: NonZero<usize>,
    shares: impl ExactSizeIterator<Item = S> + Send,
    work: impl Fn(S) -> Result<()> + Sync,
) -> Result<()> {
    let count = shares.len();
    let Some(helpers) = (count > 1 && threads.get() > 1).then(helpers).flatten() else {
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
    let _busy = Busy::new(&helpers);
    let idle =
        (helpers.threads.current_num_threads() + 1).saturating_sub(helpers.busy.load(Ordering::Relaxed));
    let wanted = idle.min(count - 1).min(threads.get() - 1);
    // Counted before they wake up, so that nobody else calls them.
    let called: Vec<Busy<'_>> = (0..wanted).map(|_| Busy::new(&helpers)).collect();
    if called.is_empty() {
        work_on();
    } else {
        helpers.threads.in_place_scope(|scope| {
            for busy in called {
                scope.spawn(|_| {
                    work_on();
                    drop(busy);
                });
            }
            work_on();
        });
    }
    rest.into_inner().unwrap_or_else(PoisonError::into_inner).1
}
