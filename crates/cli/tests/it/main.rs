//! Tests of the command.

mod command;
mod pictures;
#[cfg(target_os = "linux")]
mod trust;
mod verbs;
