//! How much a file may ask for.

/// How much a file may ask for before it is refused.
///
/// ```
/// let limits = bitnpz_npy::Limits::default().with_header_bytes(100_000);
/// assert_eq!(limits.header_bytes, 100_000);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The longest header in bytes; 10,000 unless raised, as `np.load(max_header_size=)`.
    pub header_bytes: usize,
    /// The largest array, in bytes, that is read into memory; 64 GiB unless changed. What a file
    /// claims is never allocated before that many bytes have arrived, whatever this says.
    pub array_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { header_bytes: 10_000, array_bytes: 64 << 30 }
    }
}

impl Limits {
    /// Headers of at most this many bytes.
    #[must_use]
    pub fn with_header_bytes(mut self, header_bytes: usize) -> Self {
        self.header_bytes = header_bytes;
        self
    }

    /// Arrays of at most this many bytes.
    #[must_use]
    pub fn with_array_bytes(mut self, array_bytes: u64) -> Self {
        self.array_bytes = array_bytes;
        self
    }
}
