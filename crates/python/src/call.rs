//! Calls of the facade, with the interpreter detached.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use pyo3::prelude::*;

use crate::error::{raise, to_python};

/// Calls what takes no time to speak of.
pub(crate) fn quick<R: Send>(
    py: Python<'_>,
    name: &str,
    work: impl FnOnce() -> bitnpz::Result<R> + Send,
) -> PyResult<R> {
    finish(py, name, py.detach(|| catch_unwind(AssertUnwindSafe(work))))
}

/// Calls what may take long: a signal ends it as it ends Python code, Ctrl-C with `KeyboardInterrupt`.
pub(crate) fn long<R: Send>(
    py: Python<'_>,
    name: &str,
    work: impl FnOnce() -> bitnpz::Result<R> + Send,
) -> PyResult<R> {
    watched(py, name, |_| Ok(()), work)
}

/// As [`long`]; `watch` is called now and then meanwhile, and an exception that it raises ends the call.
pub(crate) fn watched<R: Send>(
    py: Python<'_>,
    name: &str,
    watch: impl Fn(Python<'_>) -> PyResult<()> + 'static + Send,
    work: impl FnOnce() -> bitnpz::Result<R> + Send,
) -> PyResult<R> {
    let raised = Arc::new(Mutex::new(None));
    let ask = {
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
    let done = py.detach(|| catch_unwind(AssertUnwindSafe(|| bitnpz::interruptible(ask, work))));
    let raised = raised.lock().unwrap_or_else(PoisonError::into_inner).take();
    match raised {
        Some(error) => Err(error),
        None => finish(py, name, done),
    }
}

/// What came of a call. A panic is a fault of ours, and an exception like others all the same.
fn finish<R>(
    py: Python<'_>,
    name: &str,
    done: Result<bitnpz::Result<R>, Box<dyn Any + Send>>,
) -> PyResult<R> {
    match done {
        Ok(result) => result.map_err(|error| to_python(py, &error, name)),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic");
            let message = format!("{name}: a fault of bitnpz, please report it: {text}");
            Err(raise(py, "InternalError", (message,)))
        }
    }
}
