//! `cargo xtask steps`: the tests with hostile files, every step counted.

use crate::command::{self, HOST, Outcome, cargo};
use crate::python;

/// LLVM calls a function of ours at each edge between basic blocks: `crates/oracle/src/counting.rs`.
const FLAGS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=3 \
    -Cllvm-args=-sanitizer-coverage-trace-pc -Copt-level=2 --cfg=bitnpz_steps";

pub(crate) fn run() -> Outcome {
    let python = python::environment("venv", &["xtask/requirements.txt"])?;
    let mut tests = cargo(&["test", "--locked", "--target", HOST, "--target-dir", "target/steps"]);
    for package in ["bitnpz-npy", "bitnpz-npz", "bitnpz"] {
        tests.args(["--package", package]);
    }
    tests.args(["--test", "it", "--", "hostile::", "fields::"]);
    command::run(tests.env("RUSTFLAGS", FLAGS).env("BITNPZ_PYTHON", python))
}
