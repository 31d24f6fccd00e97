//! The folder of a cache on disk.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

/// After a process has added so large a part of all bytes, it looks whether there are too many.
const PART_BETWEEN_CHECKS: u64 = 16;

/// The folder of a cache on disk.
#[derive(Debug)]
pub(super) struct CacheFolder {
    path: PathBuf,
    most_bytes: u64,
    /// The bytes that this process has added since it last looked how many there are.
    added: AtomicU64,
}

impl CacheFolder {
    /// Makes the folder, if it is not there, for its user only.
    pub(super) fn open(path: &Path, most_bytes: u64) -> io::Result<Self> {
        let mut builder = fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.recursive(true).create(path)?;
        // What was left too large is looked at when the first range is added.
        Ok(Self { path: path.to_owned(), most_bytes, added: AtomicU64::new(u64::MAX / 2) })
    }

    /// Returns the path of a file of the cache for a version of a file.
    pub(super) fn path_of(&self, version: &str, ending: &str) -> PathBuf {
        // Two polynomials: versions that differ have different names, but for one in 2^64.
        let crc = crc32fast::hash(version.as_bytes());
        let other = crc32fast::hash(format!("{version}\n{}", version.len()).as_bytes());
        let fnv = version.bytes().fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
        });
        self.path.join(format!("{fnv:016x}{crc:08x}{other:08x}.{ending}"))
    }

    /// Removes what there is of a version of a file.
    pub(super) fn remove(&self, version: &str) {
        // First what says that something is there.
        for ending in ["ranges", "data"] {
            drop(fs::remove_file(self.path_of(version, ending)));
        }
    }

    /// Notes that this process has added bytes, and removes what was opened the longest time ago if there are too many.
    pub(super) fn note_added(&self, bytes: u64) {
        let added = self.added.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        if added > self.most_bytes / PART_BETWEEN_CHECKS {
            self.added.store(0, Ordering::Relaxed);
            // A cache that cannot be looked at is tried again later.
            drop(self.shrink());
        }
    }

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
pub(super) fn disk_bytes(found: &fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::blocks(found) * 512
}

#[cfg(not(unix))]
pub(super) fn disk_bytes(found: &fs::Metadata) -> u64 {
    found.len()
}

/// Opens a file for its user only, and makes it if it is not there.
pub(super) fn open_private(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Returns whether a file was removed.
#[cfg(unix)]
pub(super) fn is_removed(file: &File) -> bool {
    file.metadata().is_ok_and(|found| std::os::unix::fs::MetadataExt::nlink(&found) == 0)
}

#[cfg(not(unix))]
pub(super) fn is_removed(_: &File) -> bool {
    false
}
