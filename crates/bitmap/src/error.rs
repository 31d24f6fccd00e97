//! The one error of this crate.

use std::fmt;

/// What a call of this crate gives back.
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error(Box<ErrorKind>);

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A pixel is neither of the two values before it.
    NotBilevel {
        /// The pixel's place in the array.
        index: Vec<usize>,
        /// Its value.
        found: String,
        /// The values before it.
        values: [String; 2],
    },
    /// A pixel is NaN, which equals no value.
    NotANumber {
        /// The pixel's place in the array.
        index: Vec<usize>,
    },
    /// An array without dimensions, which has no rows.
    NoRows,
    /// Packed rows, or a payload, of another length than the image's size asks for.
    Length {
        /// The bytes expected.
        expected: usize,
        /// The bytes found.
        found: usize,
    },
    /// A bit behind the last pixel of a row is set.
    Padding {
        /// The row.
        row: usize,
    },
    /// The image has more bytes than can be addressed.
    TooLarge {
        /// Its height and width in pixels.
        shape: [usize; 2],
    },
    /// The memory for an image is not there.
    OutOfMemory {
        /// The bytes asked for.
        bytes: usize,
    },
    /// These bytes are not a model.
    Model {
        /// What was expected and what was found.
        message: &'static str,
        /// Behind which byte.
        offset: usize,
    },
    /// These bytes are not the payload of an image of this size.
    Payload {
        /// What was expected and what was found.
        message: &'static str,
    },
}

impl Error {
    /// What went wrong.
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
            ErrorKind::NoRows => f.write_str("expected one dimension or more, found an array of none"),
            ErrorKind::Length { expected, found } => {
                write!(f, "expected packed rows of {expected} bytes, found {found}")
            }
            ErrorKind::Padding { row } => {
                write!(f, "expected zero bits behind the last pixel of row {row}, found a one")
            }
            ErrorKind::TooLarge { shape: [height, width] } => {
                write!(f, "an image of {height} x {width} pixels cannot be addressed")
            }
            ErrorKind::OutOfMemory { bytes } => write!(f, "{bytes} bytes of memory are not to be had"),
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
