//! `cargo xtask tree`: how many packages a Rust program takes in with the library.

use std::collections::BTreeSet;

use crate::command::{Outcome, cargo, output};

/// The most packages that the facade may bring, its own apart. Each is one more that users have to trust: raise it with a reason.
const MOST: usize = 56;

pub(crate) fn run() -> Outcome {
    let arguments = ["tree", "--package", "bitnpz", "--edges", "normal", "--prefix", "none", "--locked"];
    let tree = output(&mut cargo(&arguments))?;
    let names = tree.lines().filter_map(|line| line.split(' ').next());
    let names: BTreeSet<&str> =
        names.filter(|name| !name.is_empty() && !name.starts_with("bitnpz")).collect();
    println!("the library brings {} packages, at most {MOST}", names.len());
    if names.len() <= MOST {
        return Ok(());
    }
    let names: Vec<&str> = names.into_iter().collect();
    Err(format!("{} packages, more than {MOST}: {}", names.len(), names.join(", ")))
}
