//! Interrupting a call before it is done.

use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

use crate::error::{ErrorKind, Result};

/// The time between two calls of the callback: a person who presses Ctrl-C does not notice it, and a callback that takes a
/// lock, such as Python's GIL, costs next to nothing.
pub(crate) const CHECK_INTERVAL: Duration = Duration::from_millis(50);

/// A callback that returns `true` if the call is to be interrupted.
type ShouldStop = Box<dyn Fn() -> bool>;

/// The last answer of the callback, and when it was given.
#[derive(Clone, Copy)]
struct LastAnswer {
    at: Option<Instant>,
    should_stop: bool,
}

impl LastAnswer {
    const NONE: Self = Self { at: None, should_stop: false };
}

thread_local! {
    static SHOULD_STOP: RefCell<Option<ShouldStop>> = const { RefCell::new(None) };
    static LAST_ANSWER: Cell<LastAnswer> = const { Cell::new(LastAnswer::NONE) };
}

/// Calls `work`, in which long calls of this library fail with [`ErrorKind::Interrupted`] soon after `should_stop` returns
/// `true`: those that read, verify, salvage or write many images. A file that was being written is discarded.
///
/// `should_stop` is called on this thread, at most every 50 ms, and not again once it has returned `true`.
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
pub fn interruptible<R>(should_stop: impl Fn() -> bool + 'static, work: impl FnOnce() -> R) -> R {
    /// Restores the previous callback, after a panic too.
    struct Restore(Option<ShouldStop>);
    impl Drop for Restore {
        fn drop(&mut self) {
            SHOULD_STOP.replace(self.0.take());
            LAST_ANSWER.set(LastAnswer::NONE);
        }
    }
    let _restore = Restore(SHOULD_STOP.replace(Some(Box::new(should_stop))));
    LAST_ANSWER.set(LastAnswer::NONE);
    work()
}

/// Returns an error if this thread's call is to be interrupted.
pub(crate) fn check() -> Result<()> {
    if SHOULD_STOP.with_borrow(Option::is_none) {
        return Ok(());
    }
    let mut last = LAST_ANSWER.get();
    if !last.should_stop && last.at.is_none_or(|at| at.elapsed() >= CHECK_INTERVAL) {
        // The callback may use this library itself, and is not called by that.
        let callback = SHOULD_STOP.take();
        let should_stop = callback.as_ref().is_some_and(|callback| callback());
        SHOULD_STOP.set(callback);
        last = LastAnswer { at: Some(Instant::now()), should_stop };
        LAST_ANSWER.set(last);
    }
    if last.should_stop { Err(ErrorKind::Interrupted.into()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;

    #[test]
    fn a_callback_can_use_the_library() {
        let calls = Rc::new(Cell::new(0));
        let counted = Rc::clone(&calls);
        let callback = move || {
            counted.set(counted.get() + 1);
            check().unwrap();
            interruptible(|| true, || check().unwrap_err());
            check().unwrap();
            counted.get() == 2
        };
        interruptible(callback, || {
            check().unwrap();
            check().unwrap();
            assert_eq!(calls.get(), 1, "the interval has not passed");
            std::thread::sleep(CHECK_INTERVAL);
            check().unwrap_err();
            check().unwrap_err();
            assert_eq!(calls.get(), 2);
        });
        check().unwrap();
    }
}
