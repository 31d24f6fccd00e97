//! Names of shards.

use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use super::manifest::MANIFEST_SUFFIX;

/// Returns a path for the shard with this number, from 0, in the folder of the manifest: `glyphs-00003-5f0c9a1be2d4.npz` for the
/// manifest `glyphs.bitnpz.json`. Each call returns another, so that processes that write shards at the same time, or again after
/// a failure, do not write to the same file.
///
/// ```
/// let [first, other] = [(); 2].map(|()| bitnpz::shard_path("data/glyphs.bitnpz.json", 3));
/// assert!(first.to_str().is_some_and(|path| path.starts_with("data") && path.contains("glyphs-00003-")));
/// assert_ne!(first, other);
/// ```
#[must_use]
pub fn shard_path(manifest: impl AsRef<Path>, number: usize) -> PathBuf {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    // The keys of the hasher are random in each process, and the rest differs in forked ones.
    let call = (std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed), SystemTime::now());
    let unique = RandomState::new().hash_one(call) >> 16;
    let manifest = manifest.as_ref();
    manifest.with_file_name(format!("{}-{number:05}-{unique:012x}.npz", stem(manifest)))
}

/// Returns the folder of a manifest.
pub(super) fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// Returns the name of a manifest without its ending.
pub(super) fn stem(manifest: &Path) -> String {
    let name = manifest.file_name().unwrap_or_default().to_string_lossy();
    name.strip_suffix(MANIFEST_SUFFIX).unwrap_or(&name).to_owned()
}

/// Returns whether a file of this name can be a shard of the manifest with this stem.
pub(super) fn is_shard_name(name: &str, stem: &str) -> bool {
    let middle = name.strip_prefix(stem).and_then(|rest| rest.strip_prefix('-')?.strip_suffix(".npz"));
    let Some((number, unique)) = middle.and_then(|middle| middle.split_once('-')) else { return false };
    number.len() >= 5
        && number.bytes().all(|byte| byte.is_ascii_digit())
        && unique.len() == 12
        && unique.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_differ_and_are_recognised() {
        let paths: HashSet<_> = (0..1000).map(|number| shard_path("a/x.bitnpz.json", number % 3)).collect();
        assert_eq!(paths.len(), 1000);
        for path in &paths {
            let name = path.file_name().unwrap().to_str().unwrap();
            assert!(is_shard_name(name, "x") && !is_shard_name(name, "y"), "{name}");
        }
        for other in
            ["x-00001.npz", "x-00001-0123.npz", "x.npz", "x-1-0123456789ab.npz", "x-00001-0123456789aB.npz"]
        {
            assert!(!is_shard_name(other, "x"), "{other}");
        }
        assert_eq!(stem(Path::new("b/y.npz")), "y.npz");
    }
}
