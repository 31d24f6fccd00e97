//! `cargo xtask test [ARGS]`: all tests, with stock NumPy as the oracle.

use crate::command::{self, Outcome, cargo};
use crate::{package, python};

/// With arguments, which go to `cargo test`, those of Rust alone.
pub(crate) fn run(arguments: &[String]) -> Outcome {
    let python = python::environment("venv", &["xtask/requirements.txt"])?;
    command::run(cargo(&["test", "--workspace", "--locked"]).args(arguments).env("BITNPZ_PYTHON", python))?;
    if arguments.is_empty() { package::test(&[]) } else { Ok(()) }
}
