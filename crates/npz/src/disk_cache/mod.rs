//! A cache on disk of files that are read by range, which processes share.
//!
//! Of each version of a file there are two files in the folder: `HASH.data`, with the ranges that were read at their places, and
//! `HASH.ranges`, which lists them (`ranges_list`). A range is listed when it has been written, with its checksum: a process that is
//! killed leaves nothing that is taken for what it is not.

mod cached_file;
mod ranges_list;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

pub(crate) use cached_file::CachedReader;
use cached_file::KnownFile;

use crate::ranges::ReadAt;

/// After a process has added so large a part of all bytes, it looks whether there are too many.
const PART_BETWEEN_CHECKS: u64 = 16;

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
pub struct DiskCache(Arc<Folder>);

#[derive(Debug)]
struct Folder {
    path: PathBuf,
    most_bytes: u64,
    /// The bytes that this process has added since it last looked how many there are.
    added: AtomicU64,
}

impl DiskCache {
    /// Opens the cache in a folder, which is made if it is not there, with about so many bytes at most.
    ///
    /// # Errors
    ///
    /// If the folder cannot be made.
    pub fn new(folder: impl AsRef<Path>, most_bytes: u64) -> io::Result<Self> {
        let path = folder.as_ref().to_owned();
        let mut builder = fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.recursive(true).create(&path)?;
        // What was left too large is looked at when the first range is added.
        Ok(Self(Arc::new(Folder { path, most_bytes, added: AtomicU64::new(u64::MAX / 2) })))
    }

    /// Returns a file whose ranges are read from here if they are, and kept here if not. It is one version of a file if it says
    /// which ([`ReadAt::version`]); otherwise nothing is kept.
    pub(crate) fn add(&self, source: Box<dyn ReadAt>) -> CachedReader {
        CachedReader::new(self.clone(), source, None)
    }

    /// Returns the same of a file of which the version and the length are known: it is opened without a request if all that is read
    /// is here.
    pub fn add_known(&self, source: Box<dyn ReadAt>, version: &str, len: u64) -> Box<dyn ReadAt> {
        let known = KnownFile { version: version.to_owned(), len };
        Box::new(CachedReader::new(self.clone(), source, Some(known)))
    }

    /// Returns the path of a file of the cache for a version of a file.
    fn path_of(&self, version: &str, ending: &str) -> PathBuf {
        // Two polynomials: versions that differ have different names, but for one in 2^64.
        let crc = crc32fast::hash(version.as_bytes());
        let other = crc32fast::hash(format!("{version}\n{}", version.len()).as_bytes());
        let fnv = version.bytes().fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
        });
        self.0.path.join(format!("{fnv:016x}{crc:08x}{other:08x}.{ending}"))
    }

    /// Notes that this process has added bytes, and removes what was opened the longest time ago if there are too many.
    fn note_added(&self, bytes: u64) {
        let added = self.0.added.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        if added > self.0.most_bytes / PART_BETWEEN_CHECKS {
            self.0.added.store(0, Ordering::Relaxed);
            // A cache that cannot be looked at is tried again later.
            drop(self.0.shrink());
        }
    }
}

impl Folder {
    /// Removes files until there are few enough bytes.
    fn shrink(&self) -> io::Result<()> {
        let (mut files, mut bytes) = (Vec::new(), 0);
        for entry in fs::read_dir(&self.path)? {
            let path = entry?.path();
            // It may be gone by now.
            let Ok(found) = fs::metadata(&path) else { continue };
            if !is_data(&path) {
                continue;
            }
            let size = disk_bytes(&found);
            bytes += size;
            files.push((found.modified().unwrap_or(SystemTime::UNIX_EPOCH), size, path));
        }
        files.sort();
        for (_, size, path) in files {
            if bytes <= self.most_bytes {
                break;
            }
            // First what says that something is there.
            drop(fs::remove_file(path.with_extension("ranges")));
            fs::remove_file(&path)?;
            bytes -= size;
        }
        Ok(())
    }
}

fn is_data(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "data")
}

/// Returns the bytes that a file takes on disk, without its holes.
#[cfg(unix)]
fn disk_bytes(found: &fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::blocks(found) * 512
}

#[cfg(not(unix))]
fn disk_bytes(found: &fs::Metadata) -> u64 {
    found.len()
}

/// Opens a file for its user only, and makes it if it is not there.
fn open_private(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(test)]
mod tests;
