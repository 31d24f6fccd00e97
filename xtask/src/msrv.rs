//! `cargo xtask msrv`: the oldest Rust we promise, tested by what can be tested without that toolchain.
//!
//! Clippy's `incompatible_msrv` sees to our own code (nothing of the standard library that is younger
//! than `rust-version`); this sees to the packages we build on.

use serde_json::Value;

use crate::command::{Outcome, cargo, output};

/// Fails if any locked package declares a newer `rust-version` than the workspace.
pub(crate) fn run() -> Outcome {
    let promised = version(env!("CARGO_PKG_RUST_VERSION"));
    let metadata = output(&mut cargo(&["metadata", "--format-version", "1", "--locked"]))?;
    let metadata: Value = serde_json::from_str(&metadata).map_err(|error| error.to_string())?;
    let packages = metadata["packages"].as_array().ok_or("cargo metadata lists no packages")?;
    let newer: Vec<String> = packages
        .iter()
        .filter(|package| package["rust_version"].as_str().is_some_and(|asked| version(asked) > promised))
        .map(|package| format!("{} {} ({})", package["name"], package["version"], package["rust_version"]))
        .collect();
    if newer.is_empty() {
        println!("all {} packages build with Rust {}", packages.len(), env!("CARGO_PKG_RUST_VERSION"));
        return Ok(());
    }
    Err(format!("newer than rust-version {}: {}", env!("CARGO_PKG_RUST_VERSION"), newer.join(", ")))
}

/// `1.89` or `1.89.0` as numbers that compare.
fn version(text: &str) -> Vec<u32> {
    text.split('.').take(2).filter_map(|part| part.parse().ok()).collect()
}
