//! The threads that read batches.

use std::sync::{Mutex, OnceLock, PoisonError};

use rayon_core::{ThreadPool, ThreadPoolBuilder};

use crate::error::Result;

/// The threads of one process. A child that is forked inherits its parent's memory, and none of its threads: it makes its own.
struct Threads {
    process: u32,
    /// As many as help the one that calls; none if the system has none to give.
    helpers: Option<ThreadPool>,
    /// Those of a child.
    next: OnceLock<Box<Threads>>,
}

impl Threads {
    fn new() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let pool = || {
            let builder = ThreadPoolBuilder::new().num_threads(cores - 1);
            builder.thread_name(|number| format!("bitnpz-{number}")).build().ok()
        };
        Self { process: std::process::id(), helpers: (cores > 1).then(pool).flatten(), next: OnceLock::new() }
    }
}

/// Those of this process.
fn helpers() -> Option<&'static ThreadPool> {
    static FIRST: OnceLock<Threads> = OnceLock::new();
    let mut threads = FIRST.get_or_init(Threads::new);
    while threads.process != std::process::id() {
        threads = threads.next.get_or_init(|| Box::new(Threads::new()));
    }
    threads.helpers.as_ref()
}

/// Does all shares of some work, on all cores. The thread that calls takes its part, and so waits for none to wake up. The first
/// error ends the work.
pub(crate) fn share<S: Send>(
    shares: impl ExactSizeIterator<Item = S> + Send,
    work: impl Fn(S) -> Result<()> + Sync,
) -> Result<()> {
    let count = shares.len();
    let Some(helpers) = helpers().filter(|_| count > 1) else {
        let mut shares = shares;
        return shares.try_for_each(work);
    };
    let rest = Mutex::new((shares, Ok(())));
    let lock = || rest.lock().unwrap_or_else(PoisonError::into_inner);
    let take = || {
        let (shares, result) = &mut *lock();
        if result.is_ok() { shares.next() } else { None }
    };
    let work_on = || {
        while let Some(share) = take() {
            if let Err(error) = work(share) {
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
