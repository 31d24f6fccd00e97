//! `cargo xtask msrv`: checks `rust-version` without installing that toolchain.
//!
//! Clippy's `incompatible_msrv` keeps newer parts of the standard library out of our own code; this task checks the
//! packages we depend on. A job of `.github/workflows/ci.yml` compiles with that toolchain.

use serde_json::Value;

use crate::command::{Outcome, cargo, output};

/// Fails if any locked package declares a newer `rust-version` than the workspace.
pub(crate) fn run(_: &[String]) -> Outcome {
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
    Err(format!(
        "expected packages that build with Rust {}, found {}",
        env!("CARGO_PKG_RUST_VERSION"),
        newer.join(", ")
    ))
}

/// Parses `1.89` or `1.89.0` to numbers that can be compared.
fn version(text: &str) -> Vec<u32> {
    text.split('.').take(2).filter_map(|part| part.parse().ok()).collect()
}
