//! The error of parsing names.

use std::fmt;

/// The error of parsing a name that none of several things has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseNameError {
    expected: &'static str,
    found: String,
}

impl ParseNameError {
    pub(super) fn new(expected: &'static str, found: &str) -> Self {
        Self { expected, found: found.to_owned() }
    }
}

impl fmt::Display for ParseNameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected one of {}, found {:?}", self.expected, self.found)
    }
}

impl std::error::Error for ParseNameError {}
