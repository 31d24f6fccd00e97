//! Writing an archive.

mod append;
mod copy;
mod ledger;
mod plain;
mod sets;
mod stack;
mod writer;

pub use stack::StackWriter;
pub(crate) use writer::pack;
pub use writer::{Summary, Writer};
