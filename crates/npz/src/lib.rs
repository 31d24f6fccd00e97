//! Reads and writes NPZ archives: ZIP archives whose members are `.npy` files.
//!
//! - [`Archive`] reads members through a memory map, by positional reads, from memory or from anything that
//!   [reads by range](ReadAt). It rejects archives that two readers could read differently. All methods take `&self`, so that threads and forked processes
//!   can share an archive.
//! - [`Writer`] compresses members in parallel, writes the same bytes for any number of threads, and uses
//!   zip64 only where it is needed.
//! - [`AtomicFile`] replaces a file whole or not at all.
//! - [`salvage`] copies the intact members of a damaged archive.
//!
//! ```
//! use std::io::Cursor;
//! use bitnpz_npz::{Archive, WriteOptions, Writer};
//!
//! let mut writer = Writer::new(Cursor::new(Vec::new()), &WriteOptions::default());
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
mod brief_lock;
mod disk_cache;
mod error;
mod limits;
mod memory;
mod method;
mod name;
mod owner;
mod pushed;
mod range_cache;
mod ranges;
mod record;
mod salvage;
mod source;
mod target;
mod temporary;
mod writer;

pub use archive::{Access, Archive, Identity, Member, MemberReader, OpenOptions};
pub use atomic_file::{AtomicFile, replace_file, sync_folder_of};
pub use brief_lock::lock_briefly;
pub use disk_cache::{DiskCache, KnownReader};
pub use error::{Error, ErrorKind, Result};
pub use limits::Limits;
pub use method::{Compression, Method};
pub use name::{check_name, identity};
pub use owner::Owner;
pub use pushed::{Needed, PushedFile};
pub use range_cache::{KeptBytes, RangeCache};
pub use ranges::{READ_BETWEEN, ReadAt};
pub use record::parts::Parts;
pub use salvage::{Salvaged, salvage};
pub use target::file_at;
pub use temporary::{abandoned, clean, remove_temporary_files};
pub use writer::{CompressedMember, Stream, WriteOptions, Writer};
