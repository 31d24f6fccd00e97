//! The threads on which requests are made.

use std::future::Future;
use std::io;
use std::sync::{OnceLock, mpsc};

use tokio::runtime::{Builder, Runtime};

/// So many threads are enough: they wait for the network most of the time.
const THREADS: usize = 2;

/// The threads, and the process that has them. A forked child inherits this memory but not the threads. New ones would not do:
/// the connections of a store are kept open by tasks on those of the parent.
struct Threads {
    process: u32,
    runtime: Runtime,
}

static STARTED: OnceLock<Threads> = OnceLock::new();

/// Checks that this is no forked child of a process that has made requests: it would wait forever.
pub(crate) fn check_process() -> io::Result<()> {
    if STARTED.get().is_none_or(|threads| threads.process == std::process::id()) {
        return Ok(());
    }
    let message = "this process is a fork of one that has made requests, whose threads it lacks: make the first request after the \
                   fork, or start another process instead";
    Err(io::Error::new(io::ErrorKind::Unsupported, message))
}

/// Returns the runtime of this process.
fn runtime() -> io::Result<&'static Runtime> {
    check_process()?;
    if let Some(threads) = STARTED.get() {
        return Ok(&threads.runtime);
    }
    let runtime = Builder::new_multi_thread()
        .worker_threads(THREADS)
        .thread_name("bitnpz-remote")
        .enable_all()
        .build()?;
    if let Err(second) = STARTED.set(Threads { process: std::process::id(), runtime }) {
        // Another thread was first. In an asynchronous program nobody may wait for the end of these threads.
        second.runtime.shutdown_background();
    }
    Ok(&STARTED.get().expect("it is set").runtime)
}

/// Waits for the result of a future, on whatever thread: one of a caller's runtime, too.
pub(crate) fn wait<T: Send + 'static>(
    future: impl Future<Output = io::Result<T>> + Send + 'static,
) -> io::Result<T> {
    let (sender, result) = mpsc::channel();
    runtime()?.spawn(async move {
        // Nobody waits for what was given up.
        drop(sender.send(future.await));
    });
    result.recv().unwrap_or_else(|_| Err(io::Error::other("the request ended without a result")))
}
