//! The threads that read batches.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rayon_core::{ThreadPool, ThreadPoolBuilder};

use crate::error::Result;
use crate::interrupt;

/// The threads of one process, which help the one that calls; none if the system has none to give. A child that is forked
/// inherits its parent's memory, and none of its threads: it makes its own.
struct Threads {
    process: u32,
    helpers: Option<Arc<ThreadPool>>,
}

static THREADS: Mutex<Option<Threads>> = Mutex::new(None);

/// Taken by whoever looks at what is made once for a process, and by a fork while it happens: so that a child finds it whole,
/// or not yet begun, and never in the making by a thread that it does not have.
/// It is the number of the process that has taken it, or 0: what a parent has taken a child need not wait for.
static GATE: AtomicU32 = AtomicU32::new(0);

fn close_gate() {
    let process = std::process::id();
    let mut found = 0;
    while let Err(other) = GATE.compare_exchange(found, process, Ordering::Acquire, Ordering::Relaxed) {
        found = if other == process { 0 } else { other };
        std::thread::yield_now();
    }
}

fn open_gate() {
    GATE.store(0, Ordering::Release);
}

/// Waits until nothing of this library is in the making that a forked child could find half made, and keeps it so until
/// [`after_fork`]. A program that forks while others of its threads use the library calls both around the fork; the Python
/// package does so by itself.
pub fn before_fork() {
    close_gate();
}

/// What [`before_fork`] goes before; to be called in the parent and in the child.
pub fn after_fork() {
    open_gate();
}

/// Those of this process.
fn helpers() -> Option<Arc<ThreadPool>> {
    close_gate();
    let helpers = behind_gate();
    open_gate();
    helpers
}

fn behind_gate() -> Option<Arc<ThreadPool>> {
    // It is locked behind the gate only: who finds it locked is a child of a fork that did not wait for the gate.
    let mut threads = THREADS.try_lock().ok()?;
    let process = std::process::id();
    if threads.as_ref().is_none_or(|threads| threads.process != process) {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let pool = || {
            let builder = ThreadPoolBuilder::new().num_threads(cores - 1);
            builder.thread_name(|number| format!("bitnpz-{number}")).build().ok().map(Arc::new)
        };
        let helpers = (cores > 1).then(pool).flatten();
        // A parent's threads are not here to be ended.
        std::mem::forget(threads.replace(Threads { process, helpers }));
    }
    threads.as_ref().and_then(|threads| threads.helpers.clone())
}

/// Does all shares of some work, on all cores. The thread that calls takes its part, and so waits for none to wake up. The first
/// error ends the work.
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
            // Only the thread that calls is ever interrupted; the others find its error.
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
