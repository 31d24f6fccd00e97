//! The virtual environments that tests and reports run in.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command::{command, root, run};

/// The oldest Python that the pinned NumPy runs on.
const OLDEST: (u32, u32) = (3, 11);

/// Makes a virtual environment below `target` with the packages pinned in a file, once, and gives back its interpreter.
pub(crate) fn environment(name: &str, requirements: &str) -> Result<PathBuf, String> {
    let pinned = root().join(requirements);
    let folder = root().join("target").join(name);
    let python = folder.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    let stamp = folder.join("installed.txt");
    let wanted = fs::read_to_string(&pinned).map_err(|error| format!("{}: {error}", pinned.display()))?;
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    let interpreter = interpreter()?;
    run(command(interpreter, &["-m", "venv", "--clear"]).arg(&folder))?;
    run(command(&python, &["-m", "pip", "install", "--quiet", "--requirement"]).arg(&pinned))?;
    fs::write(&stamp, wanted).map_err(|error| format!("{}: {error}", stamp.display()))?;
    Ok(python)
}

/// The first interpreter on the path that is new enough.
fn interpreter() -> Result<&'static str, String> {
    let candidates = ["python3", "python3.11", "python3.12", "python3.13", "python3.14", "python"];
    candidates
        .into_iter()
        .find(|&candidate| version(Path::new(candidate)).is_some_and(|version| version >= OLDEST))
        .ok_or_else(|| {
            format!("no Python {}.{} or later on the path (tried {candidates:?})", OLDEST.0, OLDEST.1)
        })
}

fn version(python: &Path) -> Option<(u32, u32)> {
    let ask = "import sys; print(sys.version_info[0], sys.version_info[1])";
    let output = Command::new(python).args(["-c", ask]).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let (major, minor) = text.trim().split_once(' ')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}
