//! Options for writing.

use std::num::NonZero;

use bitnpz_bitmap::codec::{Codec, Effort};
use bitnpz_npz::{Access, Compression, Limits};

use crate::encoding::Encoding;
use crate::progress::Meter;
use crate::read::OpenOptions;
use crate::set::Model;

/// Options for a [`Writer`](crate::Writer).
///
/// ```
/// use bitnpz::{Archive, Codec, WriteOptions, Writer};
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("training.npz");
/// let options = WriteOptions::default().with_codec(Codec::Pixel);
/// let mut writer = Writer::create_with(&path, &options)?;
/// writer.add_images("glyphs", &ndarray::Array3::from_elem((5000, 16, 16), true))?;
/// writer.finish()?;
/// assert_eq!(Archive::open(&path)?.images("glyphs")?.codec(), Some(Codec::Pixel));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct WriteOptions {
    /// The encoding of images: by default that of the archive that is [appended](crate::Writer::append) to, and
    /// [`Encoding::Sets`] in a new archive.
    pub encoding: Option<Encoding>,
    /// The compression of all members but those of image sets.
    pub compression: Compression,
    /// The codec of image sets, and of images that are added to sets of another: by default, for each set, the one that makes a
    /// sample of its images smallest.
    pub codec: Option<Codec>,
    /// The model of new image sets, whatever [`codec`](Self::codec) is: by default each trains one of its own. Sets that are
    /// appended to keep theirs for new images that it fits.
    pub model: Option<Model>,
    /// How much time it may take to make image sets small. Sets that are appended to keep their model where it fits.
    pub effort: Effort,
    /// The number of threads that train and compress: by default as many as the environment variable
    /// `BITNPZ_THREADS` says, or one per core. The bytes written do not depend on it.
    pub threads: Option<NonZero<usize>>,
    /// The limits for the archive that is [appended](crate::Writer::append) to.
    pub limits: Limits,
    /// A meter that counts what is written.
    pub meter: Option<Meter>,
}

impl WriteOptions {
    /// Sets the encoding of images.
    #[must_use]
    pub fn with_encoding(mut self, encoding: Encoding) -> Self {
        self.encoding = Some(encoding);
        self
    }

    /// Sets the compression of all members but those of image sets.
    #[must_use]
    pub fn with_compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// Sets the codec of image sets.
    #[must_use]
    pub fn with_codec(mut self, codec: Codec) -> Self {
        self.codec = Some(codec);
        self
    }

    /// Sets the model of all image sets.
    #[must_use]
    pub fn with_model(mut self, model: Model) -> Self {
        self.model = Some(model);
        self
    }

    /// Sets how much time it may take to make image sets small.
    #[must_use]
    pub fn with_effort(mut self, effort: Effort) -> Self {
        self.effort = effort;
        self
    }

    /// Sets the number of threads that train and compress.
    #[must_use]
    pub fn with_threads(mut self, threads: NonZero<usize>) -> Self {
        self.threads = Some(threads);
        self
    }

    /// Sets the limits for an archive that is appended to.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets a meter that counts what is written.
    #[must_use]
    pub fn with_meter(mut self, meter: Meter) -> Self {
        self.meter = Some(meter);
        self
    }

    /// Returns options for opening an archive that is copied: by positional reads, since a process that has mapped a file dies if
    /// another one truncates it.
    pub(crate) fn reading(&self) -> OpenOptions {
        OpenOptions::default().with_access(Access::Positional).with_limits(self.limits.clone())
    }

    /// Returns the meter, or a new one if there is none.
    pub(crate) fn meter(&self) -> Meter {
        self.meter.clone().unwrap_or_default()
    }
}
