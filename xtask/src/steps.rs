//! `cargo xtask steps`: runs the tests with hostile files and counts every step.

use crate::command::{self, HOST, Outcome, cargo};
use crate::{python, test};

/// Makes LLVM call `__sanitizer_cov_trace_pc` of `crates/oracle/src/counting.rs` at each edge between basic blocks.
const FLAGS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=3 \
    -Cllvm-args=-sanitizer-coverage-trace-pc -Copt-level=2 --cfg=bitnpz_steps";

pub(crate) fn run(_: &[String]) -> Outcome {
    let python = python::environment(python::ORACLE, test::REQUIREMENTS)?;
    let mut tests = cargo(&["test", "--locked", "--target", HOST, "--target-dir", "target/steps"]);
    for package in ["bitnpz-npy", "bitnpz-npz", "bitnpz"] {
        tests.args(["--package", package]);
    }
    tests.args(["--test", "it", "--", "hostile::", "fields::"]);
    command::run(tests.env("RUSTFLAGS", FLAGS).env("BITNPZ_PYTHON", python))
}
