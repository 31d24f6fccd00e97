//! The error type of this crate.

use std::{fmt, io};

use crate::dtype::Dtype;
use crate::memory::OutOfMemory;

/// The result type of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// An error, with the byte of the file at which it occurred.
///
/// ```
/// use bitnpz_npy::{Dtype, ErrorKind};
///
/// let error = Dtype::from_type_string("<f3").unwrap_err();
/// assert!(matches!(error.kind(), ErrorKind::Dtype { .. }));
/// ```
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: ErrorKind,
    offset: Option<u64>,
}

/// The kind of an [`Error`].
#[derive(Debug)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Reading or writing failed.
    Io(io::Error),
    /// The file does not start with the six magic bytes of a `.npy` file.
    NotNpy,
    /// The format version is not 1.0, 2.0 or 3.0.
    Version {
        /// The major and minor version found.
        found: (u8, u8),
    },
    /// The header is longer than [`Limits::header_bytes`](crate::Limits::header_bytes).
    HeaderTooLong {
        /// Its length in bytes.
        found: u64,
        /// The limit in bytes.
        limit: usize,
    },
    /// The header is not a valid Python literal, or lacks a key.
    Syntax {
        /// What was expected.
        expected: &'static str,
        /// What was found.
        found: String,
    },
    /// The dtype is not supported.
    Dtype {
        /// The dtype as the file spells it.
        found: String,
    },
    /// The array holds Python objects, which only unpickling, that is running code, could read.
    Objects,
    /// The shape has more than 64 dimensions, or asks for more bytes than can be addressed.
    Shape {
        /// What is wrong with the shape.
        message: &'static str,
    },
    /// The array is larger than [`Limits::array_bytes`](crate::Limits::array_bytes).
    TooLarge {
        /// Its size in bytes.
        found: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// The file is shorter or longer than its array.
    Length {
        /// The length in bytes that the header asks for.
        expected: u64,
        /// The length found, in bytes.
        found: u64,
    },
    /// The array has another dtype than the caller requested.
    WrongDtype {
        /// The dtype requested.
        expected: Dtype,
        /// The dtype found.
        found: Dtype,
    },
    /// The array cannot be used in place: its bytes are in the other order, not aligned, or may not be valid `bool`s; or its
    /// items do not lie one after the other.
    NoView {
        /// The reason.
        message: &'static str,
    },
    /// The memory for an array cannot be allocated.
    OutOfMemory(OutOfMemory),
    /// The array has no field of this name.
    NoSuchField {
        /// The name requested.
        name: String,
    },
}

impl Error {
    pub(crate) fn at(offset: usize, kind: ErrorKind) -> Self {
        Self(Box::new(Inner { kind, offset: Some(offset as u64) }))
    }

    /// Returns the kind of the error.
    #[must_use]
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    pub(crate) fn into_kind(self) -> ErrorKind {
        self.0.kind
    }

    /// Returns the offset in the `.npy` file at which the error occurred, if it is known.
    #[must_use]
    pub fn offset(&self) -> Option<u64> {
        self.0.offset
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(offset) = self.0.offset {
            write!(f, "npy byte {offset}: ")?;
        }
        match &self.0.kind {
            ErrorKind::Io(error) => error.fmt(f),
            ErrorKind::NotNpy => f.write_str("expected the magic bytes \\x93NUMPY: this is no .npy file"),
            ErrorKind::Version { found: (major, minor) } => {
                write!(f, "expected .npy version 1.0, 2.0 or 3.0, found {major}.{minor}")
            }
            ErrorKind::HeaderTooLong { found, limit } => write!(
                f,
                "the header has {found} bytes, more than the limit of {limit}; \
                 raise the limit header_bytes if you trust the file"
            ),
            ErrorKind::Syntax { expected, found } => write!(f, "expected {expected}, found {found}"),
            ErrorKind::Dtype { found } => write!(f, "dtype {found} is not supported"),
            ErrorKind::Objects => f.write_str(
                "the array holds Python objects, which are programs, not data; it is not read. \
                 If you trust the file, load it with numpy.load(..., allow_pickle=True) and save it with a dtype \
                 of numbers or strings",
            ),
            ErrorKind::Shape { message } => f.write_str(message),
            ErrorKind::TooLarge { found, limit } => write!(
                f,
                "the array has {found} bytes, more than the limit of {limit}; \
                 raise the limit array_bytes if you trust the file"
            ),
            ErrorKind::Length { expected, found } if found < expected => {
                write!(f, "expected {expected} bytes of array, found {found}: the file is cut short")
            }
            ErrorKind::Length { expected, found } => {
                write!(
                    f,
                    "expected {expected} bytes of array, found {found}: something follows the array; to read \
                     several arrays from one file, load them one after the other from an open file"
                )
            }
            ErrorKind::WrongDtype { expected, found } => {
                write!(f, "expected an array of {expected}, found one of {found}")
            }
            ErrorKind::NoView { message } => write!(f, "cannot view the array in place: {message}"),
            ErrorKind::OutOfMemory(error) => error.fmt(f),
            ErrorKind::NoSuchField { name } => write!(f, "the array has no field {name:?}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0.kind {
            ErrorKind::Io(error) => Some(error),
            _ => None,
        }
    }
}

impl From<ErrorKind> for Error {
    fn from(kind: ErrorKind) -> Self {
        Self(Box::new(Inner { kind, offset: None }))
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        ErrorKind::Io(error).into()
    }
}

impl From<OutOfMemory> for Error {
    fn from(error: OutOfMemory) -> Self {
        ErrorKind::OutOfMemory(error).into()
    }
}
