//! The error type of this crate.

use std::path::PathBuf;
use std::{fmt, io};

use bitnpz_npy::OutOfMemory;

/// The result type of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// An error, with the member and the byte of the archive at which it occurred.
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: ErrorKind,
    member: Option<String>,
    offset: Option<u64>,
}

/// The kind of an [`Error`].
#[derive(Debug)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Reading failed, or writing to something that has no path.
    Io(io::Error),
    /// Opening a file failed.
    Open {
        /// The path of the file.
        path: PathBuf,
        /// Why it failed.
        error: io::Error,
    },
    /// Writing a file failed.
    Write {
        /// The path of the file.
        path: PathBuf,
        /// Why it failed.
        error: io::Error,
    },
    /// The memory for a member cannot be allocated.
    OutOfMemory(OutOfMemory),
    /// The end record is missing: this is not a ZIP archive, or a truncated one.
    NotZip {
        /// What was expected and what was found.
        message: &'static str,
    },
    /// Two parts of the archive contradict each other or overlap.
    Inconsistent {
        /// The property that is compared.
        what: &'static str,
        /// What was expected.
        expected: String,
        /// What was found.
        found: String,
    },
    /// Two members have the same name, where `a` and `a.npy` count as the same.
    Duplicate,
    /// The name is empty, too long, or contains NUL.
    BadName,
    /// The archive uses a feature that this crate does not read: encryption, several disks, an unknown method.
    Unsupported {
        /// The feature.
        what: String,
    },
    /// The archive exceeds one of the [`Limits`](crate::Limits).
    Limit {
        /// The name of the limit's field.
        limit: &'static str,
        /// The limit.
        allowed: u64,
        /// The value found in the archive.
        found: u64,
    },
    /// A record or compressed data is damaged.
    Corrupt {
        /// What was expected and what was found.
        message: String,
    },
    /// The member is not a readable array.
    Npy(bitnpz_npy::Error),
    /// The archive has no member of this name.
    NoSuchMember,
    /// The head of a streamed member differs from the first, and the output cannot be sought to replace it.
    Unseekable,
    /// An earlier write failed, so the archive is incomplete.
    Poisoned,
}

impl Error {
    /// Returns the kind of the error.
    #[must_use]
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// Returns the name of the member in question, if it is known.
    #[must_use]
    pub fn member(&self) -> Option<&str> {
        self.0.member.as_deref()
    }

    /// Returns the offset in the archive at which the error occurred, if it is known.
    #[must_use]
    pub fn offset(&self) -> Option<u64> {
        self.0.offset
    }

    pub(crate) fn at(mut self, offset: u64) -> Self {
        self.0.offset.get_or_insert(offset);
        self
    }

    pub(crate) fn of(mut self, member: &str) -> Self {
        self.0.member.get_or_insert_with(|| member.to_owned());
        self
    }

    /// Makes the error for two values that differ and should be equal.
    pub(crate) fn inconsistent(
        what: &'static str,
        expected: impl fmt::Display,
        found: impl fmt::Display,
    ) -> Self {
        ErrorKind::Inconsistent { what, expected: expected.to_string(), found: found.to_string() }.into()
    }

    pub(crate) fn corrupt(message: impl Into<String>) -> Self {
        ErrorKind::Corrupt { message: message.into() }.into()
    }
}

impl ErrorKind {
    pub(crate) fn into_error(self, member: &str) -> Error {
        Error::from(self).of(member)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(member) = &self.0.member {
            write!(f, "member {member:?}: ")?;
        }
        if let Some(offset) = self.0.offset {
            write!(f, "byte {offset}: ")?;
        }
        match &self.0.kind {
            ErrorKind::Io(error) => error.fmt(f),
            ErrorKind::Open { path, error } | ErrorKind::Write { path, error } => {
                write!(f, "{}: {error}", path.display())
            }
            ErrorKind::OutOfMemory(error) => error.fmt(f),
            ErrorKind::NotZip { message } => {
                write!(f, "not a ZIP archive, or a truncated one (bitnpz salvage may help): {message}")
            }
            ErrorKind::Inconsistent { what, expected, found } => {
                write!(f, "{what}: expected {expected}, found {found}")
            }
            ErrorKind::Duplicate => {
                f.write_str("two members have this name (a and a.npy count as the same name)")
            }
            ErrorKind::BadName => {
                f.write_str("expected a name of 1 to 65,535 bytes without NUL")
            }
            ErrorKind::Unsupported { what } => write!(f, "{what} is not supported"),
            ErrorKind::Limit { limit, allowed, found } => write!(
                f,
                "{found} is more than the limit of {allowed}; raise the limit {limit} if you trust the archive"
            ),
            ErrorKind::Corrupt { message } => f.write_str(message),
            ErrorKind::Npy(error) => error.fmt(f),
            ErrorKind::NoSuchMember => f.write_str("the archive has no such member"),
            ErrorKind::Unseekable => f.write_str(
                "expected an array whose shape is known before its items, found one that grew while it was written to an output \
                 that cannot be sought: write to a file first",
            ),
            ErrorKind::Poisoned => {
                f.write_str("an earlier write failed, so the archive is incomplete: write it again")
            }
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0.kind {
            ErrorKind::Io(error) | ErrorKind::Open { error, .. } | ErrorKind::Write { error, .. } => {
                Some(error)
            }
            ErrorKind::Npy(error) => error.source(),
            _ => None,
        }
    }
}

/// A failed write with the path of the file, wrapped in an [`io::Error`] to pass through [`io::Write`] and [`io::Seek`].
#[derive(Debug)]
pub(crate) struct WriteFailure {
    path: PathBuf,
    error: io::Error,
}

impl WriteFailure {
    pub(crate) fn at(path: &std::path::Path, error: io::Error) -> io::Error {
        io::Error::new(error.kind(), Self { path: path.to_owned(), error })
    }
}

impl fmt::Display for WriteFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.error)
    }
}

impl std::error::Error for WriteFailure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}

impl From<ErrorKind> for Error {
    fn from(kind: ErrorKind) -> Self {
        Self(Box::new(Inner { kind, member: None, offset: None }))
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        // Unwrap errors of this crate that were wrapped to pass through the traits of `std::io`.
        let error = match error.downcast::<Self>() {
            Ok(error) => return error,
            Err(error) => error,
        };
        match error.downcast::<WriteFailure>() {
            Ok(WriteFailure { path, error }) => ErrorKind::Write { path, error }.into(),
            Err(error) => ErrorKind::Io(error).into(),
        }
    }
}

impl From<OutOfMemory> for Error {
    fn from(error: OutOfMemory) -> Self {
        ErrorKind::OutOfMemory(error).into()
    }
}

impl From<bitnpz_npy::Error> for Error {
    fn from(error: bitnpz_npy::Error) -> Self {
        ErrorKind::Npy(error).into()
    }
}
