//! What can go wrong with a picture.

use std::fmt;
use std::path::PathBuf;

/// Why a picture could not be read or written.
#[derive(Debug)]
#[non_exhaustive]
pub enum PictureError {
    /// The file is no picture that can be read.
    Decode {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// A pixel is neither black nor white, and no threshold was given.
    Grey {
        /// The file.
        path: PathBuf,
        /// The pixel's row and column.
        pixel: [u32; 2],
        /// Its brightness, from 0 to 255.
        found: u8,
    },
    /// A file of several pictures.
    Several {
        /// The file.
        path: PathBuf,
    },
    /// A picture could not be written.
    Encode {
        /// What went wrong.
        message: String,
    },
}

impl fmt::Display for PictureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decode { path, message } => write!(f, "{}: {message}", path.display()),
            Self::Grey { path, pixel: [row, column], found } => write!(
                f,
                "{}: expected black and white, found brightness {found} at pixel ({row}, {column}); \
                 say which is white with a threshold, such as --threshold 128",
                path.display()
            ),
            Self::Several { path } => {
                write!(f, "{}: expected one picture, found several in the file", path.display())
            }
            Self::Encode { message } => f.write_str(message),
        }
    }
}

impl std::error::Error for PictureError {}
