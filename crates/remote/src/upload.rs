//! An upload of a file that is written as it is made.

use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, WriteMultipart};

use crate::failure::to_io;
use crate::runtime::wait;

/// An upload of a file in parts, which appears as a whole when it is [complete](Self::complete). If it is dropped before, it is
/// aborted.
pub struct Upload(Arc<Mutex<State>>);

struct State {
    /// `None` once it is complete or aborted.
    parts: Option<WriteMultipart>,
    concurrency: usize,
}

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upload").finish_non_exhaustive()
    }
}

impl Upload {
    pub(crate) fn start(store: Arc<dyn ObjectStore>, path: Path, concurrency: usize) -> io::Result<Self> {
        let upload = wait(async move { store.put_multipart(&path).await.map_err(to_io) })?;
        let parts = Some(WriteMultipart::new(upload));
        Ok(Self(Arc::new(Mutex::new(State { parts, concurrency: concurrency.max(1) }))))
    }

    /// Returns what takes the bytes of the file, for [`Writer::into_output`](bitnpz::Writer::into_output).
    pub fn output(&self) -> impl Write + Send + 'static {
        UploadOutput(Arc::clone(&self.0))
    }

    /// Completes the upload, once everything has been written.
    ///
    /// # Errors
    ///
    /// If a part could not be uploaded; there is no such file then.
    pub fn complete(self) -> io::Result<()> {
        let parts = take(&self.0).ok_or_else(|| io::Error::other("the upload has ended"))?;
        wait(async move { parts.finish().await.map_err(to_io).map(drop) })
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if let Some(parts) = take(&self.0) {
            // Nobody can be told that the store keeps the parts.
            drop(wait(async move { parts.abort().await.map_err(to_io) }));
        }
    }
}

fn take(state: &Mutex<State>) -> Option<WriteMultipart> {
    state.lock().unwrap_or_else(PoisonError::into_inner).parts.take()
}

struct UploadOutput(Arc<Mutex<State>>);

impl Write for UploadOutput {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut parts = take(&self.0).ok_or_else(|| io::Error::other("the upload has ended"))?;
        let concurrency = self.0.lock().unwrap_or_else(PoisonError::into_inner).concurrency;
        let copy = bytes.to_vec();
        // Parts are sent by tasks of the runtime, which writing starts.
        let (parts, written) = wait(async move {
            let written = parts.wait_for_capacity(concurrency).await.map_err(to_io);
            if written.is_ok() {
                parts.write(&copy);
            }
            Ok((parts, written))
        })?;
        // After a failure, too: it is aborted when it is dropped.
        self.0.lock().unwrap_or_else(PoisonError::into_inner).parts = Some(parts);
        written?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
