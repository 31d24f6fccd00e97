//! `cargo xtask lint`: rustfmt, clippy and rustdoc with warnings denied, the fuzz workspace included.

use crate::command::{self, Outcome, cargo};

pub(crate) fn run(_: &[String]) -> Outcome {
    command::run(&mut cargo(&["fmt", "--all", "--check"]))?;
    let fuzz = ["--manifest-path", "fuzz/Cargo.toml"];
    command::run(cargo(&["fmt", "--check"]).args(fuzz))?;
    let everything = ["clippy", "--workspace", "--all-targets", "--all-features", "--locked"];
    command::run(cargo(&everything).args(["--", "-Dwarnings"]))?;
    command::run(
        cargo(&["doc", "--workspace", "--all-features", "--no-deps", "--locked"])
            .env("RUSTDOCFLAGS", "-Dwarnings"),
    )?;
    // The two workspaces share their target folder, so that packages with equal features are checked once.
    let target = command::target();
    command::run(
        cargo(&["clippy", "--locked"]).args(fuzz).arg("--target-dir").arg(target).args(["--", "-Dwarnings"]),
    )
}
