//! `cargo xtask lint`: rustfmt, clippy and rustdoc with warnings denied, the fuzz workspace included.

use crate::command::{self, Outcome, cargo};

pub(crate) fn run() -> Outcome {
    command::run(&mut cargo(&["fmt", "--all", "--check"]))?;
    command::run(&mut cargo(&[
        "clippy",
        "--workspace",
        "--all-targets",
        "--all-features",
        "--locked",
        "--",
        "-Dwarnings",
    ]))?;
    command::run(
        cargo(&["doc", "--workspace", "--all-features", "--no-deps", "--locked"])
            .env("RUSTDOCFLAGS", "-Dwarnings"),
    )?;
    let fuzz = ["--manifest-path", "fuzz/Cargo.toml"];
    command::run(cargo(&["fmt", "--check"]).args(fuzz))?;
    command::run(cargo(&["clippy", "--locked"]).args(fuzz).args(["--", "-Dwarnings"]))
}
