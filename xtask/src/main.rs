//! The project's own tasks.
//!
//! - `cargo xtask test` makes virtual environments with the pinned NumPy and runs all tests; `cargo xtask test ARGS` gives
//!   what follows to `cargo test`, and leaves Python's out.
//! - `cargo xtask python [ARGS]` builds the Python package and tests it on every Python there is; what follows goes to
//!   pytest.
//! - `cargo xtask frameworks` tests it with PyTorch, Grain and scikit-learn, which it installs.
//! - `cargo xtask lint` runs rustfmt, clippy and rustdoc with warnings denied.
//! - `cargo xtask layers` checks that no files import in circles and that crates depend only on those below them.
//! - `cargo xtask msrv` checks that no dependency asks for a newer Rust than we promise.
//! - `cargo xtask tree` counts the packages that the library brings, and fails if they have become more.
//! - `cargo xtask ratio FILE.npz ...` compares what image sets take in bitnpz and in other formats.
//! - `cargo xtask workflows FILE.npz ...` compares whole workflows from Python with what people use.
//! - `cargo xtask crash [RUNS]` kills the command and makes calls of it fail, and looks for what is lost; `crash others [RUNS]`
//!   does so to NumPy, `zipfile`, HDF5 and the Python package.
//! - `cargo xtask fuzz [SECONDS] [address] [TARGET ...]` replays the seeds of fuzz targets and fuzzes each that long;
//!   with AddressSanitizer if asked to.
//! - `cargo xtask sanitize` runs the libraries' tests with AddressSanitizer.
//! - `cargo xtask steps` runs the tests with hostile files and counts every step.

#![allow(clippy::print_stdout, clippy::print_stderr)]

mod command;
mod crash;
mod fuzz;
mod layers;
mod lint;
mod msrv;
mod package;
mod python;
mod ratio;
mod sanitize;
mod steps;
mod test;
mod tree;

use std::process::ExitCode;

use command::Outcome;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let task = arguments.next().unwrap_or_default();
    let rest: Vec<String> = arguments.collect();
    match run(&task, &rest) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("xtask: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: &str, rest: &[String]) -> Outcome {
    match task {
        "test" => test::run(rest),
        "python" => package::test(rest),
        "frameworks" => package::test_frameworks(),
        "lint" => lint::run(),
        "layers" => layers::run(rest),
        "msrv" => msrv::run(),
        "tree" => tree::run(),
        "fuzz" => fuzz::run(rest),
        "crash" => crash::run(rest),
        "sanitize" => sanitize::run(),
        "steps" => steps::run(),
        "ratio" => ratio::run(rest),
        "workflows" => package::compare(rest),
        _ => {
            let tasks = "test, python, frameworks, lint, layers, msrv, tree, fuzz, sanitize, steps, crash, ratio, workflows";
            Err(format!("expected one of: {tasks} (see xtask/src/main.rs)"))
        }
    }
}
