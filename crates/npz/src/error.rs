//! The one error of this crate.

use std::{fmt, io};

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
    /// Reading or writing failed.
    Io(io::Error),
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
            ErrorKind::Io(error) => Some(error),
            ErrorKind::Npy(error) => error.source(),
            _ => None,
        }
    }
}

impl From<ErrorKind> for Error {
    fn from(kind: ErrorKind) -> Self {
        Self(Box::new(Inner { kind, member: None, offset: None }))
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        ErrorKind::Io(error).into()
    }
}

impl From<bitnpz_npy::Error> for Error {
    fn from(error: bitnpz_npy::Error) -> Self {
        ErrorKind::Npy(error).into()
    }
}
