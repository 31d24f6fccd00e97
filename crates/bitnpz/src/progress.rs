//! The progress of long calls.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Reports come no more often: a person cannot read faster, and each costs a lock.
const PAUSE: Duration = Duration::from_millis(50);

/// The steps of a call that reads, such as [`Archive::verify`](crate::Archive::verify).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Steps {
    /// The number of steps done.
    pub done: usize,
    /// The number of all steps.
    pub total: usize,
}

/// The progress of a [`Writer`](crate::Writer).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// The number of images added, encoded or not. Images of an archive that is appended to do not count.
    pub added: u64,
    /// The number of images encoded: packed or compressed, as they are in the archive.
    pub images: u64,
    /// The length in memory of all arrays encoded, images included, in bytes.
    pub array_bytes: u64,
    /// The length of the archive so far, in bytes.
    pub bytes: u64,
}

/// A callback that is given the progress now and then.
struct Watcher {
    report: Box<dyn FnMut(Progress) + Send>,
    last: Option<Instant>,
}

/// Counts the progress of a writer, which can be read from any thread. Clones share their counts.
///
/// ```
/// use bitnpz::{Meter, WriteOptions, Writer};
///
/// let folder = tempfile::tempdir()?;
/// let meter = Meter::default();
/// let options = WriteOptions::default().with_meter(meter.clone());
/// let mut writer = Writer::create_with(folder.path().join("training.npz"), &options)?;
/// writer.add_images("glyphs", &ndarray::Array3::from_elem((5000, 9, 9), 1.0_f32))?;
/// writer.finish()?;
/// let progress = meter.progress();
/// assert_eq!((progress.images, progress.array_bytes), (5000, 5000 * 9 * 9 * 4));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default)]
pub struct Meter(Arc<Counts>);

#[derive(Default)]
struct Counts {
    added: AtomicU64,
    images: AtomicU64,
    array_bytes: AtomicU64,
    bytes: AtomicU64,
    watcher: Mutex<Option<Watcher>>,
}

impl fmt::Debug for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.progress().fmt(f)
    }
}

impl Meter {
    /// Calls `report` from now on.
    pub(crate) fn watch(&self, report: impl FnMut(Progress) + Send + 'static) {
        if let Ok(mut watcher) = self.0.watcher.lock() {
            *watcher = Some(Watcher { report: Box::new(report), last: None });
        }
    }

    /// Counts images that were added and encoded in one step, of arrays of so many bytes.
    pub(crate) fn add_images(&self, images: usize, array_bytes: usize) {
        self.collect(images);
        self.code(images, array_bytes);
    }

    /// Counts images that were added and are still to be encoded.
    pub(crate) fn collect(&self, images: usize) {
        self.0.added.fetch_add(images as u64, Ordering::Relaxed);
        self.tell();
    }

    /// Counts images that were encoded, of arrays of so many bytes.
    pub(crate) fn code(&self, images: usize, array_bytes: usize) {
        self.0.images.fetch_add(images as u64, Ordering::Relaxed);
        self.0.array_bytes.fetch_add(array_bytes as u64, Ordering::Relaxed);
    }

    /// Notes that the archive has at least so many bytes.
    pub(crate) fn reach(&self, bytes: u64) {
        self.0.bytes.fetch_max(bytes, Ordering::Relaxed);
    }

    /// Reports the progress, unless that was done a moment ago.
    pub(crate) fn tell(&self) {
        self.tell_if(|last| last.is_none_or(|last| last.elapsed() >= PAUSE));
    }

    /// Reports the final progress.
    pub(crate) fn tell_last(&self) {
        self.tell_if(|_| true);
    }

    fn tell_if(&self, is_due: impl FnOnce(Option<Instant>) -> bool) {
        // The lock is held if `report` itself uses the writer; there is nothing new to report then.
        let Ok(mut watcher) = self.0.watcher.try_lock() else { return };
        if let Some(Watcher { report, last }) = watcher.as_mut()
            && is_due(*last)
        {
            *last = Some(Instant::now());
            report(self.progress());
        }
    }

    /// Returns the progress so far.
    #[must_use]
    pub fn progress(&self) -> Progress {
        Progress {
            added: self.0.added.load(Ordering::Relaxed),
            images: self.0.images.load(Ordering::Relaxed),
            array_bytes: self.0.array_bytes.load(Ordering::Relaxed),
            bytes: self.0.bytes.load(Ordering::Relaxed),
        }
    }
}
