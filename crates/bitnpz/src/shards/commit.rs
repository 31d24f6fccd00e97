//! Writing a manifest in one step.

use std::io::Write;
use std::num::NonZero;
use std::path::Path;

use bitnpz_npz::AtomicFile;

use super::describe::describe;
use super::manifest::{Manifest, unfit};
use super::names::folder_of;
use super::open_shards::Place;
use super::read_manifest::read_manifest;
use super::sharded_archive::ShardedArchive;
use crate::error::{ErrorKind, Result};
use crate::held_file::HeldFile;
use crate::read::OpenOptions;

/// Writes the manifest of these archives, in this order, and so makes them the shards of one archive. They are in the folder of
/// the manifest, and closed: each must be complete. Readers see all shards or none.
///
/// Stacks under the same key are read one after the other, and so are images with keys of their own, and other arrays that have
/// as many items as there are images in each archive, as labels do, also those of two values that are stored as an image. All other
/// arrays must be the same in all archives.
///
/// ```
/// use ndarray::{Array1, Array3};
///
/// let folder = tempfile::tempdir()?;
/// let manifest = folder.path().join("glyphs.bitnpz.json");
/// let mut shards = Vec::new();
/// for number in 0..4 {
///     let path = bitnpz::shard_path(&manifest, number);
///     let mut writer = bitnpz::Writer::create(&path)?;
///     writer.add_images("glyphs", &Array3::from_shape_fn((1000, 16, 16), |(i, y, x)| y * x < (i + number) % 90))?;
///     writer.add_array("labels", &Array1::from_elem(1000, number as i64))?;
///     writer.finish()?;
///     shards.push(path);
/// }
/// bitnpz::commit(&manifest, &shards, &bitnpz::OpenOptions::default())?;
///
/// let archive = bitnpz::ShardedArchive::open(&manifest)?;
/// assert_eq!(archive.images("glyphs")?.shape(), [4000, 16, 16]);
/// assert_eq!(archive.array("labels")?.take::<i64>(&[3999, 0])?, ndarray::array![3, 0].into_dyn());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// If there is a manifest of this name (of several processes that commit at the same time, one succeeds), if an archive cannot be
/// read, has other arrays than the others or is not in the folder, or if writing fails.
pub fn commit<P: AsRef<Path>>(path: impl AsRef<Path>, shards: &[P], options: &OpenOptions) -> Result<()> {
    let path = path.as_ref();
    write(path, &describe_files(path, shards, options)?)?.commit_new()?;
    Ok(())
}

/// Does the same, and replaces the manifest that `archive` was opened by: readers see the shards of one or of the other. Add to
/// the shards of an archive, or take some away.
///
/// # Errors
///
/// As [`commit`], and if there is no manifest of this name, or another than that of `archive`, as somebody else has replaced it
/// meanwhile.
pub fn replace<P: AsRef<Path>>(
    path: impl AsRef<Path>,
    shards: &[P],
    archive: &ShardedArchive,
    options: &OpenOptions,
) -> Result<()> {
    let path = path.as_ref();
    let manifest = describe_files(path, shards, options)?;
    // Whoever replaces a manifest has locked the one that it replaces. One that waits for the lock finds the new one then.
    let read = |error| bitnpz_npz::Error::from(bitnpz_npz::ErrorKind::Open { path: path.to_owned(), error });
    let locked = loop {
        let file = HeldFile::open(path).map_err(read)?;
        file.lock()?.map_err(read)?;
        if file.is_there() {
            break file;
        }
    };
    // Through the file that is locked: some systems let nobody else read it.
    if read_manifest(locked.file(), path)? != *archive.manifest() {
        return Err(ErrorKind::ManifestChanged.into());
    }
    write(path, &manifest)?.commit()?;
    drop(locked);
    Ok(())
}

fn write(path: &Path, manifest: &Manifest) -> Result<AtomicFile> {
    let mut file = AtomicFile::create(path)?;
    file.write_all(manifest.to_json().as_bytes()).map_err(bitnpz_npz::Error::from)?;
    Ok(file)
}

fn describe_files<P: AsRef<Path>>(path: &Path, shards: &[P], options: &OpenOptions) -> Result<Manifest> {
    let folder = folder_of(path);
    let names = shards.iter().map(|shard| name_in(&folder, shard.as_ref())).collect::<Result<Vec<_>>>()?;
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let place = Place::Folder(folder);
    describe(&names, &|name| place.open(name, options), NonZero::<usize>::MIN)
}

/// Returns the name of a shard in the folder of the manifest.
fn name_in(folder: &Path, shard: &Path) -> Result<String> {
    let real = |path: &Path| path.canonicalize().or_else(|_| std::path::absolute(path)).ok();
    let is_there = real(folder).is_some_and(|folder| real(&folder_of(shard)) == Some(folder));
    match shard.file_name().and_then(|name| name.to_str()).filter(|_| is_there) {
        Some(name) => Ok(name.to_owned()),
        None => {
            let message = format!("expected a file in {}, the folder of the manifest", folder.display());
            Err(unfit(&shard.display().to_string(), message))
        }
    }
}
