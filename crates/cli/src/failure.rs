//! Why a command did not succeed.

use std::error::Error;
use std::fmt::Display;
use std::io::{self, Write};
use std::path::Path;

use crate::format::escape;

/// Why a command did not succeed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// An error, with the message to print.
    Message(String),
    /// The command worked but found damage or differences, and has printed them.
    Reported,
    /// Nobody reads standard output any more, as in `| head`.
    OutputClosed,
}

pub(crate) type Outcome = Result<(), Failure>;

impl Failure {
    /// Puts the path of the file before the message.
    pub(crate) fn at(path: &Path, error: impl Display) -> Self {
        Self::Message(format!("{}: {error}", path.display()))
    }

    /// Puts the path of the file before the message, unless the error names a file itself.
    pub(crate) fn of(path: &Path, error: &bitnpz::Error) -> Self {
        match error.path() {
            Some(other) if error.unwritten().is_none() && is_missing(error) => Self::missing(other),
            Some(_) => Self::Message(error.to_string()),
            None => Self::at(path, error),
        }
    }

    /// Reports that damage or differences were found, even if nobody reads what was printed of them.
    pub(crate) fn found(printed: Outcome) -> Self {
        match printed {
            Ok(()) | Err(Self::OutputClosed) => Self::Reported,
            Err(other) => other,
        }
    }

    /// Reports that there is nothing at a path.
    pub(crate) fn missing(path: &Path) -> Self {
        Self::at(path, "no such file or folder")
    }

    /// Prints the message on standard error, and returns the exit code.
    pub(crate) fn report(&self) -> u8 {
        match self {
            Self::Message(message) => {
                // If standard error cannot be written, nobody can be told.
                drop(writeln!(io::stderr(), "bitnpz: error: {}", escape(message)));
                1
            }
            Self::Reported => 1,
            Self::OutputClosed => 0,
        }
    }
}

/// Returns whether the operating system reported that a file does not exist.
fn is_missing(error: &bitnpz::Error) -> bool {
    let cause = error.source().and_then(|cause| cause.downcast_ref::<io::Error>());
    cause.is_some_and(|cause| cause.kind() == io::ErrorKind::NotFound)
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::OutputClosed,
            _ => Self::Message(error.to_string()),
        }
    }
}

impl From<bitnpz::Error> for Failure {
    fn from(error: bitnpz::Error) -> Self {
        Self::Message(error.to_string())
    }
}

impl From<bitnpz::picture::PictureError> for Failure {
    fn from(error: bitnpz::picture::PictureError) -> Self {
        Self::Message(error.to_string())
    }
}
