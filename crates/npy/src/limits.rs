//! Limits for files that are not trusted.

/// The largest sizes that a reader accepts from a file.
///
/// ```
/// let limits = bitnpz_npy::Limits::default().with_header_bytes(100_000);
/// assert_eq!(limits.header_bytes, 100_000);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The longest header in bytes; 10,000 by default, like `np.load(max_header_size=)`.
    pub header_bytes: usize,
    /// The largest array, in bytes, that is read into memory; 64 GiB by default. Memory grows with
    /// the bytes that arrive, whatever size the header claims.
    pub array_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { header_bytes: 10_000, array_bytes: 64 << 30 }
    }
}

impl Limits {
    /// Sets the longest header in bytes.
    #[must_use]
    pub fn with_header_bytes(mut self, header_bytes: usize) -> Self {
        self.header_bytes = header_bytes;
        self
    }

    /// Sets the largest array in bytes.
    #[must_use]
    pub fn with_array_bytes(mut self, array_bytes: u64) -> Self {
        self.array_bytes = array_bytes;
        self
    }
}
