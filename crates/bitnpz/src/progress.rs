//! The progress of long calls.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// The minimum time between two reports: a person cannot read faster, and each report takes a lock.
const MIN_REPORT_INTERVAL: Duration = Duration::from_millis(50);

/// The steps of a call that reads, such as [`Archive::verify`](crate::Archive::verify).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Steps {
    /// The number of steps done.
    pub done: usize,
    /// The total number of steps.
    pub total: usize,
}

/// The progress of a [`Writer`](crate::Writer).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// The number of images added, without those of an archive that is appended to.
    pub added: u64,
    /// The number of images encoded. The others wait in memory.
    pub images: u64,
    /// The length of all encoded arrays in memory, images included, in bytes.
    pub array_bytes: u64,
    /// The length of the archive so far, in bytes.
    pub bytes: u64,
}

/// A callback that is called with the progress, and when it was called last.
struct Watcher {
    report: Box<dyn FnMut(Progress) + Send>,
    last: Option<Instant>,
}

/// Counts the progress of a writer. It can be read on any thread; clones share their counts.
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
pub struct Meter(Arc<MeterCounts>);

#[derive(Default)]
struct MeterCounts {
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
    /// Sets the callback for reports.
    pub(crate) fn set_callback(&self, report: impl FnMut(Progress) + Send + 'static) {
        if let Ok(mut watcher) = self.0.watcher.lock() {
            *watcher = Some(Watcher { report: Box::new(report), last: None });
        }
    }

    /// Counts images that were added and encoded in one step, from arrays of `array_bytes` bytes.
    pub(crate) fn count_images(&self, images: usize, array_bytes: usize) {
        self.count_added(images);
        self.count_encoded(images, array_bytes);
    }

    /// Counts images that were added and wait to be encoded.
    pub(crate) fn count_added(&self, images: usize) {
        self.0.added.fetch_add(images as u64, Ordering::Relaxed);
        self.report();
    }

    /// Counts images that were encoded, from arrays of `array_bytes` bytes.
    pub(crate) fn count_encoded(&self, images: usize, array_bytes: usize) {
        self.0.images.fetch_add(images as u64, Ordering::Relaxed);
        self.0.array_bytes.fetch_add(array_bytes as u64, Ordering::Relaxed);
    }

    /// Records that the archive has at least `bytes` bytes.
    pub(crate) fn record_bytes(&self, bytes: u64) {
        self.0.bytes.fetch_max(bytes, Ordering::Relaxed);
    }

    /// Reports the progress, unless the last report is less than [`MIN_REPORT_INTERVAL`] ago.
    pub(crate) fn report(&self) {
        self.report_if(|last| last.is_none_or(|last| last.elapsed() >= MIN_REPORT_INTERVAL));
    }

    /// Reports the final progress.
    pub(crate) fn report_last(&self) {
        self.report_if(|_| true);
    }

    fn report_if(&self, is_due: impl FnOnce(Option<Instant>) -> bool) {
        // The lock is taken if `report` itself uses the writer; then there is nothing new to report.
        let Ok(mut watcher) = self.0.watcher.try_lock() else { return };
        if let Some(Watcher { report, last }) = watcher.as_mut()
            && is_due(*last)
        {
            *last = Some(Instant::now());
            report(self.progress());
        }
    }

    /// Returns the current progress.
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
