//! Work that a thread does in the background.

use std::panic::resume_unwind;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::JoinHandle;

use crate::error::Result;
use crate::interrupt::{self, CHECK_INTERVAL};

/// The result of work that another thread does.
#[derive(Debug)]
pub(crate) struct Background<T> {
    result: mpsc::Receiver<T>,
    thread: JoinHandle<()>,
}

impl<T: Send + 'static> Background<T> {
    /// Starts the work on another thread, or returns it if no thread can be started.
    pub(crate) fn start<W: FnOnce() -> T + Send + 'static>(work: W) -> std::result::Result<Self, W> {
        // A thread that cannot be started drops what it was given; so it is sent the work once it runs.
        let (give, take) = mpsc::channel::<W>();
        let (sender, result) = mpsc::channel();
        let run = move || {
            if let Ok(work) = take.recv() {
                // Nobody receives the result of a call that was interrupted.
                drop(sender.send(work()));
            }
        };
        match std::thread::Builder::new().spawn(run) {
            Ok(thread) => {
                give.send(work).map_err(|error| error.0)?;
                Ok(Self { result, thread })
            }
            Err(_) => Err(work),
        }
    }

    /// Waits for the result, and calls `meanwhile` from time to time. A panic of the thread continues in this one.
    ///
    /// # Errors
    ///
    /// If the call is interrupted.
    pub(crate) fn wait(self, mut meanwhile: impl FnMut()) -> Result<T> {
        loop {
            match self.result.recv_timeout(CHECK_INTERVAL) {
                Ok(made) => return Ok(made),
                Err(RecvTimeoutError::Timeout) => {
                    interrupt::check()?;
                    meanwhile();
                }
                Err(RecvTimeoutError::Disconnected) => match self.thread.join() {
                    Err(panic) => resume_unwind(panic),
                    Ok(()) => unreachable!("it ends when it has sent its result"),
                },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::error::ErrorKind;
    use crate::interrupt::interruptible;

    #[test]
    fn a_long_wait_can_be_interrupted() {
        let slow =
            Background::start(|| std::thread::sleep(Duration::from_secs(20))).unwrap_or_else(|_| panic!());
        let start = Instant::now();
        let waited = interruptible(|| true, || slow.wait(|| ()));
        assert!(matches!(waited.unwrap_err().kind(), ErrorKind::Interrupted));
        assert!(start.elapsed() < Duration::from_secs(10));
        let quick = Background::start(|| 7).unwrap_or_else(|_| panic!());
        assert_eq!(interruptible(|| false, || quick.wait(|| ())).unwrap(), 7);
    }

    #[test]
    fn a_panic_continues_on_the_waiting_thread() {
        let panics = Background::<()>::start(|| panic!("the real one")).unwrap_or_else(|_| panic!());
        let panic =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| panics.wait(|| ()))).unwrap_err();
        assert_eq!(panic.downcast_ref::<&str>(), Some(&"the real one"));
    }
}
