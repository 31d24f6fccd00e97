//! Cutting an archive into shards.

use std::num::NonZero;
use std::path::{Path, PathBuf};

use super::commit::commit;
use super::manifest::Shard;
use super::names::shard_path;
use super::read_manifest::open_manifest;
use crate::error::Result;
use crate::options::WriteOptions;
use crate::write::Writer;

/// Cuts an archive of image sets into so many shards, of about as many images each, in the folder of the manifest, and writes the
/// manifest. Images are copied; small stacks that share an image set are encoded again. [`Writer::merge`] of the shards puts them together again.
///
/// # Errors
///
/// As [`Writer::split_part`] and [`commit`]; no shards are left then.
pub fn shard(
    manifest: impl AsRef<Path>,
    source: impl AsRef<Path>,
    shards: NonZero<usize>,
    options: &WriteOptions,
) -> Result<()> {
    let (manifest, source) = (manifest.as_ref(), source.as_ref());
    if std::fs::symlink_metadata(manifest).is_ok() {
        let (path, error) = (manifest.to_owned(), std::io::ErrorKind::AlreadyExists.into());
        return Err(bitnpz_npz::Error::from(bitnpz_npz::ErrorKind::Write { path, error }).into());
    }
    let mut written: Vec<PathBuf> = Vec::new();
    let mut write = || {
        for number in 0..shards.get() {
            let path = shard_path(manifest, number);
            Writer::split_part(&path, source, number, shards, options)?.finish()?;
            written.push(path);
        }
        commit(manifest, &written, &options.reading())
    };
    let result = write();
    let is_named = || {
        let names = |shard: &Shard| written.iter().any(|path| path.ends_with(&shard.name));
        open_manifest(manifest).is_ok_and(|manifest| manifest.shards().iter().any(names))
    };
    // A manifest may have its name and not be known to be on disk.
    if result.is_err() && !is_named() {
        written.iter().for_each(|path| drop(std::fs::remove_file(path)));
    }
    result
}
