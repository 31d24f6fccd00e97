//! Options for opening an archive.

use std::num::NonZero;

use bitnpz_npz::{Access, Limits};

use crate::threads;

/// Options for opening an archive.
///
/// ```
/// use std::num::NonZero;
/// use bitnpz::{Access, Archive, OpenOptions};
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("training.npz");
/// # let mut writer = bitnpz::Writer::create(&path)?;
/// # writer.add_image("a", &ndarray::array![[true, false]])?;
/// # writer.finish()?;
/// let options = OpenOptions::default().with_access(Access::Positional).with_threads(NonZero::<usize>::MIN);
/// assert_eq!(Archive::open_with(&path, &options)?.len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct OpenOptions {
    /// The way in which the file is read.
    pub access: Access,
    /// The largest sizes accepted.
    pub limits: Limits,
    /// The most threads that read a batch: by default as many as the environment variable `BITNPZ_THREADS` says, or one per core.
    /// There are never more than that.
    pub threads: Option<NonZero<usize>>,
}

impl OpenOptions {
    /// Sets the way in which the file is read.
    #[must_use]
    pub fn with_access(mut self, access: Access) -> Self {
        self.access = access;
        self
    }

    /// Sets the limits.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets the most threads that read a batch.
    #[must_use]
    pub fn with_threads(mut self, threads: NonZero<usize>) -> Self {
        self.threads = Some(threads);
        self
    }

    /// Returns the options for the file.
    pub(super) fn of_file(&self) -> bitnpz_npz::OpenOptions {
        let options = bitnpz_npz::OpenOptions::default().with_access(self.access);
        options.with_limits(self.limits.clone())
    }

    /// Returns the most threads that read a batch.
    pub(super) fn threads(&self) -> NonZero<usize> {
        self.threads.unwrap_or_else(threads::default_count)
    }
}
