//! The errors of reading and writing pictures.

use std::fmt;
use std::path::PathBuf;

/// An error of reading or writing a picture.
#[derive(Debug)]
#[non_exhaustive]
pub enum PictureError {
    /// The file could not be decoded.
    Decode {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// The picture has more than two colours, or one that is neither black nor white, and no threshold was given.
    Grey {
        /// The file.
        path: PathBuf,
        /// The row and the column of a pixel that has neither the lowest nor the highest brightness.
        pixel: [usize; 2],
        /// Its brightness, in the picture's own values.
        found: f64,
        /// A threshold midway between the lowest and the highest brightness.
        threshold: f64,
    },
    /// The file holds several pictures.
    Several {
        /// The file.
        path: PathBuf,
        /// The number of pictures, or a lower bound of it.
        count: usize,
    },
    /// The picture could not be written.
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
                 set the brightness from which on pixels are white, such as --threshold {threshold}",
                path.display()
            ),
            Self::Several { path, count } => write!(
                f,
                "{}: expected one picture in the file, found {count}; save each picture in a file of its own",
                path.display()
            ),
            Self::Encode { message } => f.write_str(message),
        }
    }
}

impl std::error::Error for PictureError {}
