//! The threads on which requests are made.

use std::future::Future;
use std::io;
use std::sync::{OnceLock, mpsc};

use tokio::runtime::{Builder, Runtime};

/// So many threads are enough: they wait for the network most of the time.
const THREADS: usize = 2;

/// Returns the runtime of this process.
fn runtime() -> io::Result<&'static Runtime> {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime);
    }
    let made = Builder::new_multi_thread()
        .worker_threads(THREADS)
        .thread_name("bitnpz-remote")
        .enable_all()
        .build()?;
    Ok(RUNTIME.get_or_init(|| made))
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
