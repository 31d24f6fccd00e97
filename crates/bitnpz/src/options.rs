//! What a caller may wish of a writer or an archive.

use std::num::NonZero;

use bitnpz_npz::Method;

use crate::encoding::Encoding;

/// How a [`Writer`](crate::Writer) stores what it is given.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct WriteOptions {
    /// How images lie in the archive.
    pub encoding: Encoding,
    /// How members are compressed.
    pub method: Method,
    /// How many threads compress; all there are unless said. The bytes written do not depend on it.
    pub threads: Option<NonZero<usize>>,
}

impl WriteOptions {
    /// Images in this encoding.
    #[must_use]
    pub fn with_encoding(mut self, encoding: Encoding) -> Self {
        self.encoding = encoding;
        self
    }

    /// Members compressed by this method.
    #[must_use]
    pub fn with_method(mut self, method: Method) -> Self {
        self.method = method;
        self
    }

    /// This many threads.
    #[must_use]
    pub fn with_threads(mut self, threads: NonZero<usize>) -> Self {
        self.threads = Some(threads);
        self
    }
}
