//! Helpers of several tests.

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bitnpz::{Compression, Encoding, WriteOptions, Writer};
use bitnpz_oracle::Oracle;
use ndarray::{Array2, Array3};
use serde_json::Value as Json;

/// A temporary folder, removed when it is dropped.
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// Returns the path of a file in the folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Returns the names of all files in the folder, sorted.
    pub(crate) fn files(&self) -> Vec<String> {
        let name =
            |file: std::io::Result<std::fs::DirEntry>| file.unwrap().file_name().into_string().unwrap();
        let mut names: Vec<_> = std::fs::read_dir(&self.0).unwrap().map(name).collect();
        names.sort();
        names
    }
}

/// The members of an archive: names and contents.
pub(crate) type Members = Vec<(String, Vec<u8>)>;

/// Returns the members of an archive with image sets of version 6: directories and models are members, however small they are.
pub(crate) fn in_members(members: Members) -> Members {
    let mut all = Members::new();
    for (name, content) in members {
        let Some(folder) = name.strip_suffix("set.json") else {
            all.push((name, content));
            continue;
        };
        let mut about: Json = serde_json::from_slice(&content).unwrap();
        about["version"] = 6.into();
        let mut take = |part: &mut Json, field: &str, member: String| {
            let Some(text) = part.as_object_mut().unwrap().remove(field) else { return false };
            all.push((member, STANDARD.decode(text.as_str().unwrap()).unwrap()));
            true
        };
        for (number, segment) in about["segments"].as_array_mut().unwrap().iter_mut().enumerate() {
            take(segment, "directory", format!("{folder}blocks-{number}"));
        }
        let set = folder.strip_prefix(".bitnpz/").unwrap().trim_end_matches('/').to_owned();
        for model in about["models"].as_array_mut().unwrap() {
            let own = format!("{}-of-{set}", model["codec"].as_str().unwrap());
            if take(model, "bytes", format!(".bitnpz/models/{own}")) {
                model["member"] = own.into();
            }
        }
        all.push((name, serde_json::to_vec(&about).unwrap()));
    }
    all
}

/// Returns the members of an archive.
pub(crate) fn members(bytes: &[u8]) -> Members {
    let zip = bitnpz_npz::Archive::from_bytes(bytes.to_vec()).unwrap();
    zip.members().map(|member| (member.name().to_owned(), member.read().unwrap())).collect()
}

/// Writes an archive of these members, stored.
pub(crate) fn archive(members: &[(String, Vec<u8>)]) -> Vec<u8> {
    let options = bitnpz_npz::WriteOptions::default().with_compression(Compression::Stored);
    let mut writer = bitnpz_npz::Writer::new(std::io::Cursor::new(Vec::new()), &options);
    members.iter().for_each(|(name, bytes)| writer.add(name, bytes.clone()).unwrap());
    writer.finish().unwrap().into_inner()
}

/// Creates an archive with this encoding.
pub(crate) fn create(path: &Path, encoding: Encoding) -> Writer {
    Writer::create_with(path, &WriteOptions::default().with_encoding(encoding)).unwrap()
}

/// Starts Python with NumPy as `np` and the reference decoder as `bitnpz_reference`.
pub(crate) fn reference_decoder() -> Oracle {
    let mut python = Oracle::start();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../reference");
    let import = "import sys\nsys.path.insert(0, inputs[0].decode())\nimport bitnpz_reference";
    python.run(import, &[folder.to_str().unwrap().as_bytes()]);
    python
}

/// Returns an image of a blob, bars or noise; many seeds give the same image.
pub(crate) fn image(height: usize, width: usize, seed: usize) -> Array2<bool> {
    let seed = seed % 60;
    Array2::from_shape_fn((height, width), |(row, column)| match seed % 3 {
        0 => {
            row.abs_diff(height / 2).pow(2) + column.abs_diff(width * (seed % 7) / 7).pow(2)
                < (seed + 9).pow(2) / 9
        }
        1 => (row * seed + column * 7) % (5 + seed % 11) < 2,
        _ => (row * 31 + column * 17 + seed * 13) % 101 * seed % 7 < 3,
    })
}

/// Returns a stack of images of 20 rows and 30 columns.
pub(crate) fn stack(count: usize) -> Array3<bool> {
    let mut stack = Array3::from_elem((count, 20, 30), false);
    stack.outer_iter_mut().enumerate().for_each(|(seed, mut to)| to.assign(&image(20, 30, seed * seed)));
    stack
}
