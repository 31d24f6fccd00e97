//! A cache on disk of files that are read by range, which processes share.
//!
//! Of each version of a file there are two files in the folder: `HASH.data`, with the ranges that were read at their places, and
//! `HASH.ranges`, which lists them (`ranges_list`). A range is listed when it has been written, with its checksum: a process that is
//! killed leaves nothing that is taken for what it is not.

mod cached_file;
mod folder;
mod ranges_list;

use std::io;
use std::path::Path;
use std::sync::Arc;

pub(crate) use cached_file::CachedReader;
use cached_file::KnownFile;
pub use cached_file::KnownReader;
use folder::CacheFolder;

use crate::ranges::ReadAt;

/// A cache on disk of files that are read by range, for processes of one machine together: what one has read from a store, none
/// reads again. A process can be killed at any time. A clone is the same cache.
///
/// When there are too many bytes, the files that were opened the longest time ago go; each process may exceed the bound by a
/// sixteenth until it looks. The folder is readable for its user only.
///
/// ```
/// # let folder = tempfile::tempdir()?;
/// # let folder = folder.path().join("cache");
/// let cache = bitnpz_npz::DiskCache::new(&folder, 10 << 30)?;
/// let options = bitnpz_npz::OpenOptions::default().with_disk_cache(cache);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct DiskCache(Arc<CacheFolder>);

impl DiskCache {
    /// Opens the cache in a folder, which is made if it is not there, with about so many bytes at most.
    ///
    /// # Errors
    ///
    /// If the folder cannot be made.
    pub fn new(folder: impl AsRef<Path>, most_bytes: u64) -> io::Result<Self> {
        Ok(Self(Arc::new(CacheFolder::open(folder.as_ref(), most_bytes)?)))
    }

    /// Returns a file whose ranges are read from here if they are, and kept here if not. It is one version of a file if it says
    /// which ([`ReadAt::version`]); otherwise nothing is kept.
    pub(crate) fn add(&self, source: Box<dyn ReadAt>) -> CachedReader {
        CachedReader::new(Arc::clone(&self.0), source, None)
    }

    /// Returns the same of a file of which the version and the length are known: it is opened without a request if all that is read
    /// is here. Nothing of it is kept before it is [accepted](KnownReader::accept).
    pub fn add_known(&self, source: Box<dyn ReadAt>, version: &str, len: u64) -> KnownReader {
        let known = KnownFile { version: version.to_owned(), len };
        KnownReader::new(CachedReader::new(Arc::clone(&self.0), source, Some(known)))
    }
}

#[cfg(test)]
mod tests;
