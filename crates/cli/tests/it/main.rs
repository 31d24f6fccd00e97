//! Tests of the command.

mod command;
mod outputs;
mod packing;
mod pictures;
#[cfg(target_os = "linux")]
mod shards;
mod trust;
mod unpack;
mod verbs;
