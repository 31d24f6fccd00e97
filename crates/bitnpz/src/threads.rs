//! The threads that read batches.

use std::sync::OnceLock;

use rayon::{ThreadPool, ThreadPoolBuilder};

/// The threads of one process. A child that is forked inherits its parent's memory, and none of its threads: it makes its own.
struct Threads {
    process: u32,
    /// None if the system has no threads to give.
    pool: Option<ThreadPool>,
    /// Those of a child.
    next: OnceLock<Box<Threads>>,
}

impl Threads {
    fn new() -> Self {
        let pool = ThreadPoolBuilder::new().thread_name(|number| format!("bitnpz-{number}")).build();
        Self { process: std::process::id(), pool: pool.ok(), next: OnceLock::new() }
    }
}

/// The threads of this process, as many as there are cores; none if there are none to be had.
pub(crate) fn pool() -> Option<&'static ThreadPool> {
    static FIRST: OnceLock<Threads> = OnceLock::new();
    let mut threads = FIRST.get_or_init(Threads::new);
    while threads.process != std::process::id() {
        threads = threads.next.get_or_init(|| Box::new(Threads::new()));
    }
    threads.pool.as_ref()
}
