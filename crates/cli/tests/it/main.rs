//! Tests of the command.

mod command;
mod pictures;
#[cfg(target_os = "linux")]
mod shards;
mod trust;
mod verbs;
