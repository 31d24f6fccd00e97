//! Reading a manifest from a file.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::manifest::Manifest;
use crate::error::{Error, ErrorKind, Result};

/// The most bytes that a manifest may have: those of some million shards.
const MAX_BYTES: u64 = 256 << 20;

/// Opens and reads the manifest at a path.
pub(super) fn open_manifest(path: &Path) -> Result<Manifest> {
    let failed =
        |error| bitnpz_npz::Error::from(bitnpz_npz::ErrorKind::Open { path: path.to_owned(), error });
    read_manifest(&File::open(path).map_err(failed)?, path)
}

/// Reads a manifest from an open file, which has this path.
pub(super) fn read_manifest(file: &File, path: &Path) -> Result<Manifest> {
    let failed =
        |error| bitnpz_npz::Error::from(bitnpz_npz::ErrorKind::Open { path: path.to_owned(), error });
    let mut text = Vec::new();
    let read = file.take(MAX_BYTES + 1).read_to_end(&mut text).map_err(failed)?;
    if read as u64 > MAX_BYTES {
        let message = format!("expected at most {MAX_BYTES} bytes, found more");
        return Err(Error::from(ErrorKind::BadManifest { message }).in_file(path));
    }
    Manifest::parse(&text).map_err(|error| error.in_file(path))
}
