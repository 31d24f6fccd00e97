//! The Python interpreters and the virtual environments in which tests and reports run.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command::{command, root, run};

/// The oldest Python that the package and the pinned NumPy support.
const OLDEST: (u32, u32) = (3, 11);

/// The environment with the NumPy that the tests in Rust compare with. `crates/oracle` looks for it.
pub(crate) const ORACLE: &str = "venv";

/// An interpreter and its version.
pub(crate) type Interpreter = (PathBuf, (u32, u32));

/// Returns the interpreter of a virtual environment below `target`, which has the packages that the requirement files list.
///
/// It is made the first time, and again when these files change. Of several processes that want it, one makes it and the
/// others wait.
pub(crate) fn environment(name: &str, requirements: &[&str]) -> Result<PathBuf, String> {
    let (interpreter, _) = interpreters().into_iter().next().ok_or_else(|| {
        format!("expected Python {}.{} or later on the path, found none", OLDEST.0, OLDEST.1)
    })?;
    environment_of(&interpreter, name, requirements)
}

/// Does what [`environment`] does, with a given interpreter.
pub(crate) fn environment_of(
    interpreter: &Path,
    name: &str,
    requirements: &[&str],
) -> Result<PathBuf, String> {
    let folder = root().join("target").join(name);
    let python = folder.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    let stamp = folder.join("installed.txt");
    let read =
        |file: &&str| fs::read_to_string(root().join(file)).map_err(|error| format!("{file}: {error}"));
    let wanted = requirements.iter().map(read).collect::<Result<String, _>>()?;
    let target = root().join("target");
    let lock = fs::create_dir_all(&target).and_then(|()| File::create(target.join(format!("{name}.lock"))));
    let lock = lock.and_then(|file| file.lock().map(|()| file));
    let _lock = lock.map_err(|error| format!("target/{name}.lock: {error}"))?;
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    run(command(interpreter, &["-m", "venv", "--clear"]).arg(&folder))?;
    let files = requirements.iter().flat_map(|file| ["--requirement", file]);
    run(command(&python, &["-m", "pip", "install", "--quiet"]).args(files))?;
    fs::write(&stamp, wanted).map_err(|error| format!("{}: {error}", stamp.display()))?;
    Ok(python)
}

/// Finds one interpreter of each version that is new enough, on the path or among pyenv's. `python3` comes first if it is
/// one of them.
pub(crate) fn interpreters() -> Vec<Interpreter> {
    let names = ["python3", "python3.11", "python3.12", "python3.13", "python3.14", "python3.15", "python"];
    let home = env::var_os("HOME").map(|home| Path::new(&home).join(".pyenv"));
    let pyenv = env::var_os("PYENV_ROOT").map(PathBuf::from).or(home).map(|root| root.join("versions"));
    let installed = pyenv.and_then(|versions| fs::read_dir(versions).ok()).into_iter().flatten().flatten();
    let mut installed: Vec<PathBuf> = installed.map(|version| version.path().join("bin/python")).collect();
    installed.sort();
    let mut found: Vec<Interpreter> = Vec::new();
    for python in names.into_iter().map(PathBuf::from).chain(installed) {
        if let Some(version) = version(&python).filter(|version| *version >= OLDEST)
            && !found.iter().any(|(_, other)| *other == version)
        {
            found.push((python, version));
        }
    }
    found
}

/// Asks an interpreter for its version.
fn version(python: &Path) -> Option<(u32, u32)> {
    let ask = "import sys; print(sys.version_info[0], sys.version_info[1])";
    let output = Command::new(python).args(["-c", ask]).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let (major, minor) = text.trim().split_once(' ')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}
