//! `cargo xtask setup`: what a fresh clone needs before `cargo test`.

use crate::command::Outcome;
use crate::{python, test};

pub(crate) fn run(_: &[String]) -> Outcome {
    let python = python::environment(python::ORACLE, test::REQUIREMENTS)?;
    println!("The tests in Rust compare with the NumPy of {}.", python.display());
    println!("Next: `cargo test` runs them, `cargo test -p bitnpz-npy` those of one crate,");
    println!("`cargo xtask test` those of the Python package too, and `cargo xtask` lists the other tasks.");
    Ok(())
}
