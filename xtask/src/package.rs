//! `cargo xtask python`, `frameworks`, `workflows` and `crash others`: builds the Python package, tests and measures it.

use std::fs;
use std::path::{Path, PathBuf};

use crate::command::{self, Outcome, cargo, command, root, run};
use crate::python;

const TESTS: &str = "crates/python/tests";

/// The tools that build, check and test the package.
const REQUIREMENTS: &[&str] = &["xtask/python.txt"];

/// The S3 that tests start. It has an environment of its own, as its requirements do not go with others.
const MOTO: &[&str] = &["crates/python/tests/requirements-moto.txt"];

/// How the wheel is compiled.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Profile {
    /// As users get it.
    Release,
    /// Faster to compile, with checks for overflow.
    Dev,
}

/// Builds the wheel, checks its types, and runs its tests on every Python; after `--quick`, an unoptimized wheel on one
/// Python. The other arguments go to pytest.
pub(crate) fn test(arguments: &[String]) -> Outcome {
    let is_quick = arguments.first().is_some_and(|first| first == "--quick");
    let arguments = &arguments[usize::from(is_quick)..];
    let profile = if is_quick { Profile::Dev } else { Profile::Release };
    let wheel = wheel(profile)?;
    let build = python::environment("venv-python", REQUIREMENTS)?;
    run(&mut command(&build, &["-m", "mypy", "crates/python/python/bitnpz"]))?;
    // The tests on the first Python also run the command on hostile archives; once is enough.
    let mut tool = Some(command::built()?);
    let moto = moto()?;
    let count = if is_quick { 1 } else { usize::MAX };
    for (interpreter, (major, minor)) in python::interpreters().into_iter().take(count) {
        let name = format!("venv-python{major}.{minor}");
        let python = python::environment_of(&interpreter, &name, REQUIREMENTS)?;
        install(&python, &wheel)?;
        let mut tests = command(&python, &["-m", "pytest", "--quiet", "--timeout=300", TESTS]);
        tests
            .args(arguments)
            .env("BITNPZ_MOTO", &moto)
            .envs(tool.take().map(|path| ("BITNPZ_COMMAND", path)));
        run(&mut tests)?;
    }
    Ok(())
}

/// Returns the path of the S3 server that tests start.
fn moto() -> Result<PathBuf, String> {
    let program = if cfg!(windows) { "moto_server.exe" } else { "moto_server" };
    Ok(python::environment("venv-moto", MOTO)?.with_file_name(program))
}

/// Runs the tests with PyTorch, Grain, scikit-learn and Ray Data, and the programs for these, Dask, Spark and others.
pub(crate) fn test_frameworks(_: &[String]) -> Outcome {
    let wheel = wheel(Profile::Release)?;
    let python = python::environment("venv-frameworks", &["xtask/python.txt", "xtask/frameworks.txt"])?;
    install(&python, &wheel)?;
    let tests = ["frameworks", "ray", "distributed", "readme"].map(|name| format!("{TESTS}/test_{name}.py"));
    let pytest = ["-m", "pytest", "--quiet", "--timeout=300"];
    run(command(&python, &pytest).args(tests).env("BITNPZ_MOTO", moto()?))
}

/// Measures whole workflows and compares them with the usual ones.
pub(crate) fn compare(files: &[String]) -> Outcome {
    let python = for_reports("venv-ratio", "benches/requirements.txt")?;
    run(command(&python, &["benches/workflows.py"]).args(files))
}

/// Opens, reads and merges very large archives.
pub(crate) fn scale(arguments: &[String]) -> Outcome {
    let python = for_reports("venv-ratio", "benches/requirements.txt")?;
    run(command(&python, &["benches/scale.py"]).args(arguments))
}

/// Simulates reading an archive over a network.
pub(crate) fn network(arguments: &[String]) -> Outcome {
    let python = for_reports("venv-ratio", "benches/requirements.txt")?;
    run(command(&python, &["benches/network.py"]).args(arguments))
}

/// Reads archives over HTTP, with latency added.
pub(crate) fn remote(arguments: &[String]) -> Outcome {
    let python = for_reports("venv-ratio", "benches/requirements.txt")?;
    run(command(&python, &["benches/remote.py"]).args(arguments))
}

/// Reads and writes through Ray Data.
pub(crate) fn ray(arguments: &[String]) -> Outcome {
    let python = for_reports("venv-ray", "benches/requirements-ray.txt")?;
    run(command(&python, &["benches/ray_data.py"]).args(arguments))
}

/// Runs the trials of `crash` on NumPy, `zipfile`, HDF5 and the Python package.
pub(crate) fn crash_others(runs: &[String]) -> Outcome {
    let python = for_reports("venv-ratio", "benches/requirements.txt")?;
    let appender =
        ["build", "--release", "--locked", "--package", "bitnpz-benches", "--example", "zip_append"];
    run(&mut cargo(&appender))?;
    let appender = command::target().join("release/examples/zip_append");
    run(command(&python, &["benches/crash.py"]).args(runs).env("ZIP_APPEND", appender))
}

/// Returns the interpreter of an environment that has the package and what it is compared with.
pub(crate) fn for_reports(name: &str, requirements: &str) -> Result<PathBuf, String> {
    let wheel = wheel(Profile::Release)?;
    let python = python::environment(name, &[requirements])?;
    install(&python, &wheel)?;
    Ok(python)
}

/// Builds the wheel for this machine.
fn wheel(profile: Profile) -> Result<PathBuf, String> {
    let python = python::environment("venv-python", REQUIREMENTS)?;
    let folder = root().join("target/wheels");
    // An older wheel might be taken for the new one.
    let _ = fs::remove_dir_all(&folder);
    let build = ["-m", "maturin", "build", "--locked", "--quiet"];
    let release = (profile == Profile::Release).then_some("--release");
    run(command(&python, &build).args(release).arg("--out").arg(&folder))?;
    let files = fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let wheels = files.flatten().map(|file| file.path());
    wheels.into_iter().next().ok_or_else(|| format!("{}: expected a wheel, found none", folder.display()))
}

fn install(python: &Path, wheel: &Path) -> Outcome {
    let pip = ["-m", "pip", "install", "--quiet", "--force-reinstall", "--no-deps"];
    run(command(python, &pip).arg(wheel))
}
