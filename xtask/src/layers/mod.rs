//! `cargo xtask layers [CRATE ...]`: checks that files do not import in circles and that crates depend only on those below
//! them.
//!
//! To run it for one crate, name its folder: `cargo xtask layers bitnpz`. The files are those below `src`, without tests. An
//! import counts for the file that defines the name, whatever re-exports lie between; a re-export alone is no import.

mod circles;
mod imports;
mod modules;
mod tokens;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

use serde_json::Value;

use crate::command::{Outcome, cargo, output};
use modules::{Modules, Needs};

/// The crates of the workspace that each crate may depend on. Those that are not listed may use all others.
const BELOW: [(&str, &[&str]); 10] = [
    ("bitnpz-npy", &[]),
    ("bitnpz-bitmap", &[]),
    ("bitnpz-npz", &["bitnpz-npy"]),
    ("bitnpz", &["bitnpz-bitmap", "bitnpz-npy", "bitnpz-npz"]),
    ("bitnpz-cli", &["bitnpz"]),
    ("bitnpz-python", &["bitnpz", "bitnpz-cli"]),
    ("bitnpz-remote", &["bitnpz"]),
    ("bitnpz-oracle", &[]),
    ("bitnpz-faults", &[]),
    ("xtask", &[]),
];

/// The crates that tests may depend on besides.
const FOR_TESTS: [&str; 1] = ["bitnpz-oracle"];

/// Checks the chosen crates, or all.
pub(crate) fn run(chosen: &[String]) -> Outcome {
    let metadata = output(&mut cargo(&["metadata", "--format-version", "1", "--no-deps", "--locked"]))?;
    let metadata: Value = serde_json::from_str(&metadata).map_err(|error| error.to_string())?;
    let packages = metadata["packages"].as_array().ok_or("cargo metadata lists no packages")?;
    let mut faults = arrows(packages);
    let mut files = 0;
    for package in packages {
        let manifest = Path::new(package["manifest_path"].as_str().unwrap_or_default());
        let folder = manifest.parent().unwrap_or(manifest);
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        if folder.join("src").is_dir() && (chosen.is_empty() || chosen.iter().any(|other| *other == name)) {
            let needs = Modules::read(&folder.join("src"))?.needs();
            files += needs.len();
            faults.extend(report(&name, &needs));
        }
    }
    if files == 0 {
        return Err(format!("expected folders of crates, found {}", chosen.join(", ")));
    }
    if faults.is_empty() {
        println!("no circles among {files} files");
        return Ok(());
    }
    Err(faults.join("\n"))
}

/// Describes every dependency between crates of the workspace that [`BELOW`] does not allow.
fn arrows(packages: &[Value]) -> Vec<String> {
    let is_ours = |name: &Value| packages.iter().any(|package| package["name"] == *name);
    let mut faults = Vec::new();
    for package in packages {
        let Some((name, below)) = BELOW.iter().find(|(name, _)| package["name"] == *name) else { continue };
        let dependencies = package["dependencies"].as_array().into_iter().flatten();
        for dependency in dependencies.filter(|dependency| is_ours(&dependency["name"])) {
            let to = dependency["name"].as_str().unwrap_or_default();
            let is_for_tests = dependency["kind"] == "dev" && FOR_TESTS.contains(&to);
            if !below.contains(&to) && !is_for_tests {
                faults.push(format!("{name} depends on {to}, which is not below it"));
            }
        }
    }
    faults
}

/// Describes every circle of a crate, with the imports that make it.
fn report(name: &str, needs: &Needs) -> Vec<String> {
    circles::circles(needs).iter().map(|circle| describe(name, needs, circle)).collect()
}

/// Lists the imports within a circle.
fn describe(name: &str, needs: &Needs, circle: &BTreeSet<&str>) -> String {
    let mut text = format!("{name}: {} files import in a circle", circle.len());
    for file in circle {
        let targets = needs.get(*file).into_iter().flatten();
        for (target, names) in targets.filter(|(target, _)| circle.contains(target.as_str())) {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let _ = write!(text, "\n    {file} -> {target} ({})", names.join(", "));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_a_dependency_that_goes_up() {
        let packages = serde_json::json!([
            {"name": "bitnpz", "dependencies": [{"name": "bitnpz-npz"}, {"name": "serde"}]},
            {"name": "bitnpz-npz", "dependencies": [{"name": "bitnpz"}, {"name": "bitnpz-oracle", "kind": "dev"}]},
            {"name": "bitnpz-oracle", "dependencies": []},
        ]);
        let faults = arrows(packages.as_array().expect("a list"));
        assert_eq!(faults, ["bitnpz-npz depends on bitnpz, which is not below it"]);
    }
}
