//! Running other programs from the workspace's root.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The outcome of a task: nothing, or a message for the person who ran it.
pub(crate) type Outcome = Result<(), String>;

/// The target of builds with special compiler flags. Naming it keeps the flags away from build scripts and procedural macros; it
/// is the only target on which these flags were tried.
pub(crate) const HOST: &str = "x86_64-unknown-linux-gnu";

/// Returns the workspace's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the workspace").to_path_buf()
}

/// Returns cargo's target folder.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// Makes a command that runs in the workspace's root.
pub(crate) fn command(program: impl AsRef<std::ffi::OsStr>, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(root());
    command
}

/// Makes a command of the `cargo` that started this program.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    command(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()), arguments)
}

/// Builds the `bitnpz` command and returns its path.
///
/// It is the one that the tests in Rust run: built alone, it would compile the libraries again, with fewer of their
/// dependencies' features.
pub(crate) fn built() -> Result<PathBuf, String> {
    run(&mut cargo(&["test", "--workspace", "--locked", "--no-run", "--quiet"]))?;
    Ok(target().join("debug").join(format!("bitnpz{}", std::env::consts::EXE_SUFFIX)))
}

/// Prints a command and runs it; an exit code other than 0 is an error.
pub(crate) fn run(command: &mut Command) -> Outcome {
    let line = format!("{command:?}");
    println!("+ {}", line.replace('"', ""));
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{line}: {status}")),
        Err(error) => Err(format!("{line}: {error}")),
    }
}

/// Runs a command and returns its standard output.
pub(crate) fn output(command: &mut Command) -> Result<String, String> {
    let line = format!("{command:?}");
    let output = command.output().map_err(|error| format!("{line}: {error}"))?;
    if !output.status.success() {
        return Err(format!("{line}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
