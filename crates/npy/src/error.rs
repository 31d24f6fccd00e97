//! The one error of this crate.

use std::{fmt, io};

use crate::dtype::Dtype;
use crate::memory::OutOfMemory;

/// What a call of this crate gives back.
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong, and at which byte of the file.
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: ErrorKind,
    offset: Option<u64>,
}

/// What went wrong.
#[derive(Debug)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Reading or writing failed.
    Io(io::Error),
    /// The file does not start with the six bytes that every `.npy` file starts with.
    NotNpy,
    /// A version other than 1.0, 2.0 and 3.0.
    Version {
        /// The major and the minor version found.
        found: (u8, u8),
    },
    /// The header is longer than [`Limits::header_bytes`](crate::Limits::header_bytes).
    HeaderTooLong {
        /// Its length in bytes.
        found: u64,
        /// The limit in bytes.
        limit: usize,
    },
    /// The header is not the Python literal it should be.
    Syntax {
        /// What was expected.
        expected: &'static str,
        /// What was found.
        found: String,
    },
    /// A dtype that is not understood.
    Dtype {
        /// As it stands in the file.
        found: String,
    },
    /// An array of Python objects, which only running a program could read.
    Objects,
    /// A shape of more than 64 dimensions, or of more bytes than can be counted.
    Shape {
        /// What is wrong with it.
        message: &'static str,
    },
    /// The array is larger than [`Limits::array_bytes`](crate::Limits::array_bytes).
    TooLarge {
        /// Its size in bytes.
        found: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// The file ends before the array does, or the array before the file.
    Length {
        /// The bytes that header and shape ask for.
        expected: u64,
        /// The bytes that are there.
        found: u64,
    },
    /// The array is of another dtype than was asked for.
    WrongDtype {
        /// The dtype asked for.
        expected: Dtype,
        /// The dtype found.
        found: Dtype,
    },
    /// A view in place is not possible: the bytes are in another order or not aligned, or any bytes and bools were asked for.
    NoView {
        /// Why not.
        message: &'static str,
    },
    /// The memory for an array is not there.
    OutOfMemory(OutOfMemory),
    /// The array has no such field.
    NoSuchField {
        /// The name asked for.
        name: String,
    },
}

impl Error {
    pub(crate) fn at(offset: usize, kind: ErrorKind) -> Self {
        Self(Box::new(Inner { kind, offset: Some(offset as u64) }))
    }

    /// What went wrong.
    #[must_use]
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    pub(crate) fn into_kind(self) -> ErrorKind {
        self.0.kind
    }

    /// The byte of the `.npy` file at which it went wrong, where one can be named.
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
                 numpy.load(..., allow_pickle=True) reads it, if you trust the file: save it with a dtype of numbers or strings",
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
                    "expected {expected} bytes of array, found {found}: something follows the array; several \
                     arrays in one file are loaded one after the other from an open file"
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
