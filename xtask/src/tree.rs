//! `cargo xtask tree`: limits how many packages the library brings into a program.

use std::collections::BTreeSet;

use crate::command::{Outcome, cargo, output};

/// The most packages that the facade may bring, apart from this workspace's: as many as there are now. Users have to trust
/// each of them, so raise it only with a reason.
const MAX_PACKAGES: usize = 57;

pub(crate) fn run(_: &[String]) -> Outcome {
    let arguments = ["tree", "--package", "bitnpz", "--edges", "normal", "--prefix", "none", "--locked"];
    let tree = output(&mut cargo(&arguments))?;
    let names = tree.lines().filter_map(|line| line.split(' ').next());
    let names: BTreeSet<&str> =
        names.filter(|name| !name.is_empty() && !name.starts_with("bitnpz")).collect();
    println!("the library brings {} packages of at most {MAX_PACKAGES}", names.len());
    if names.len() <= MAX_PACKAGES {
        return Ok(());
    }
    let found = names.len();
    let names: Vec<&str> = names.into_iter().collect();
    Err(format!("expected at most {MAX_PACKAGES} packages, found {found}: {}", names.join(", ")))
}
