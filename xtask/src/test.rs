//! `cargo xtask test [ARGS]`: all tests, with stock NumPy as the oracle.

use crate::command::{self, Outcome, cargo};
use crate::{package, python};

/// The packages that the oracle's Python has, NumPy among them.
pub(crate) const REQUIREMENTS: &[&str] = &["xtask/requirements.txt"];

/// Runs the tests in Rust, and without arguments, which go to `cargo test`, those of the Python package too.
pub(crate) fn run(arguments: &[String]) -> Outcome {
    let python = python::environment(python::ORACLE, REQUIREMENTS)?;
    command::run(cargo(&["test", "--workspace", "--locked"]).args(arguments).env("BITNPZ_PYTHON", python))?;
    if arguments.is_empty() { package::test(&["--quick".to_owned()]) } else { Ok(()) }
}
