//! The virtual environments that tests and reports run in.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command::{command, root, run};

/// The oldest Python that the pinned NumPy runs on, and the package.
const OLDEST: (u32, u32) = (3, 11);

/// An interpreter and its version.
pub(crate) type Interpreter = (PathBuf, (u32, u32));

/// Makes a virtual environment below `target` with the packages pinned in some files, once, and gives back its interpreter.
pub(crate) fn environment(name: &str, requirements: &[&str]) -> Result<PathBuf, String> {
    let (interpreter, _) = interpreters()
        .into_iter()
        .next()
        .ok_or_else(|| format!("no Python {}.{} or later on the path", OLDEST.0, OLDEST.1))?;
    environment_of(&interpreter, name, requirements)
}

/// As [`environment`], of this interpreter.
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
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    run(command(interpreter, &["-m", "venv", "--clear"]).arg(&folder))?;
    let files = requirements.iter().flat_map(|file| ["--requirement", file]);
    run(command(&python, &["-m", "pip", "install", "--quiet"]).args(files))?;
    fs::write(&stamp, wanted).map_err(|error| format!("{}: {error}", stamp.display()))?;
    Ok(python)
}

/// One interpreter of each version that is new enough, on the path or among those that pyenv keeps; the one that `python3`
/// means first, if it is one.
pub(crate) fn interpreters() -> Vec<Interpreter> {
    let names = ["python3", "python3.11", "python3.12", "python3.13", "python3.14", "python3.15", "python"];
    let home = env::var_os("HOME").map(|home| Path::new(&home).join(".pyenv"));
    let pyenv = env::var_os("PYENV_ROOT").map(PathBuf::from).or(home).map(|root| root.join("versions"));
    let kept = pyenv.and_then(|versions| fs::read_dir(versions).ok()).into_iter().flatten().flatten();
    let mut kept: Vec<PathBuf> = kept.map(|version| version.path().join("bin/python")).collect();
    kept.sort();
    let mut found: Vec<Interpreter> = Vec::new();
    for python in names.into_iter().map(PathBuf::from).chain(kept) {
        if let Some(version) = version(&python).filter(|version| *version >= OLDEST)
            && !found.iter().any(|(_, other)| *other == version)
        {
            found.push((python, version));
        }
    }
    found
}

fn version(python: &Path) -> Option<(u32, u32)> {
    let ask = "import sys; print(sys.version_info[0], sys.version_info[1])";
    let output = Command::new(python).args(["-c", ask]).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let (major, minor) = text.trim().split_once(' ')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}
