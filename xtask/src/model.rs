//! `cargo xtask model`: makes the images that the shipped model is trained on, trains it, and tells whether it is the one that ships.
//!
//! It replaces no file: archives name the shipped model, so that one that differs needs another name.

use std::fs;
use std::path::Path;

use crate::command::{self, Outcome, cargo, command, root, target};
use crate::python;

/// The folder of the model and of the scripts that make its images.
const MODELS: &str = "crates/bitmap/models";

/// The name of the model's file.
const FILE: &str = "contour-2.bin";

pub(crate) fn run(_arguments: &[String]) -> Outcome {
    let python = python::environment("venv-model", &["crates/bitmap/models/requirements.txt"])?;
    let folder = target().join("model");
    let script = root().join(MODELS).join("material.py");
    command::run(command(&python, &[]).arg(script).arg(&folder))?;
    let train = folder.join("train");
    let listed = fs::read_dir(&train).map_err(|error| format!("{}: {error}", train.display()))?;
    let mut files: Vec<_> = listed.flatten().map(|file| file.path()).collect();
    files.sort();
    let file = folder.join(FILE);
    let train = ["run", "--release", "--locked", "--package", "bitnpz-benches", "--bin", "model", "--"];
    command::run(cargo(&train).arg(&file).args(files))?;
    let read = |path: &Path| fs::read(path).map_err(|error| format!("{}: {error}", path.display()));
    // The decoder in Python has a copy.
    for folder in [MODELS, "reference"] {
        let shipped = root().join(folder).join(FILE);
        let is_same = read(&shipped)? == read(&file)?;
        println!(
            "{} {} the model that was trained",
            shipped.display(),
            if is_same { "is" } else { "differs from" }
        );
    }
    Ok(())
}
