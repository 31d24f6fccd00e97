//! What a command ends in when it does not succeed.

use std::fmt::Display;
use std::io::{self, Write};
use std::path::Path;

use crate::output::escape;

/// Why a command did not succeed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// What went wrong, for the person to read.
    Message(String),
    /// The archive is damaged, which has been said already.
    Damaged,
    /// Nobody reads what we print any more: `| head`.
    Unread,
}

pub(crate) type Outcome = Result<(), Failure>;

impl Failure {
    /// A failure with the file it is about before the message.
    pub(crate) fn at(path: &Path, error: impl Display) -> Self {
        Self::Message(format!("{}: {error}", path.display()))
    }

    /// A failure of reading one file, or of writing another that the error names itself.
    pub(crate) fn of(path: &Path, error: &bitnpz::Error) -> Self {
        match error.unwritten() {
            Some(_) => Self::Message(error.to_string()),
            None => Self::at(path, error),
        }
    }

    /// Says what went wrong on standard error, and returns the exit code.
    pub(crate) fn report(&self) -> u8 {
        match self {
            Self::Message(message) => {
                // If even this cannot be written there is nobody to tell.
                drop(writeln!(io::stderr(), "bitnpz: error: {}", escape(message)));
                1
            }
            Self::Damaged => 1,
            Self::Unread => 0,
        }
    }
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
