//! Reads and writes archives of bitnpz where they are: in S3, Google Cloud Storage, Azure, or behind an HTTP server.
//!
//! A [`RemoteFolder`] opens archives and sharded archives in it, takes uploads, and commits manifests. What an archive needs is
//! requested in as few requests as possible, these at the same time, and repeated if a failure may pass. Every answer is compared with
//! the version of the object that was opened, as some servers ignore the condition that asks for it.
//!
//! The functions block, on threads of their own runtime, and can be called from anywhere; [`AsyncArchive`] never blocks. In a forked
//! child of a process that has called them they return errors, as the child has none of these threads.
//!
//! ```no_run
//! use bitnpz::{OpenOptions, WriteOptions, Writer};
//! use bitnpz_remote::{RemoteFolder, RemoteOptions};
//!
//! // Credentials come from the environment: AWS_ACCESS_KEY_ID and the others that object_store knows.
//! let folder = RemoteFolder::open("s3://bucket/data", &RemoteOptions::default())?;
//! let glyphs = folder.sharded_archive("glyphs.bitnpz.json", &OpenOptions::default())?.images("glyphs")?;
//! let mut batch = ndarray::Array3::from_elem((2, 28, 28), false);
//! glyphs.read_batch_into(&[7, 1_000_000], &mut batch)?;
//!
//! let upload = folder.upload("new.npz")?;
//! let mut writer = Writer::into_output(upload.output(), &WriteOptions::default());
//! writer.add_images("glyphs", &batch)?;
//! writer.finish()?;
//! upload.complete()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod async_archive;
mod cryptography;
mod failure;
mod folder;
mod object;
mod options;
mod runtime;
mod upload;

pub use async_archive::AsyncArchive;
pub use cryptography::choose_cryptography;
pub use folder::{ManifestVersion, RemoteFolder};
pub use object::RemoteObject;
pub use object_store;
pub use options::RemoteOptions;
pub use upload::Upload;
