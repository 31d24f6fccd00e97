//! `cargo xtask python [ARGS]`, `frameworks`, `workflows` and `crash others`: the Python package, from wheel to tests and measurements.

use std::fs;
use std::path::{Path, PathBuf};

use crate::command::{self, Outcome, cargo, command, root, run};
use crate::python;

const TESTS: &str = "crates/python/tests";

/// Builds the wheel, checks the types, and runs the tests on every Python there is; `arguments` go to pytest.
pub(crate) fn test(arguments: &[String]) -> Outcome {
    let wheel = wheel()?;
    let build = python::environment("venv-python", &["xtask/python.txt"])?;
    run(&mut command(&build, &["-m", "mypy", "crates/python/python/bitnpz"]))?;
    run(&mut cargo(&["build", "--release", "--locked", "--quiet", "--package", "bitnpz-cli"]))?;
    // The tests of hostile archives, which the command reads too, are for one Python.
    let mut tool = Some(command::target().join("release/bitnpz"));
    for (interpreter, (major, minor)) in python::interpreters() {
        let name = format!("venv-python{major}.{minor}");
        let python = python::environment_of(&interpreter, &name, &["xtask/python.txt"])?;
        install(&python, &wheel)?;
        let mut tests = command(&python, &["-m", "pytest", "--quiet", "--timeout=300", TESTS]);
        tests.args(arguments).envs(tool.take().map(|path| ("BITNPZ_COMMAND", path)));
        run(&mut tests)?;
    }
    Ok(())
}

/// Runs the tests with PyTorch, Grain and scikit-learn.
pub(crate) fn test_frameworks() -> Outcome {
    let wheel = wheel()?;
    let python = python::environment("venv-frameworks", &["xtask/python.txt", "xtask/frameworks.txt"])?;
    install(&python, &wheel)?;
    let tests = format!("{TESTS}/test_frameworks.py");
    run(&mut command(&python, &["-m", "pytest", "--quiet", "--timeout=300", &tests]))
}

/// Measures workflows against what people use.
pub(crate) fn compare(files: &[String]) -> Outcome {
    let wheel = wheel()?;
    let python = python::environment("venv-ratio", &["benches/requirements.txt"])?;
    install(&python, &wheel)?;
    run(command(&python, &["benches/workflows.py"]).args(files))
}

/// Kills what people use at the same trials as ours.
pub(crate) fn crash_others(runs: &[String]) -> Outcome {
    let wheel = wheel()?;
    let python = python::environment("venv-ratio", &["benches/requirements.txt"])?;
    install(&python, &wheel)?;
    let appender =
        ["build", "--release", "--locked", "--package", "bitnpz-benches", "--example", "zip_append"];
    run(&mut cargo(&appender))?;
    let appender = command::target().join("release/examples/zip_append");
    run(command(&python, &["benches/crash.py"]).args(runs).env("ZIP_APPEND", appender))
}

/// Builds the wheel as users would, for this machine.
fn wheel() -> Result<PathBuf, String> {
    let python = python::environment("venv-python", &["xtask/python.txt"])?;
    let folder = root().join("target/wheels");
    // Only one is there, so that it is the one.
    let _ = fs::remove_dir_all(&folder);
    run(command(&python, &["-m", "maturin", "build", "--release", "--locked", "--quiet", "--out"])
        .arg(&folder))?;
    let files = fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let wheels = files.flatten().map(|file| file.path());
    wheels.into_iter().next().ok_or_else(|| format!("{}: expected a wheel, found none", folder.display()))
}

fn install(python: &Path, wheel: &Path) -> Outcome {
    let pip = ["-m", "pip", "install", "--quiet", "--force-reinstall", "--no-deps"];
    run(command(python, &pip).arg(wheel))
}
