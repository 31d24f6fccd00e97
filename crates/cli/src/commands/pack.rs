//! `bitnpz pack`.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use bitnpz::picture::{Ink, ReadOptions, read};
use bitnpz::{Archive, Dtype, Limits, PixelValues, Writer};
use indicatif::ProgressBar;

use crate::arguments::Pack;
use crate::failure::{Failure, Outcome};
use crate::output::{Output, size, thousands};

/// The endings of files that are pictures.
const PICTURES: [&str; 9] = ["png", "pbm", "pgm", "ppm", "pnm", "tif", "tiff", "bmp", "gif"];

/// One thing to pack.
enum Input {
    Picture { path: PathBuf, key: String },
    Array { path: PathBuf, key: String },
    Archive { path: PathBuf },
}

pub(crate) fn run(arguments: &Pack, output: &mut Output) -> Outcome {
    let start = Instant::now();
    let appends = arguments.append && arguments.output.exists();
    super::check_free(&arguments.output, arguments.write.force || appends)?;
    let inputs = inputs(arguments)?;
    check_keys(&inputs, arguments.name.as_deref())?;
    let bytes_in: u64 = inputs.iter().filter_map(|input| Some(fs::metadata(input.path()).ok()?.len())).sum();

    let options = arguments.write.options();
    let writer = if appends {
        Writer::append(&arguments.output, &options)
    } else {
        Writer::create_with(&arguments.output, &options)
    };
    let mut writer = writer.map_err(|error| Failure::at(&arguments.output, error))?;
    let bar = output.progress(steps(&inputs)?, "packing");
    let (pictures, others): (Vec<&Input>, Vec<&Input>) =
        inputs.iter().partition(|input| matches!(input, Input::Picture { .. }));
    match &arguments.name {
        Some(name) if !pictures.is_empty() => pack_stack(&mut writer, name, &pictures, arguments, &bar)?,
        _ => pack_pictures(&mut writer, &pictures, arguments, &bar)?,
    }
    for input in others {
        pack_other(&mut writer, input, &bar)?;
    }
    let summary = writer.finish().map_err(|error| Failure::at(&arguments.output, error))?;
    bar.finish_and_clear();

    let bytes = fs::metadata(&arguments.output)?.len();
    output.remark(format!(
        "{}: {} keys, {} images",
        arguments.output.display(),
        thousands(summary.keys as u64),
        thousands(summary.images as u64)
    ))?;
    let ratio = bytes_in as f64 / bytes.max(1) as f64;
    output.remark(format!("{} in, {} out: {ratio:.2} times smaller", size(bytes_in), size(bytes)))?;
    if summary.images > 0 {
        let per_image = bytes as f64 / summary.images as f64;
        output.remark(format!("{per_image:.1} bytes per image, {:.1} s", start.elapsed().as_secs_f64()))?;
    }
    Ok(())
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
fn inputs(arguments: &Pack) -> Result<Vec<Input>, Failure> {
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

/// How many steps packing these takes: pictures, arrays, and the keys of archives.
fn steps(inputs: &[Input]) -> Result<u64, Failure> {
    let mut steps = 0;
    for input in inputs {
        steps += match input {
            Input::Archive { path } => super::open(path)?.len() as u64,
            _ => 1,
        };
    }
    Ok(steps)
}

fn read_options(arguments: &Pack) -> ReadOptions {
    let ink = if arguments.invert { Ink::Black } else { Ink::White };
    let options = ReadOptions::default().with_ink(ink);
    match arguments.threshold {
        Some(threshold) => options.with_threshold(threshold),
        None => options,
    }
}

fn pack_pictures(writer: &mut Writer, pictures: &[&Input], arguments: &Pack, bar: &ProgressBar) -> Outcome {
    let options = read_options(arguments);
    for input in pictures {
        let Input::Picture { path, key } = input else { continue };
        let bitmap = read(path, &options)?;
        writer.add_bitmap(key, bitmap.view()).map_err(|error| Failure::at(path, error))?;
        bar.inc(1);
    }
    Ok(())
}

/// All pictures as one array.
fn pack_stack(
    writer: &mut Writer,
    name: &str,
    pictures: &[&Input],
    arguments: &Pack,
    bar: &ProgressBar,
) -> Outcome {
    let options = read_options(arguments);
    let first = read(pictures[0].path(), &options)?;
    let shape = [first.height(), first.width()];
    let mut stack = writer.stack(name, &Dtype::of::<bool>(), shape)?;
    for input in pictures {
        let bitmap = read(input.path(), &options)?;
        let found = [bitmap.height(), bitmap.width()];
        if found != shape {
            let [height, width] = found;
            let first = pictures[0].path().display();
            let message = format!(
                "expected {} x {} pixels as in {first}, found {height} x {width}; without --name each keeps its own shape",
                shape[0], shape[1]
            );
            return Err(Failure::at(input.path(), message));
        }
        stack
            .push(&bitmap.unpack(PixelValues::<bool>::default()))
            .map_err(|error| Failure::at(input.path(), error))?;
        bar.inc(1);
    }
    Ok(stack.finish()?)
}

fn pack_other(writer: &mut Writer, input: &Input, bar: &ProgressBar) -> Outcome {
    let result = match input {
        Input::Archive { path } => {
            Archive::open(path).and_then(|archive| writer.copy_from(&archive, |_| bar.inc(1)))
        }
        Input::Array { path, key } => {
            bar.inc(1);
            writer.add_npy_file(key, path, &Limits::default())
        }
        Input::Picture { .. } => Ok(()),
    };
    result.map_err(|error| Failure::at(input.path(), error))
}
