//! What can be wrong with a payload.

use crate::error::{Error, ErrorKind};

/// What is wrong with a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    RunOutside,
    RunBelow,
    NewRunInBlack,
    NewRunTooLong,
    TooFewIntervals,
    HoleOutside,
    HoleTooLong,
    NoPartner,
    PayloadEnds,
    PayloadGoesOn,
}

impl Fault {
    const fn message(self) -> &'static str {
        match self {
            Self::RunOutside => "expected a run within the image, found one outside",
            Self::RunBelow => "expected a run within the image, found one below it",
            Self::NewRunInBlack => "expected a new run in white, found one in black",
            Self::NewRunTooLong => "expected a new run in white, found a longer one",
            Self::TooFewIntervals => "expected a white interval of the row, found fewer",
            Self::HoleOutside => "expected a hole in a run, found one outside",
            Self::HoleTooLong => "expected a hole in a run, found a longer one",
            Self::NoPartner => "expected two edges to merge, found one without partner",
            Self::PayloadEnds => "expected the end of the image, found the end of the payload",
            Self::PayloadGoesOn => "expected the end of the payload, found more of it",
        }
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        ErrorKind::Payload { message: fault.message() }.into()
    }
}
