//! How far a writer has come.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A report comes at most so often.
const PAUSE: Duration = Duration::from_millis(50);

/// How far a [`Writer`](crate::Writer) has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// The number of images that were added, coded or not, those apart that an archive had which is appended to.
    pub added: u64,
    /// The number of images that are coded: packed or compressed, as they lie in the archive.
    pub images: u64,
    /// The bytes that the arrays take in memory that are coded, those of images included.
    pub array_bytes: u64,
    /// The length of the archive so far, in bytes.
    pub bytes: u64,
}

/// Who is told how far a writer has come.
struct Watcher {
    report: Box<dyn FnMut(Progress) + Send>,
    last: Option<Instant>,
}

/// Counts what a writer does, for others to look at from any thread; clones count the same.
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
    /// Tells `report` from now on.
    pub(crate) fn watch(&self, report: impl FnMut(Progress) + Send + 'static) {
        if let Ok(mut watcher) = self.0.watcher.lock() {
            *watcher = Some(Watcher { report: Box::new(report), last: None });
        }
    }

    /// So many more images were added and coded at once, of arrays of so many bytes.
    pub(crate) fn add_images(&self, images: usize, array_bytes: usize) {
        self.collect(images);
        self.code(images, array_bytes);
    }

    /// So many more images were added, and are to be coded.
    pub(crate) fn collect(&self, images: usize) {
        self.0.added.fetch_add(images as u64, Ordering::Relaxed);
        self.tell();
    }

    /// So many more images are coded, of arrays of so many bytes.
    pub(crate) fn code(&self, images: usize, array_bytes: usize) {
        self.0.images.fetch_add(images as u64, Ordering::Relaxed);
        self.0.array_bytes.fetch_add(array_bytes as u64, Ordering::Relaxed);
    }

    /// The archive has at least so many bytes.
    pub(crate) fn reach(&self, bytes: u64) {
        self.0.bytes.fetch_max(bytes, Ordering::Relaxed);
    }

    /// Tells who watches, unless that was done a moment ago.
    pub(crate) fn tell(&self) {
        self.tell_if(|last| last.is_none_or(|last| last.elapsed() >= PAUSE));
    }

    /// Tells who watches what came of it in the end.
    pub(crate) fn tell_last(&self) {
        self.tell_if(|_| true);
    }

    fn tell_if(&self, is_due: impl FnOnce(Option<Instant>) -> bool) {
        // Who watches may write with the same writer: then there is nothing new to tell.
        let Ok(mut watcher) = self.0.watcher.try_lock() else { return };
        if let Some(Watcher { report, last }) = watcher.as_mut()
            && is_due(*last)
        {
            *last = Some(Instant::now());
            report(self.progress());
        }
    }

    /// How far the writer has come.
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
