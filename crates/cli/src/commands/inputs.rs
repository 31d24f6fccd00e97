//! The files that `bitnpz pack` and `bitnpz append` take in, and their keys.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use glob::GlobError;

use super::walk::Walk;
use crate::failure::{Failure, Outcome};
use crate::options::InputArgs;

/// The file extensions of pictures.
const PICTURE_EXTENSIONS: [&str; 14] =
    ["png", "apng", "pbm", "pgm", "ppm", "pnm", "pam", "tif", "tiff", "bmp", "gif", "jpg", "jpeg", "webp"];

/// One file to pack.
pub(super) enum Input {
    Picture { path: PathBuf, key: String },
    Array { path: PathBuf, key: String },
    Archive { path: PathBuf },
}

/// The files that the arguments name.
pub(super) struct FoundInputs {
    /// The files to pack, pictures first.
    pub(super) inputs: Vec<Input>,
    pub(super) left_out: LeftOut,
}

/// What is in folders and is not packed.
#[derive(Default)]
pub(super) struct LeftOut {
    /// The files that are of no kind that can be packed, pipes and devices among them.
    pub(super) files: Vec<PathBuf>,
    /// The links to a folder that they are in themselves.
    pub(super) loops: Vec<PathBuf>,
}

impl Input {
    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Picture { path, .. } | Self::Array { path, .. } | Self::Archive { path } => path,
        }
    }

    /// Returns the key; an archive brings its own.
    pub(super) fn key(&self) -> Option<&str> {
        match self {
            Self::Picture { key, .. } | Self::Array { key, .. } => Some(key),
            Self::Archive { .. } => None,
        }
    }

    /// Tells the kind of a file by its extension. Its key is its path below a folder.
    fn new(path: &Path, below: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        let key = key(&below.join(path.file_name()?).with_extension(""));
        let path = path.to_owned();
        match extension.as_str() {
            "npy" => Some(Self::Array { path, key }),
            "npz" => Some(Self::Archive { path }),
            extension if PICTURE_EXTENSIONS.contains(&extension) => Some(Self::Picture { path, key }),
            _ => None,
        }
    }
}

/// Joins the parts of a path with slashes, on any system.
fn key(path: &Path) -> String {
    let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
    parts.join("/")
}

/// Finds the files that the arguments name, those of folders and globs sorted by name.
///
/// A key is the path of a file below the deepest folder that holds everything the arguments name. Two files thus have
/// different keys unless they differ in the extension only.
pub(super) fn find(arguments: &InputArgs) -> Result<FoundInputs, Failure> {
    let named = arguments.inputs.iter().map(|argument| Named::find(argument));
    let named = named.collect::<Result<Vec<_>, _>>()?;
    let root = named
        .iter()
        .filter(|named| named.has_keys())
        .map(|named| named.folder.clone())
        .reduce(|one, other| common(&one, &other));
    let root = root.unwrap_or_default();
    let mut found = FoundInputs { inputs: Vec::new(), left_out: LeftOut::default() };
    for Named { folder, files, special, loops, is_folder } in &named {
        found.left_out.files.extend_from_slice(special);
        found.left_out.loops.extend_from_slice(loops);
        let below = folder.strip_prefix(&root).unwrap_or(Path::new(""));
        for (path, within) in files {
            match Input::new(path, &below.join(within)) {
                Some(input) => found.inputs.push(input),
                None if *is_folder => found.left_out.files.push(path.clone()),
                None => return Err(unknown(path)),
            }
        }
    }
    if found.inputs.is_empty() {
        let message = "expected pictures, .npy or .npz files in it, found none";
        return Err(Failure::at(Path::new(&arguments.inputs[0]), message));
    }
    name_arrays(&mut found.inputs, arguments.name.as_deref());
    if arguments.name.is_none() {
        keep_extensions(&mut found.inputs);
        check_keys(&found.inputs)?;
    }
    found.inputs.sort_by_key(|input| !matches!(input, Input::Picture { .. }));
    Ok(found)
}

/// The files that one argument names.
struct Named {
    /// The folder itself, or the deepest one that holds its files; without links.
    folder: PathBuf,
    /// Files, each with its folder relative to `folder`.
    files: Vec<(PathBuf, PathBuf)>,
    /// Pipes, devices and sockets.
    special: Vec<PathBuf>,
    /// Links to a folder that they are in themselves.
    loops: Vec<PathBuf>,
    is_folder: bool,
}

impl Named {
    fn find(argument: &str) -> Result<Self, Failure> {
        let path = Path::new(argument);
        let failed = |error: io::Error| Failure::at(path, error);
        if path.is_dir() {
            let Walk { files, special, loops, .. } = Walk::of(path).map_err(failed)?;
            let folder = path.canonicalize().map_err(failed)?;
            return Ok(Self { folder, files, special, loops, is_folder: true });
        }
        let files = if path.exists() {
            vec![path.to_owned()]
        } else {
            let paths = glob::glob(argument).map_err(|error| Failure::at(path, error))?;
            let unreadable = |error: GlobError| Failure::at(error.path(), error.error());
            let paths = paths.collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
            paths.into_iter().filter(|path| path.is_file()).collect()
        };
        let folder = |file: &PathBuf| {
            file.parent()
                .filter(|folder| !folder.as_os_str().is_empty())
                .map_or_else(|| Path::new(".").canonicalize(), Path::canonicalize)
        };
        let folders = files.iter().map(folder).collect::<io::Result<Vec<_>>>().map_err(failed)?;
        let Some(root) = folders.iter().cloned().reduce(|one, other| common(&one, &other)) else {
            return Err(Failure::missing(path));
        };
        let within = |folder: PathBuf| folder.strip_prefix(&root).map(Path::to_owned).unwrap_or_default();
        let files = files.into_iter().zip(folders.into_iter().map(within)).collect();
        Ok(Self { folder: root, files, special: Vec::new(), loops: Vec::new(), is_folder: false })
    }

    /// Returns whether any file gets a key from its path; archives do not, they bring their own keys.
    fn has_keys(&self) -> bool {
        let is_archive =
            |path: &Path| path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("npz"));
        self.files.iter().any(|(path, _)| !is_archive(path))
    }
}

/// Returns the deepest folder that holds both.
fn common(one: &Path, other: &Path) -> PathBuf {
    one.iter().zip(other.iter()).take_while(|(one, other)| one == other).map(|(part, _)| part).collect()
}

fn unknown(path: &Path) -> Failure {
    let expected =
        "expected a picture (png, pbm, pgm, ppm, pam, tiff, bmp, gif, jpeg, webp), a .npy or a .npz file";
    Failure::at(path, expected)
}

/// Gives .npy files the key of `--name`.
fn name_arrays(inputs: &mut [Input], name: Option<&str>) {
    let Some(name) = name else { return };
    for input in inputs {
        if let Input::Array { key, .. } = input {
            name.clone_into(key);
        }
    }
}

/// Keeps the extension in the keys of pictures that would otherwise share a key with another input.
fn keep_extensions(inputs: &mut [Input]) {
    let mut counts = HashMap::<String, usize>::new();
    for input in &*inputs {
        if let Input::Picture { key, .. } | Input::Array { key, .. } = input {
            *counts.entry(key.clone()).or_default() += 1;
        }
    }
    for input in inputs {
        if let Input::Picture { path, key } = input
            && counts[key.as_str()] > 1
            && let Some(extension) = path.extension()
        {
            key.push('.');
            key.push_str(&extension.to_string_lossy());
        }
    }
}

/// Checks that no two files have the same key.
fn check_keys(inputs: &[Input]) -> Outcome {
    let mut known = HashMap::<&str, &Path>::new();
    for input in inputs {
        let Some(key) = input.key() else { continue };
        if let Some(other) = known.insert(key, input.path()) {
            let message = format!("shares the key {key:?} with {}", other.display());
            return Err(Failure::at(input.path(), message));
        }
    }
    Ok(())
}
