//! Options for writing an archive.

use std::num::NonZero;

use crate::method::Compression;

/// Options for writing an archive.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct WriteOptions {
    /// The compression of members.
    pub compression: Compression,
    /// The number of threads that compress. The bytes written do not depend on it.
    pub threads: NonZero<usize>,
}

impl Default for WriteOptions {
    /// Returns deflate on all cores.
    fn default() -> Self {
        let threads = std::thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN);
        Self { compression: Compression::default(), threads }
    }
}

impl WriteOptions {
    /// Sets the compression of members.
    #[must_use]
    pub fn with_compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// Sets the number of threads that compress.
    #[must_use]
    pub fn with_threads(mut self, threads: NonZero<usize>) -> Self {
        self.threads = threads;
        self
    }
}
