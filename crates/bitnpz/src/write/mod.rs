//! Writing an archive.

mod append;
mod copy;
mod extend;
mod ledger;
mod plain;
mod salvage;
mod sets;
mod stack;
mod stack_writer;
mod writer;

pub use stack_writer::StackWriter;
pub(crate) use writer::pack;
pub use writer::{Summary, Writer};
