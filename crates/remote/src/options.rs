//! How stores are read.

use std::time::Duration;

/// How stores are read. The defaults suit a store in the same region, and slower ones.
///
/// ```
/// let mut options = bitnpz_remote::RemoteOptions::default();
/// options.concurrency = 8;
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RemoteOptions {
    /// The most requests at a time of one archive. Of an upload there are two at most.
    pub concurrency: usize,
    /// Ranges that lie no further apart, in bytes, are requested as one: to read so much in vain takes less time than a request.
    pub gap: u64,
    /// How often a request is made before a failure that may pass is returned, such as a server's error or an answer that is cut off.
    /// Stores of `object_store` repeat requests by themselves too, as they are configured, for some failures.
    pub attempts: usize,
    /// The time after which a failed request is not repeated.
    pub timeout: Duration,
}

impl Default for RemoteOptions {
    fn default() -> Self {
        Self { concurrency: 32, gap: 64 << 10, attempts: 5, timeout: Duration::from_secs(60) }
    }
}
