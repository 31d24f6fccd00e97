//! `cargo xtask stores`: tests uploads and reading with other S3 servers than moto, which differ in what they get wrong.

use std::path::PathBuf;

use crate::command::{self, Outcome, cargo, command, target};
use crate::package;

/// The servers and their versions. `crates/python/tests/servers.py` knows them by these names.
const S3S_FS: (&str, &str) = ("s3s-fs", "0.14.1");
const S3RVER: (&str, &str) = ("s3rver", "3.7.1");

/// Runs the tests of stores with each server. Arguments go to pytest.
pub(crate) fn run(arguments: &[String]) -> Outcome {
    let servers = [Some(s3s_fs()?), s3rver()?];
    let python = package::for_reports("venv-stores", "xtask/python.txt")?;
    for server in servers.into_iter().flatten() {
        let tests = ["remote", "puts", "uploads"].map(|name| format!("crates/python/tests/test_{name}.py"));
        let mut pytest = command(&python, &["-m", "pytest", "--quiet", "--timeout=300"]);
        command::run(pytest.args(tests).args(arguments).env("BITNPZ_S3", server))?;
    }
    Ok(())
}

/// Returns the folder of a server below `target`.
fn folder((name, version): (&str, &str)) -> PathBuf {
    target().join("stores").join(format!("{name}-{version}"))
}

/// Returns the program of s3s-fs, which is compiled the first time: that takes some minutes.
fn s3s_fs() -> Result<PathBuf, String> {
    let (name, version) = S3S_FS;
    let program = folder(S3S_FS).join("bin").join(name);
    if !program.exists() {
        let install = ["install", "--quiet", name, "--version", version, "--features", "binary", "--root"];
        command::run(cargo(&install).arg(folder(S3S_FS)))?;
    }
    Ok(program)
}

/// Returns the program of s3rver, which is installed the first time; none if there is no npm.
fn s3rver() -> Result<Option<PathBuf>, String> {
    let (name, version) = S3RVER;
    let program = folder(S3RVER).join("node_modules/.bin").join(name);
    if !program.exists() {
        if !is_installed("npm") {
            println!("npm is not installed: {name} is not tested");
            return Ok(None);
        }
        let install = ["install", "--silent", "--no-fund", "--no-audit", "--prefix"];
        command::run(command("npm", &install).arg(folder(S3RVER)).arg(format!("{name}@{version}")))?;
    }
    Ok(Some(program))
}

/// Returns whether a program is in a folder of the path.
fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).exists())
}
