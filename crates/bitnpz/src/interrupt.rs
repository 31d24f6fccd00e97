//! Ending a call before it is done.

use std::cell::{Cell, RefCell};
use std::panic::resume_unwind;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::error::{ErrorKind, Result};

/// How often at most it is asked whether a call is to end.
const PATIENCE: Duration = Duration::from_millis(50);

/// Who is asked whether a call is to end.
type Ask = Box<dyn Fn() -> bool>;

thread_local! {
    static ASK: RefCell<Option<Ask>> = const { RefCell::new(None) };
    /// When it was asked last, and whether the call is to end.
    static LAST: Cell<(Option<Instant>, bool)> = const { Cell::new((None, false)) };
}

/// Calls `work`, whose calls of this library end with [`ErrorKind::Interrupted`] soon after `ask` says so: those that read,
/// verify, salvage or write many images. Nothing is left of what they were about to write.
///
/// `ask` is called now and then, on this thread.
///
/// ```
/// use bitnpz::{Archive, ErrorKind, interruptible};
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("training.npz");
/// # let mut writer = bitnpz::Writer::create(&path)?;
/// # writer.add_images("glyphs", &ndarray::Array3::from_elem((5000, 9, 9), true))?;
/// # writer.finish()?;
/// let glyphs = Archive::open(&path)?.images("glyphs")?;
/// let read = interruptible(|| true, || glyphs.to_array::<bool>());
/// assert!(matches!(read.unwrap_err().kind(), ErrorKind::Interrupted));
/// assert_eq!(interruptible(|| false, || glyphs.to_array::<bool>())?.shape(), [5000, 9, 9]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn interruptible<R>(ask: impl Fn() -> bool + 'static, work: impl FnOnce() -> R) -> R {
    /// Puts back what was there before, whatever happens.
    struct Restore(Option<Ask>);
    impl Drop for Restore {
        fn drop(&mut self) {
            ASK.replace(self.0.take());
            LAST.set((None, false));
        }
    }
    let _restore = Restore(ASK.replace(Some(Box::new(ask))));
    LAST.set((None, false));
    work()
}

/// An error if this thread's call is to end.
pub(crate) fn check() -> Result<()> {
    ASK.with_borrow(|ask| {
        let Some(ask) = ask else { return Ok(()) };
        let (last, mut is_over) = LAST.get();
        if !is_over && last.is_none_or(|last| last.elapsed() >= PATIENCE) {
            is_over = ask();
            LAST.set((Some(Instant::now()), is_over));
        }
        if is_over { Err(ErrorKind::Interrupted.into()) } else { Ok(()) }
    })
}

/// What another thread makes, which may take its time.
#[derive(Debug)]
pub(crate) struct Pending<T> {
    result: mpsc::Receiver<T>,
    thread: JoinHandle<()>,
}

impl<T: Send + 'static> Pending<T> {
    /// Starts to make something. Of a thread that cannot be had `work` comes back.
    pub(crate) fn start<W: FnOnce() -> T + Send + 'static>(work: W) -> std::result::Result<Self, W> {
        // A thread that cannot be had must not take the work with it.
        let (give, take) = mpsc::channel::<W>();
        let (sender, result) = mpsc::channel();
        let run = move || {
            if let Ok(work) = take.recv() {
                // Nobody waits for it if the call was interrupted.
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

    /// Waits for it, or until the call is to end, and calls `meanwhile` from time to time. A panic of the other thread goes on
    /// in this one.
    pub(crate) fn wait_and(self, mut meanwhile: impl FnMut()) -> Result<T> {
        loop {
            match self.result.recv_timeout(PATIENCE) {
                Ok(made) => return Ok(made),
                Err(RecvTimeoutError::Timeout) => {
                    check()?;
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
    use super::*;

    #[test]
    fn is_a_long_wait_ended_and_a_short_one_not() {
        let slow =
            Pending::start(|| std::thread::sleep(Duration::from_secs(20))).unwrap_or_else(|_| panic!());
        let start = Instant::now();
        let waited = interruptible(|| true, || slow.wait_and(|| ()));
        assert!(matches!(waited.unwrap_err().kind(), ErrorKind::Interrupted));
        assert!(start.elapsed() < Duration::from_secs(10));
        let quick = Pending::start(|| 7).unwrap_or_else(|_| panic!());
        assert_eq!(interruptible(|| true, || quick.wait_and(|| ())).unwrap(), 7);
    }

    #[test]
    fn is_a_panic_the_same_on_this_thread() {
        let panics = Pending::<()>::start(|| panic!("the real one")).unwrap_or_else(|_| panic!());
        let panic =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| panics.wait_and(|| ()))).unwrap_err();
        assert_eq!(panic.downcast_ref::<&str>(), Some(&"the real one"));
    }
}
