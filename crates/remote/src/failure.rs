//! Failures of stores, as errors of `std::io`.

use std::io;
use std::ops::Range;

use object_store::Error;

/// Returns the error of a store: missing, forbidden, changed and other failures have kinds of their own.
pub(crate) fn to_io(error: Error) -> io::Error {
    let kind = match &error {
        Error::NotFound { .. } => io::ErrorKind::NotFound,
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => io::ErrorKind::PermissionDenied,
        Error::Precondition { .. } => return changed(),
        Error::AlreadyExists { .. } => io::ErrorKind::AlreadyExists,
        Error::NotSupported { .. } | Error::NotImplemented { .. } => io::ErrorKind::Unsupported,
        Error::InvalidPath { .. } => io::ErrorKind::InvalidInput,
        _ => io::ErrorKind::Other,
    };
    io::Error::new(kind, error)
}

/// Returns the error of an object that is not the one that was opened.
pub(crate) fn changed() -> io::Error {
    io::Error::new(
        io::ErrorKind::StaleNetworkFileHandle,
        "the object was replaced or changed after it was opened: open it again",
    )
}

/// Returns the error of an answer that has other bytes than those asked for.
pub(crate) fn truncated(expected: &Range<u64>, found: usize) -> io::Error {
    let (start, end) = (expected.start, expected.end);
    let message = format!(
        "expected bytes {start} to {end}, found {found} bytes: the answer was cut off, or is of another range"
    );
    // Not `UnexpectedEof`, which would say that the archive is damaged.
    io::Error::new(io::ErrorKind::ConnectionAborted, message)
}

/// Returns whether a failure may pass.
pub(crate) fn may_pass(error: &io::Error) -> bool {
    !matches!(
        error.kind(),
        io::ErrorKind::NotFound
            | io::ErrorKind::PermissionDenied
            | io::ErrorKind::StaleNetworkFileHandle
            | io::ErrorKind::AlreadyExists
            | io::ErrorKind::Unsupported
            | io::ErrorKind::InvalidInput
    )
}
