//! How far a writer has come.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts what a [`Writer`](crate::Writer) has encoded, for another thread, or the one that asks in
/// [`interruptible`](crate::interruptible), to look at meanwhile. Clones count the same.
///
/// ```
/// use bitnpz::{Progress, WriteOptions, Writer};
///
/// let folder = tempfile::tempdir()?;
/// let progress = Progress::default();
/// let options = WriteOptions::default().with_progress(progress.clone());
/// let mut writer = Writer::create_with(folder.path().join("training.npz"), &options)?;
/// writer.add_images("glyphs", &ndarray::Array3::from_elem((5000, 9, 9), 1.0_f32))?;
/// writer.finish()?;
/// assert_eq!((progress.images(), progress.bytes()), (5000, 5000 * 9 * 9 * 4));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Progress(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    images: AtomicU64,
    bytes: AtomicU64,
}

impl Progress {
    /// Returns the number of images so far.
    #[must_use]
    pub fn images(&self) -> u64 {
        self.0.images.load(Ordering::Relaxed)
    }

    /// Returns the number of bytes so far that the arrays take in memory, those of images included.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.0.bytes.load(Ordering::Relaxed)
    }

    /// Counts images, and the bytes of arrays.
    pub(crate) fn add(&self, images: usize, bytes: usize) {
        self.0.images.fetch_add(images as u64, Ordering::Relaxed);
        self.0.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}
