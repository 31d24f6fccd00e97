//! `cargo xtask sanitize`: the tests with AddressSanitizer, for want of Miri on a stable compiler.

use crate::command::{self, HOST, Outcome, cargo};
use crate::python;

/// What has unsafe code, and what stands on it.
const PACKAGES: [&str; 4] = ["bitnpz-bitmap", "bitnpz-npy", "bitnpz-npz", "bitnpz"];

pub(crate) fn run() -> Outcome {
    let python = python::environment("venv", &["xtask/requirements.txt"])?;
    let mut tests = cargo(&["test", "--locked", "--target", HOST, "--target-dir", "target/sanitize"]);
    // Examples in documentation are linked without the sanitizer's library.
    tests.args(["--lib", "--tests"]).args(PACKAGES.iter().flat_map(|package| ["--package", package]));
    // A stable compiler has no sanitizers unless it is told that it is none.
    tests.env("RUSTC_BOOTSTRAP", "1").env("RUSTFLAGS", "-Zsanitizer=address");
    command::run(tests.env("BITNPZ_PYTHON", python))
}
