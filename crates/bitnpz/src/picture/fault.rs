//! The errors of decoding a picture.

use bitnpz_npy::OutOfMemory;
use image::ImageError;

/// An error of decoding a picture, without the path of its file.
#[derive(Debug)]
pub(super) enum Fault {
    /// The bytes are damaged, or no picture of a supported kind.
    Message(String),
    /// The bytes hold this many pictures or more.
    Several(usize),
}

impl Fault {
    /// Returns the error for a feature that no decoder supports.
    pub(super) fn unsupported(feature: impl std::fmt::Display) -> Self {
        Self::Message(format!("{feature} is not supported"))
    }
}

/// Checks that a picture needs no more bytes of memory than the limit, and returns them.
pub(super) fn check_size(bytes: u128, limit: u64) -> Result<usize, Fault> {
    let fitting = u64::try_from(bytes).ok().filter(|&bytes| bytes <= limit);
    fitting.and_then(|bytes| usize::try_from(bytes).ok()).ok_or_else(|| {
        Fault::Message(format!(
            "the picture needs {bytes} bytes of memory, more than the limit of {limit}; \
             raise `picture_bytes` if you trust the file"
        ))
    })
}

impl From<String> for Fault {
    fn from(message: String) -> Self {
        Self::Message(message)
    }
}

impl From<&str> for Fault {
    fn from(message: &str) -> Self {
        Self::Message(message.to_owned())
    }
}

impl From<OutOfMemory> for Fault {
    fn from(error: OutOfMemory) -> Self {
        Self::Message(error.to_string())
    }
}

impl From<ImageError> for Fault {
    fn from(error: ImageError) -> Self {
        Self::Message(error.to_string())
    }
}

impl From<tiff::TiffError> for Fault {
    fn from(error: tiff::TiffError) -> Self {
        Self::Message(error.to_string())
    }
}

impl From<std::io::Error> for Fault {
    fn from(error: std::io::Error) -> Self {
        Self::Message(error.to_string())
    }
}
