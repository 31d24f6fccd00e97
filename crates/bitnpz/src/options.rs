//! What a caller may wish of a writer or an archive.

use std::num::NonZero;

use bitnpz_bitmap::codec::Codec;
use bitnpz_npz::{Compression, Limits};

use crate::encoding::Encoding;
use crate::progress::Meter;

/// How a [`Writer`](crate::Writer) stores what it is given.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct WriteOptions {
    /// How images lie in the archive; unless said, as in the archive that is [appended](crate::Writer::append) to, or in image
    /// sets.
    pub encoding: Option<Encoding>,
    /// How members are compressed, those of image sets apart.
    pub compression: Compression,
    /// How images of image sets are coded; unless said, in the way that makes a sample of each set smallest.
    pub codec: Option<Codec>,
    /// How many threads compress; all there are unless said. The bytes written do not depend on it.
    pub threads: Option<NonZero<usize>>,
    /// How much an archive that is [appended](crate::Writer::append) to may ask for.
    pub limits: Limits,
    /// Counts what is written, if somebody looks.
    pub meter: Option<Meter>,
}

impl WriteOptions {
    /// Images in this encoding.
    #[must_use]
    pub fn with_encoding(mut self, encoding: Encoding) -> Self {
        self.encoding = Some(encoding);
        self
    }

    /// Members compressed by this method.
    #[must_use]
    pub fn with_compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// Images of image sets coded in this way.
    #[must_use]
    pub fn with_codec(mut self, codec: Codec) -> Self {
        self.codec = Some(codec);
        self
    }

    /// Archives that are appended to within these limits.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// What counts what is written.
    pub(crate) fn meter(&self) -> Meter {
        self.meter.clone().unwrap_or_default()
    }

    /// What is written counted by this.
    #[must_use]
    pub fn with_meter(mut self, meter: Meter) -> Self {
        self.meter = Some(meter);
        self
    }

    /// This many threads.
    #[must_use]
    pub fn with_threads(mut self, threads: NonZero<usize>) -> Self {
        self.threads = Some(threads);
        self
    }
}
