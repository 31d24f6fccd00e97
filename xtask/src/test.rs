//! `cargo xtask test`: all tests, with stock NumPy as the oracle.

use crate::command::{self, Outcome, cargo};
use crate::python;

pub(crate) fn run(arguments: &[String]) -> Outcome {
    let python = python::environment("venv", "xtask/requirements.txt")?;
    command::run(cargo(&["test", "--workspace", "--locked"]).args(arguments).env("BITNPZ_PYTHON", python))
}
