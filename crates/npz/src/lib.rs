//! NPZ archives: ZIP archives whose members are `.npy` files. Members in, members out.
//!
//! - [`Archive`] reads: over a memory map, by positional reads or from memory; strictly, so that two readers
//!   cannot read the same archive differently; `&self` everywhere, so that threads and forked processes
//!   can share it.
//! - [`Writer`] writes: in parallel, with the same bytes for any number of threads, zip64 exactly where
//!   it is needed. [`AtomicFile`] makes a file appear whole or not at all.
//!
//! ```
//! use std::io::Cursor;
//! use bitnpz_npz::{Archive, WriteOptions, Writer};
//!
//! let mut writer = Writer::new(Cursor::new(Vec::new()), WriteOptions::default());
//! writer.add("greeting", b"hello".to_vec())?;
//! let archive = Archive::from_bytes(writer.finish()?.into_inner())?;
//! let member = archive.find("greeting").expect("it was added");
//! assert_eq!(member.read()?, b"hello");
//! # Ok::<(), bitnpz_npz::Error>(())
//! ```
//!
//! Source: PKWARE APPNOTE 6.3.10; clauses are cited as `APPNOTE 4.3.7`.

mod archive;
mod atomic_file;
mod error;
mod limits;
mod method;
mod name;
mod owner;
mod record;
mod salvage;
mod source;
mod target;
mod temporary;
mod writer;

pub use archive::{Access, Archive, Identity, Member, MemberReader, OpenOptions};
pub use atomic_file::AtomicFile;
pub use error::{Error, ErrorKind, Result};
pub use limits::Limits;
pub use method::{Compression, Method};
pub use name::{check_name, identity};
pub use owner::Owner;
pub use salvage::{Salvaged, salvage};
pub use temporary::{clean, remove_temporary_files};
pub use writer::{CompressedMember, Stream, WriteOptions, Writer};
