//! `cargo xtask sanitize`: runs tests with AddressSanitizer, since Miri needs a nightly compiler.

use crate::command::{self, HOST, Outcome, cargo};
use crate::{python, test};

/// The libraries: those with unsafe code and those that use it.
const PACKAGES: [&str; 4] = ["bitnpz-bitmap", "bitnpz-npy", "bitnpz-npz", "bitnpz"];

pub(crate) fn run(_: &[String]) -> Outcome {
    let python = python::environment(python::ORACLE, test::REQUIREMENTS)?;
    let mut tests = cargo(&["test", "--locked", "--target", HOST, "--target-dir", "target/sanitize"]);
    // No doctests: they are linked without the sanitizer's library.
    tests.args(["--lib", "--tests"]).args(PACKAGES.iter().flat_map(|package| ["--package", package]));
    // A stable compiler accepts `-Z` only with this variable.
    tests.env("RUSTC_BOOTSTRAP", "1").env("RUSTFLAGS", "-Zsanitizer=address");
    command::run(tests.env("BITNPZ_PYTHON", python))
}
