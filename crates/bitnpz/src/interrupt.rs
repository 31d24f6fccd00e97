//! Ending a call before it is done.

use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

use crate::error::{ErrorKind, Result};

/// How often at most it is asked whether a call is to end.
pub(crate) const PATIENCE: Duration = Duration::from_millis(50);

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
