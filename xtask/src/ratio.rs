//! `cargo xtask ratio FILE.npz ... [--output FOLDER]`: compares the sizes of image sets with those of other formats.

use crate::command::{self, Outcome, cargo};
use crate::python;

pub(crate) fn run(arguments: &[String]) -> Outcome {
    let python = python::environment("venv-ratio", &["benches/requirements.txt"])?;
    let report = ["run", "--release", "--locked", "--package", "bitnpz-benches", "--bin", "ratio", "--"];
    command::run(cargo(&report).args(arguments).env("BITNPZ_PYTHON", python))
}
