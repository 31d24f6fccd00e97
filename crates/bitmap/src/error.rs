//! The error type of this crate.

use std::fmt;

/// The result of this crate's functions.
pub type Result<T> = std::result::Result<T, Error>;

/// An error of this crate: its [kind](Error::kind) says what went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error(Box<ErrorKind>);

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A pixel has a third value.
    NotBilevel {
        /// The index of the pixel in the array.
        index: Vec<usize>,
        /// The value of the pixel.
        found: String,
        /// The two values of the other pixels.
        values: [String; 2],
    },
    /// A pixel is NaN, which equals no value.
    NotANumber {
        /// The index of the pixel in the array.
        index: Vec<usize>,
    },
    /// The array has no dimensions, and so no rows.
    NoRows,
    /// Packed rows or a payload do not have the length that belongs to the image's size.
    Length {
        /// The length of the image's packed rows in bytes.
        expected: usize,
        /// The length found, in bytes.
        found: usize,
    },
    /// A bit behind the last pixel of a row is set.
    Padding {
        /// The number of the row.
        row: usize,
    },
    /// The image has more bytes than this machine can address.
    TooLarge {
        /// The height and the width of the image in pixels.
        shape: [usize; 2],
    },
    /// There is not enough memory.
    OutOfMemory {
        /// The number of bytes asked for.
        bytes: usize,
    },
    /// The bytes are not a model.
    Model {
        /// What was expected and what was found.
        message: &'static str,
        /// The offset in the model, in bytes.
        offset: usize,
    },
    /// The bytes are not the payload of an image of this size.
    Payload {
        /// What was expected and what was found.
        message: &'static str,
    },
}

impl Error {
    /// Returns what went wrong.
    #[must_use]
    pub fn kind(&self) -> &ErrorKind {
        &self.0
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            ErrorKind::NotBilevel { index, found, values: [off, on] } => write!(
                f,
                "expected two values, found a third: pixel {index:?} is {found}, others are {off} and {on}; \
                 compare with a threshold first"
            ),
            ErrorKind::NotANumber { index } => write!(f, "expected two values, found NaN at pixel {index:?}"),
            ErrorKind::NoRows => {
                f.write_str("expected an array of one dimension or more, found one without dimensions")
            }
            ErrorKind::Length { expected, found } => {
                write!(f, "expected packed rows of {expected} bytes, found {found}")
            }
            ErrorKind::Padding { row } => {
                write!(f, "expected zero bits behind the last pixel of row {row}, found a one")
            }
            ErrorKind::TooLarge { shape: [height, width] } => {
                write!(f, "an image of {height} x {width} pixels is larger than this machine can address")
            }
            ErrorKind::OutOfMemory { bytes } => write!(f, "cannot allocate {bytes} bytes of memory"),
            ErrorKind::Model { message, offset } => write!(f, "at byte {offset} of the model: {message}"),
            ErrorKind::Payload { message } => write!(f, "the payload is damaged: {message}"),
        }
    }
}

impl std::error::Error for Error {}

impl From<ErrorKind> for Error {
    fn from(kind: ErrorKind) -> Self {
        Self(Box::new(kind))
    }
}
