//! Shards that no manifest names.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::manifest::is_manifest;
use super::names::{folder_of, is_shard_name, stem};
use super::read_manifest::open_manifest;
use crate::error::{Error, Result};
use crate::write::clean;

/// Finds the files in the folder of a manifest that writers of its shards have left: those named as by
/// [`shard_path`](crate::shard_path) that no manifest in the folder names, last written so long ago, and temporary files of killed writers.
/// Removes them if `removes` says so, and returns their paths.
///
/// A writer that has not committed yet has such files too: choose an age that is longer than it takes.
///
/// ```
/// use std::time::Duration;
///
/// let folder = tempfile::tempdir()?;
/// let manifest = folder.path().join("glyphs.bitnpz.json");
/// let orphan = bitnpz::shard_path(&manifest, 0);
/// std::fs::write(&orphan, "of a writer that was killed")?;
/// assert!(bitnpz::remove_orphans(&manifest, Duration::from_secs(3600), true)?.is_empty());
/// assert_eq!(bitnpz::remove_orphans(&manifest, Duration::ZERO, true)?, [orphan]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// If the folder or a manifest in it cannot be read, or a file cannot be removed: nothing is removed while a manifest in the folder is
/// damaged, as it may name any of them.
pub fn remove_orphans(manifest: impl AsRef<Path>, age: Duration, removes: bool) -> Result<Vec<PathBuf>> {
    let manifest = manifest.as_ref();
    let folder = folder_of(manifest);
    let failed = |path: &Path, error| {
        Error::from(bitnpz_npz::Error::from(bitnpz_npz::ErrorKind::Open { path: path.to_owned(), error }))
    };
    let paths = || -> Result<Vec<PathBuf>> {
        let entries = fs::read_dir(&folder).map_err(|error| failed(&folder, error))?;
        entries.map(|entry| Ok(entry.map_err(|error| failed(&folder, error))?.path())).collect()
    };
    let (mut shards, mut named) = (Vec::new(), HashSet::new());
    let (stem, now) = (stem(manifest), SystemTime::now());
    for path in paths()? {
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        if is_shard_name(name, &stem) {
            // It may be gone by now.
            let Ok(found) = fs::symlink_metadata(&path) else { continue };
            let written = found.modified().map_err(|error| failed(&path, error))?;
            if found.is_file() && now.duration_since(written).is_ok_and(|found| found >= age) {
                shards.push(path);
            }
        }
    }
    // Later than the shards: those that are committed meanwhile are named. A listing may lack a file that is replaced during it, so
    // there are two, and the manifest itself.
    let mut manifests: HashSet<PathBuf> =
        [paths()?, paths()?].into_iter().flatten().filter(|path| is_manifest(path)).collect();
    if fs::symlink_metadata(manifest).is_ok() {
        manifests.insert(folder.join(manifest.file_name().unwrap_or_default()));
    }
    for path in manifests {
        named.extend(open_manifest(&path)?.shards().iter().map(|shard| folder.join(&shard.name)));
    }
    shards.retain(|path| !named.contains(path));
    shards.sort();
    if removes {
        for path in &shards {
            fs::remove_file(path).map_err(|error| {
                bitnpz_npz::Error::from(bitnpz_npz::ErrorKind::Write { path: path.clone(), error })
            })?;
        }
    }
    shards.extend(if removes { clean(&folder)? } else { bitnpz_npz::abandoned(&folder)? });
    Ok(shards)
}
