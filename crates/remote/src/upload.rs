//! An upload of a file that is written as it is made.

use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use object_store::path::Path;
use object_store::{MultipartUpload, ObjectStore, ObjectStoreExt, WriteMultipart};

use crate::failure::to_io;
use crate::runtime::{check_process, wait};

/// The bytes of a part, but for the last. Some stores want equal ones.
const PART_BYTES: usize = 10 << 20;

/// The most parts that are sent at a time. Few, as each must arrive within the store's time for a request, and an archive is
/// seldom made faster than these are sent.
const MOST_PARTS: usize = 2;

/// An upload of a file in parts, which appears as a whole when it is [complete](Self::complete). If it is dropped before, it is
/// aborted.
///
/// A part has 10 MiB. S3 and Google Cloud Storage take 10,000 parts: a file of 97 GiB at most.
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
        Ok(Self::of(upload, concurrency))
    }

    fn of(upload: Box<dyn MultipartUpload>, concurrency: usize) -> Self {
        let parts = Some(WriteMultipart::new_with_chunk_size(upload, PART_BYTES));
        Self(Arc::new(Mutex::new(State { parts, concurrency: concurrency.clamp(1, MOST_PARTS) })))
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
        check_process()?;
        let parts = take(&self.0).ok_or_else(|| io::Error::other("the upload has ended"))?;
        wait(async move { parts.finish().await.map_err(to_io).map(drop) })
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if let Some(parts) = take(&self.0) {
            if check_process().is_err() {
                // The parent sends them. To drop its tasks could wait for its threads.
                return std::mem::forget(parts);
            }
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
        check_process()?;
        let mut parts = take(&self.0).ok_or_else(|| io::Error::other("the upload has ended"))?;
        let concurrency = self.0.lock().unwrap_or_else(PoisonError::into_inner).concurrency;
        // No more than one part, so that the next waits for those before.
        let copy = bytes[..bytes.len().min(PART_BYTES)].to_vec();
        // Parts are sent by tasks of the runtime, which writing starts.
        let (parts, written) = wait(async move {
            let written = parts.wait_for_capacity(concurrency).await.map_err(to_io);
            let written = written.map(|()| {
                parts.write(&copy);
                copy.len()
            });
            Ok((parts, written))
        })?;
        // After a failure, too: it is aborted when it is dropped.
        self.0.lock().unwrap_or_else(PoisonError::into_inner).parts = Some(parts);
        written
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use object_store::{PutPayload, PutResult, Result, UploadPart};

    use super::*;

    /// A store that notes the lengths of parts, and how many come at the same time.
    #[derive(Clone, Debug, Default)]
    struct Noted {
        parts: Arc<Mutex<Vec<usize>>>,
        now: Arc<AtomicUsize>,
        most: Arc<AtomicUsize>,
    }

    /// What the functions of [`MultipartUpload`] return, which is written with `async_trait`.
    type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

    impl MultipartUpload for Noted {
        fn put_part(&mut self, data: PutPayload) -> UploadPart {
            self.parts.lock().unwrap().push(data.content_length());
            let now = self.now.fetch_add(1, Ordering::Relaxed) + 1;
            self.most.fetch_max(now, Ordering::Relaxed);
            let part = self.clone();
            Box::pin(async move {
                tokio::time::sleep(Duration::from_millis(20)).await;
                part.now.fetch_sub(1, Ordering::Relaxed);
                Ok(())
            })
        }

        fn complete<'s, 'a>(&'s mut self) -> Answer<'a, PutResult>
        where
            's: 'a,
            Self: 'a,
        {
            Box::pin(async { Ok(PutResult { e_tag: None, version: None, extensions: Default::default() }) })
        }

        fn abort<'s, 'a>(&'s mut self) -> Answer<'a, ()>
        where
            's: 'a,
            Self: 'a,
        {
            Box::pin(async { Ok(()) })
        }
    }

    #[test]
    fn parts_are_equal_and_few_at_a_time() {
        for (concurrency, most) in [(32, 2), (1, 1)] {
            let store = Noted::default();
            let upload = Upload::of(Box::new(store.clone()), concurrency);
            let mut output = upload.output();
            output.write_all(&vec![1; 35 << 20]).unwrap();
            (0..100).for_each(|_| output.write_all(&[2; 100_000]).unwrap());
            upload.complete().unwrap();
            let last = (35 << 20) + 10_000_000 - 4 * (10 << 20);
            assert_eq!(*store.parts.lock().unwrap(), [10 << 20, 10 << 20, 10 << 20, 10 << 20, last]);
            // The last comes beside them.
            assert!(store.most.load(Ordering::Relaxed) <= most + 1);
        }
    }
}
