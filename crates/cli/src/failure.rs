//! What a command ends in when it does not succeed.

use std::error::Error;
use std::fmt::Display;
use std::io::{self, Write};
use std::path::Path;

use crate::output::escape;

/// Why a command did not succeed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// What went wrong, for the person to read.
    Message(String),
    /// What was found is not good, such as damage, and has been said already.
    Said,
    /// Nobody reads what we print any more: `| head`.
    Unread,
}

pub(crate) type Outcome = Result<(), Failure>;

impl Failure {
    /// A failure with the file it is about before the message.
    pub(crate) fn at(path: &Path, error: impl Display) -> Self {
        Self::Message(format!("{}: {error}", path.display()))
    }

    /// A failure of what was done with one file, or with another that the error names itself.
    pub(crate) fn of(path: &Path, error: &bitnpz::Error) -> Self {
        match error.path() {
            Some(other) if error.unwritten().is_none() && is_missing(error) => Self::missing(other),
            Some(_) => Self::Message(error.to_string()),
            None => Self::at(path, error),
        }
    }

    /// That there is nothing at a path.
    pub(crate) fn missing(path: &Path) -> Self {
        Self::at(path, "there is no such file or folder")
    }

    /// Says what went wrong on standard error, and returns the exit code.
    pub(crate) fn report(&self) -> u8 {
        match self {
            Self::Message(message) => {
                // If even this cannot be written there is nobody to tell.
                drop(writeln!(io::stderr(), "bitnpz: error: {}", escape(message)));
                1
            }
            Self::Said => 1,
            Self::Unread => 0,
        }
    }
}

/// Whether the system says that there is no such file.
fn is_missing(error: &bitnpz::Error) -> bool {
    let cause = error.source().and_then(|cause| cause.downcast_ref::<io::Error>());
    cause.is_some_and(|cause| cause.kind() == io::ErrorKind::NotFound)
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::Unread,
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
