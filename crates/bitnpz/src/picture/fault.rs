//! Why the bytes of a picture cannot be decoded.

use bitnpz_npy::OutOfMemory;
use image::ImageError;

/// What is wrong with the bytes of a picture, before it is known which file they are from.
#[derive(Debug)]
pub(super) enum Fault {
    /// They are no picture, damaged, or of a kind that is not read.
    Message(String),
    /// They hold so many pictures, or more.
    Several(usize),
}

impl Fault {
    /// Something of a picture that no decoder here reads.
    pub(super) fn unread(what: impl std::fmt::Display) -> Self {
        Self::Message(format!("{what} is not read"))
    }
}

/// Fails if a picture asks for more memory than it may.
pub(super) fn check_size(bytes: u128, limit: u64) -> Result<usize, Fault> {
    let fitting = u64::try_from(bytes).ok().filter(|&bytes| bytes <= limit);
    fitting.and_then(|bytes| usize::try_from(bytes).ok()).ok_or_else(|| {
        Fault::Message(format!("the picture asks for {bytes} bytes of memory, and may have {limit}"))
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
