//! The one error of this crate.

use std::path::PathBuf;
use std::{fmt, io};

use bitnpz_npy::OutOfMemory;

/// What a call of this crate gives back.
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong, with which member, and at which byte of the archive.
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: ErrorKind,
    member: Option<String>,
    offset: Option<u64>,
}

/// What went wrong.
#[derive(Debug)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Reading failed, or writing to what has no path.
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
    /// The memory for a member is not there.
    OutOfMemory(OutOfMemory),
    /// There is no end record: this is no ZIP archive, or not all of one.
    NotZip {
        /// What was expected and what was found.
        message: &'static str,
    },
    /// Two parts of the archive contradict each other, or one lies where another lies.
    Inconsistent {
        /// What is compared.
        what: &'static str,
        /// What was expected.
        expected: String,
        /// What was found.
        found: String,
    },
    /// Two members have one name; `a` and `a.npy` are one.
    Duplicate,
    /// A name that is empty, too long, or has control characters.
    BadName,
    /// A member that another program could read: encrypted, on another disk, of an unknown method.
    Unsupported {
        /// What it is.
        what: String,
    },
    /// More than [`Limits`](crate::Limits) allow.
    Limit {
        /// Which limit: the name of its field.
        limit: &'static str,
        /// Its value.
        allowed: u64,
        /// What the archive asks for.
        found: u64,
    },
    /// Compressed data that cannot be decompressed to what the archive says.
    Corrupt {
        /// What was expected and what was found.
        message: String,
    },
    /// The member is no array that can be read.
    Npy(bitnpz_npy::Error),
    /// There is no such member.
    NoSuchMember,
    /// A write failed before, so that what was written is not whole.
    Poisoned,
}

impl Error {
    /// What went wrong.
    #[must_use]
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// The member it went wrong with, if it was one.
    #[must_use]
    pub fn member(&self) -> Option<&str> {
        self.0.member.as_deref()
    }

    /// The byte of the archive at which it went wrong, where one can be named.
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

    /// Two numbers that should be one.
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
                write!(f, "this is no ZIP archive, or not all of one (bitnpz salvage may help): {message}")
            }
            ErrorKind::Inconsistent { what, expected, found } => {
                write!(f, "{what}: expected {expected}, found {found}")
            }
            ErrorKind::Duplicate => f.write_str("two members have this name (a and a.npy are one name)"),
            ErrorKind::BadName => {
                f.write_str("expected a name of 1 to 65,535 bytes without control characters")
            }
            ErrorKind::Unsupported { what } => write!(f, "{what} is not supported"),
            ErrorKind::Limit { limit, allowed, found } => write!(
                f,
                "{found} is more than the limit of {allowed}; raise the limit {limit} if you trust the archive"
            ),
            ErrorKind::Corrupt { message } => f.write_str(message),
            ErrorKind::Npy(error) => error.fmt(f),
            ErrorKind::NoSuchMember => f.write_str("the archive has no such member"),
            ErrorKind::Poisoned => f.write_str("an earlier write failed: start the archive again"),
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

/// An error of writing a file, on its way through traits that know no other errors than the system's.
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
        // What an `io::Error` was made of comes out of it again.
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
