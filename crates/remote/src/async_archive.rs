//! An archive in a store, for programs with asynchronous requests.

use std::fmt;
use std::io;

use bitnpz::{Archive, Needed, NpzError, OpenOptions, PushedFile, Result};

use crate::object::RemoteObject;

/// An archive in a store that is read without blocking: what a read needs is requested, and then it is done again, with all bytes
/// there.
///
/// ```
/// # use std::sync::Arc;
/// # use bitnpz::{OpenOptions, WriteOptions, Writer};
/// # use bitnpz_remote::object_store::memory::InMemory;
/// # use bitnpz_remote::{RemoteFolder, RemoteOptions};
/// # let folder = RemoteFolder::new(Arc::new(InMemory::new()), "data", &RemoteOptions::default())?;
/// # let upload = folder.upload("a.npz")?;
/// # let mut writer = Writer::into_output(upload.output(), &WriteOptions::default());
/// # writer.add_images("glyphs", &ndarray::Array3::from_elem((500, 9, 9), true))?;
/// # writer.finish()?;
/// # upload.complete()?;
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
/// # runtime.block_on(async {
/// let mut archive = folder.archive_async("a.npz", &OpenOptions::default()).await?;
/// let ones = archive.read(|archive| archive.images("glyphs")?.count_ones(&[3, 499])).await?;
/// assert_eq!(ones, [81, 81]);
/// # Ok::<(), bitnpz::Error>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct AsyncArchive {
    object: RemoteObject,
    file: PushedFile,
    archive: Archive,
}

impl fmt::Debug for AsyncArchive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncArchive").field("object", &self.object).finish_non_exhaustive()
    }
}

impl AsyncArchive {
    /// Opens the archive.
    ///
    /// # Errors
    ///
    /// If it cannot be read, or is none.
    pub async fn open(object: RemoteObject, options: &OpenOptions) -> Result<Self> {
        let file = PushedFile::default();
        let archive = loop {
            match Archive::open_ranges(file.clone(), options) {
                Ok(archive) => break archive,
                Err(error) => bring(&object, &file, error).await?,
            }
        };
        Ok(Self { object, file, archive })
    }

    /// Reads of the archive. `work` is called again, from its start, until all bytes that it needs are there: let it do nothing else.
    /// The bytes are dropped when it has succeeded, but for those that every read needs.
    ///
    /// # Errors
    ///
    /// What `work` returns, and if the store cannot be read.
    pub async fn read<T>(&mut self, mut work: impl FnMut(&Archive) -> Result<T>) -> Result<T> {
        loop {
            match work(&self.archive) {
                Ok(result) => {
                    self.file.forget();
                    return Ok(result);
                }
                Err(error) => bring(&self.object, &self.file, error).await?,
            }
        }
    }
}

/// Brings what a file needs; returns the error if it needs nothing.
async fn bring(object: &RemoteObject, file: &PushedFile, error: bitnpz::Error) -> Result<()> {
    let of_store = |error: io::Error| bitnpz::Error::from(NpzError::from(error));
    match file.needed() {
        Some(Needed::End(most)) => {
            let (len, end) = object.get_end(most).await.map_err(of_store)?;
            file.push_end(len, end);
        }
        Some(Needed::Ranges(ranges)) => {
            let read = object.get_ranges(&ranges).await.map_err(of_store)?;
            ranges.iter().zip(read).for_each(|(range, bytes)| file.push(range.start, bytes));
        }
        None => return Err(error),
    }
    Ok(())
}
