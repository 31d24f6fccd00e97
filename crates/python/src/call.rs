//! Calls of the facade, with the interpreter detached.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use pyo3::prelude::*;

use crate::error::{raise, to_python};

/// Calls `work`, which takes little time. `name` is the archive's name in messages.
pub(crate) fn quick<R: Send>(
    py: Python<'_>,
    name: &str,
    work: impl FnOnce() -> bitnpz::Result<R> + Send,
) -> PyResult<R> {
    to_result(py, name, py.detach(|| catch_unwind(AssertUnwindSafe(work))))
}

/// Calls `work`, which may take long. A signal handler that raises ends the call: Ctrl-C raises `KeyboardInterrupt`.
pub(crate) fn long<R: Send>(
    py: Python<'_>,
    name: &str,
    work: impl FnOnce() -> bitnpz::Result<R> + Send,
) -> PyResult<R> {
    watched(py, name, |_| Ok(()), work)
}

/// Calls `work` as [`long`] does, and `watch` from time to time meanwhile. An exception that `watch` raises ends the call.
pub(crate) fn watched<R: Send>(
    py: Python<'_>,
    name: &str,
    watch: impl Fn(Python<'_>) -> PyResult<()> + 'static + Send,
    work: impl FnOnce() -> bitnpz::Result<R> + Send,
) -> PyResult<R> {
    let raised = Arc::new(Mutex::new(None));
    let is_interrupted = {
        let raised = Arc::clone(&raised);
        move || {
            let error = Python::attach(|py| py.check_signals().and_then(|()| watch(py)).err());
            let is_raised = error.is_some();
            if is_raised {
                *raised.lock().unwrap_or_else(PoisonError::into_inner) = error;
            }
            is_raised
        }
    };
    let outcome =
        py.detach(|| catch_unwind(AssertUnwindSafe(|| bitnpz::interruptible(is_interrupted, work))));
    let raised = raised.lock().unwrap_or_else(PoisonError::into_inner).take();
    match raised {
        Some(error) => Err(error),
        None => to_result(py, name, outcome),
    }
}

/// Converts a call's outcome: errors and panics become exceptions.
fn to_result<R>(
    py: Python<'_>,
    name: &str,
    outcome: Result<bitnpz::Result<R>, Box<dyn Any + Send>>,
) -> PyResult<R> {
    match outcome {
        Ok(result) => result.map_err(|error| to_python(py, &error, name)),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic");
            let message = format!("{name}: a bug in bitnpz, please report it: {text}");
            Err(raise(py, "InternalError", (message,)))
        }
    }
}
