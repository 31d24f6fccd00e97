//! What `bitnpz pack` and `bitnpz append` take in.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use bitnpz::picture::{Ink, ReadOptions, read};
use bitnpz::{Archive, ErrorKind, OpenOptions, PixelValues, Summary, WriteOptions, Writer};
use indicatif::ProgressBar;
use ndarray::Axis;

use crate::arguments::{Inputs, Read};
use crate::failure::{Failure, Outcome};
use crate::output::Output;

/// The endings of files that are pictures.
const PICTURES: [&str; 9] = ["png", "pbm", "pgm", "ppm", "pnm", "tif", "tiff", "bmp", "gif"];

/// One thing to pack.
enum Input {
    Picture { path: PathBuf, key: String },
    Array { path: PathBuf, key: String },
    Archive { path: PathBuf },
}

/// Everything to pack, pictures first.
pub(super) struct Packing<'a> {
    arguments: &'a Inputs,
    open: OpenOptions,
    options: WriteOptions,
    inputs: Vec<Input>,
    /// What was packed before this run was resumed.
    done: Option<Archive>,
    /// A writer is finished and started again after so many images.
    every: usize,
}

impl<'a> Packing<'a> {
    pub(super) fn new(arguments: &'a Inputs, read: &Read, options: WriteOptions) -> Result<Self, Failure> {
        let mut inputs = find(arguments)?;
        check_keys(&inputs, arguments.name.as_deref())?;
        inputs.sort_by_key(|input| !matches!(input, Input::Picture { .. }));
        let open = OpenOptions::default().with_limits(read.limits());
        let options = options.with_limits(read.limits());
        Ok(Self { arguments, open, options, inputs, done: None, every: usize::MAX })
    }

    /// The same, kept at the path it is written to after so many images each; what is there already is left out.
    pub(super) fn resume(mut self, path: &Path, every: usize) -> Result<Self, Failure> {
        if super::exists(path)? {
            let done = Archive::open_with(path, self.open.clone());
            self.done = Some(done.map_err(|error| Failure::at(path, error))?);
        }
        self.every = every;
        Ok(self)
    }

    /// The bytes of all inputs.
    pub(super) fn bytes(&self) -> u64 {
        self.inputs.iter().filter_map(|input| Some(fs::metadata(input.path()).ok()?.len())).sum()
    }

    /// Packs all into the archive at this path, after what is there if it is there already; `None` if a run that is resumed
    /// had nothing left to do.
    pub(super) fn run(
        &self,
        path: &Path,
        appends: bool,
        output: &Output,
    ) -> Result<Option<Summary>, Failure> {
        let bar = output.progress(self.steps()?, "packing");
        let mut stage = Stage { packing: self, path, bar, added: 0, kept: None };
        let mut writer = stage.start(appends)?;
        for input in &self.inputs {
            writer = match input {
                Input::Picture { path, key } => stage.add_picture(writer, path, key)?,
                Input::Array { path, key } => stage.add_array(writer, path, key)?,
                Input::Archive { path } => stage.add_archive(writer, path)?,
            };
        }
        stage.bar.finish_and_clear();
        // What is kept already is not written again: the bytes must not tell where a run was killed.
        if stage.added == 0 && (stage.kept.is_some() || self.done.is_some()) {
            return Ok(stage.kept);
        }
        writer.finish().map(Some).map_err(|error| Failure::of(path, &error))
    }

    /// How many steps packing takes: pictures, arrays, and the keys of archives.
    fn steps(&self) -> Result<u64, Failure> {
        let steps = self.inputs.iter().map(|input| match input {
            Input::Archive { path } => Ok(self.open(path)?.len() as u64),
            _ => Ok(1),
        });
        steps.sum()
    }

    fn open(&self, path: &Path) -> Result<Archive, Failure> {
        Archive::open_with(path, self.open.clone()).map_err(|error| Failure::at(path, error))
    }

    fn is_done(&self, key: &str) -> bool {
        self.done.as_ref().is_some_and(|done| done.contains(key))
    }

    /// How many images the stack of this key had.
    fn images_done(&self, key: &str) -> usize {
        let entry = self.done.as_ref().and_then(|done| done.entry(key).ok()?.images());
        entry.unwrap_or(0)
    }

    fn read_options(&self) -> ReadOptions {
        let ink = if self.arguments.invert { Ink::Black } else { Ink::White };
        let options = ReadOptions::default().with_ink(ink);
        match self.arguments.threshold {
            Some(threshold) => options.with_threshold(threshold),
            None => options,
        }
    }
}

impl Input {
    fn path(&self) -> &Path {
        match self {
            Self::Picture { path, .. } | Self::Array { path, .. } | Self::Archive { path } => path,
        }
    }

    /// What a file is, by its ending.
    fn new(path: &Path, below: Option<&Path>) -> Option<Self> {
        let ending = path.extension()?.to_str()?.to_ascii_lowercase();
        let relative = below.and_then(|folder| path.strip_prefix(folder).ok());
        let name =
            relative.map_or_else(|| PathBuf::from(path.file_name().unwrap_or_default()), Path::to_path_buf);
        let parts: Vec<String> =
            name.with_extension("").iter().map(|part| part.to_string_lossy().into_owned()).collect();
        let (path, key) = (path.to_owned(), parts.join("/"));
        match ending.as_str() {
            "npy" => Some(Self::Array { path, key }),
            "npz" => Some(Self::Archive { path }),
            ending if PICTURES.contains(&ending) => Some(Self::Picture { path, key }),
            _ => None,
        }
    }
}

/// What the arguments name, folders and globs in the order of their names.
fn find(arguments: &Inputs) -> Result<Vec<Input>, Failure> {
    let mut inputs = Vec::new();
    for argument in &arguments.inputs {
        let path = Path::new(argument);
        if path.is_dir() {
            let mut files = Vec::new();
            walk(path, &mut files).map_err(|error| Failure::at(path, error))?;
            let found: Vec<Input> = files.iter().filter_map(|file| Input::new(file, Some(path))).collect();
            if found.is_empty() {
                return Err(Failure::at(path, "expected pictures, .npy or .npz files in it, found none"));
            }
            inputs.extend(found);
        } else if path.exists() {
            inputs.push(Input::new(path, None).ok_or_else(|| unknown(path))?);
        } else {
            let paths = glob::glob(argument).map_err(|error| Failure::at(path, error))?;
            let paths: Vec<PathBuf> = paths.filter_map(Result::ok).filter(|path| path.is_file()).collect();
            if paths.is_empty() {
                return Err(Failure::at(path, "there is no such file or folder"));
            }
            for path in paths {
                inputs.push(Input::new(&path, None).ok_or_else(|| unknown(&path))?);
            }
        }
    }
    if let Some(name) = &arguments.name {
        let mut arrays = inputs.iter_mut().filter_map(|input| match input {
            Input::Array { key, .. } => Some(key),
            _ => None,
        });
        if let Some(key) = arrays.next() {
            name.clone_into(key);
        }
    }
    Ok(inputs)
}

fn unknown(path: &Path) -> Failure {
    Failure::at(path, "expected a picture (png, pbm, tiff, bmp, gif), a .npy or a .npz file")
}

/// All files below a folder, in the order of their names.
fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    let mut entries =
        fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
    entries.sort();
    for path in entries {
        if path.is_dir() { walk(&path, files)? } else { files.push(path) }
    }
    Ok(())
}

/// That no two files ask for one key.
fn check_keys(inputs: &[Input], name: Option<&str>) -> Outcome {
    let mut known = HashMap::<&str, &Path>::new();
    for input in inputs {
        let key = match input {
            Input::Picture { .. } if name.is_some() => continue,
            Input::Picture { key, .. } | Input::Array { key, .. } => key,
            Input::Archive { .. } => continue,
        };
        if let Some(other) = known.insert(key, input.path()) {
            let message = format!("the key {key:?} is that of {} too", other.display());
            return Err(Failure::at(input.path(), message));
        }
    }
    Ok(())
}

/// How far packing has come.
struct Stage<'a> {
    packing: &'a Packing<'a>,
    /// The archive that is written.
    path: &'a Path,
    bar: ProgressBar,
    /// Images and arrays since the archive was last finished.
    added: usize,
    /// What the archive had then, if this run finished it.
    kept: Option<Summary>,
}

impl Stage<'_> {
    fn start(&self, appends: bool) -> Result<Writer, Failure> {
        let options = &self.packing.options;
        let writer = if appends {
            Writer::append(self.path, options)
        } else {
            Writer::create_with(self.path, options)
        };
        writer.map_err(|error| Failure::of(self.path, &error))
    }

    /// Keeps what was added, if that is enough.
    fn step(&mut self, writer: Writer, images: usize) -> Result<Writer, Failure> {
        self.bar.inc(1);
        self.added = self.added.saturating_add(images.max(1));
        if self.added < self.packing.every {
            return Ok(writer);
        }
        self.added = 0;
        self.kept = Some(writer.finish().map_err(|error| Failure::of(self.path, &error))?);
        self.start(true)
    }

    fn add_picture(&mut self, mut writer: Writer, path: &Path, key: &str) -> Result<Writer, Failure> {
        let fail = |error: bitnpz::Error| Failure::of(path, &error);
        let stack = self.packing.arguments.name.as_deref();
        let images_done = stack.map_or(0, |name| self.packing.images_done(name));
        let number = usize::try_from(self.bar.position()).unwrap_or(usize::MAX);
        if number < images_done || stack.is_none() && self.packing.is_done(key) {
            self.bar.inc(1);
            return Ok(writer);
        }
        let bitmap = read(path, &self.packing.read_options())?;
        match stack {
            Some(name) => {
                let image = bitmap.unpack(PixelValues::<bool>::default()).insert_axis(Axis(0));
                writer.extend(name, &image).map_err(|error| match error.kind() {
                    ErrorKind::WrongShape { .. } => {
                        Failure::at(path, format!("{error}; without --name each picture keeps its own shape"))
                    }
                    _ => fail(error),
                })?;
            }
            None => writer.add_bitmap(key, bitmap.view()).map_err(fail)?,
        }
        self.step(writer, 1)
    }

    fn add_array(&mut self, mut writer: Writer, path: &Path, key: &str) -> Result<Writer, Failure> {
        if self.packing.is_done(key) {
            self.bar.inc(1);
            return Ok(writer);
        }
        let limits = &self.packing.options.limits;
        writer.add_npy_file(key, path, limits).map_err(|error| Failure::of(path, &error))?;
        self.step(writer, 1)
    }

    fn add_archive(&mut self, mut writer: Writer, path: &Path) -> Result<Writer, Failure> {
        let fail = |error: bitnpz::Error| Failure::of(path, &error);
        let archive = self.packing.open(path)?;
        for key in archive.keys() {
            if self.packing.is_done(&key) {
                self.bar.inc(1);
                continue;
            }
            let entry = archive.entry(&key).map_err(fail)?;
            writer.add_entry(&entry).map_err(fail)?;
            writer = self.step(writer, entry.images().unwrap_or(0))?;
        }
        Ok(writer)
    }
}
