//! Options for opening an archive.

use std::num::NonZero;

use bitnpz_npz::{Access, DiskCache, Limits, RangeCache};

use crate::threads;

/// So many shards are open at most unless a caller says how many: systems allow a process at least 256 open files.
const OPEN_SHARDS: NonZero<usize> = NonZero::new(128).expect("not 0");

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
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OpenOptions {
    /// The way in which the file is read.
    pub access: Access,
    /// The largest sizes accepted.
    pub limits: Limits,
    /// The most threads that read a batch: by default as many as the environment variable `BITNPZ_THREADS` says, or one per core.
    /// There are never more than that.
    pub threads: Option<NonZero<usize>>,
    /// Where the ranges that were read last of a file that is read by range are kept: by default in 32 MiB of its own, for the
    /// shards of a sharded archive in 64 MiB for all.
    pub cache: Option<RangeCache>,
    /// Where the ranges of files that are read by range are kept on disk, if anywhere.
    pub disk_cache: Option<DiskCache>,
    /// How many shards of a sharded archive are open at most.
    pub open_shards: NonZero<usize>,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self {
            access: Access::default(),
            limits: Limits::default(),
            threads: None,
            cache: None,
            disk_cache: None,
            open_shards: OPEN_SHARDS,
        }
    }
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

    /// Sets where the ranges of files that are read by range are kept.
    #[must_use]
    pub fn with_cache(mut self, cache: RangeCache) -> Self {
        self.cache = Some(cache);
        self
    }

    /// Sets where the ranges of files that are read by range are kept on disk.
    #[must_use]
    pub fn with_disk_cache(mut self, cache: DiskCache) -> Self {
        self.disk_cache = Some(cache);
        self
    }

    /// Sets how many shards of a sharded archive are open at most.
    #[must_use]
    pub fn with_open_shards(mut self, shards: NonZero<usize>) -> Self {
        self.open_shards = shards;
        self
    }

    /// Returns the options for the file.
    pub(super) fn of_file(&self) -> bitnpz_npz::OpenOptions {
        let options = bitnpz_npz::OpenOptions::default().with_access(self.access);
        let options =
            options.with_limits(self.limits.clone()).with_cache(self.cache.clone().unwrap_or_default());
        match &self.disk_cache {
            Some(cache) => options.with_disk_cache(cache.clone()),
            None => options,
        }
    }

    /// Returns the most threads that read a batch.
    pub(crate) fn threads(&self) -> NonZero<usize> {
        self.threads.unwrap_or_else(threads::default_count)
    }
}
