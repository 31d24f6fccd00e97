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
    /// There are more than two colours, or one that is neither black nor white, and no threshold was given.
    Grey {
        /// The file.
        path: PathBuf,
        /// The row and the column of a pixel that is neither of the darkest nor of the lightest.
        pixel: [usize; 2],
        /// Its brightness, in the picture's own values.
        found: f64,
        /// A threshold between the values that are there.
        threshold: f64,
    },
    /// A file of several pictures.
    Several {
        /// The file.
        path: PathBuf,
        /// How many there are at the least.
        count: usize,
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
            Self::Grey { path, pixel: [row, column], found, threshold } => write!(
                f,
                "{}: expected black and white, or two colours, found brightness {found} at pixel ({row}, {column}); \
                 say from which brightness on pixels are white with a threshold, such as --threshold {threshold}",
                path.display()
            ),
            Self::Several { path, count } => write!(
                f,
                "{}: expected one picture in the file, found {count}; save each as a file of its own",
                path.display()
            ),
            Self::Encode { message } => f.write_str(message),
        }
    }
}

impl std::error::Error for PictureError {}
