//! The alphabets of a payload's symbols, and the features of their contexts.

use super::event::EVENTS;
use super::numbers::BUCKETS;

/// The number of white intervals that an interval symbol tells apart; for the last, another number follows.
pub(super) const INTERVALS: usize = 16;

/// The features of a symbol's context, each below 32; those that an alphabet does not have are 0.
pub(super) type Features = [u8; MAX_FEATURES];

/// The largest number of features.
pub(super) const MAX_FEATURES: usize = 8;

/// Features have five bits.
pub(super) const FEATURE_VALUES: usize = 32;

/// Symbols of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub(super) enum Alphabet {
    /// What happens next to a run.
    Event,
    /// The rows before an event, less those that its symbol tells.
    MoreRows,
    /// The columns from a run's first pixel to a hole, less one.
    HoleGap,
    /// The columns of a hole, less one.
    HoleLength,
    /// How far an edge moves beyond three columns, and where to.
    FarMove,
    /// The rows to the next birth, or that there is none.
    BirthRows,
    /// The white interval of a birth, and the columns from its start to the run.
    BirthGap,
    /// The number of the white interval, less those that the symbol of the gap tells.
    MoreIntervals,
    /// The columns of a new run, less one.
    BirthLength,
}

/// No alphabet has as many symbols, the escape included.
pub(super) const MAX_SYMBOLS: usize = 512;

/// The number of alphabets.
pub(super) const ALPHABETS: usize = 9;

impl Alphabet {
    /// All alphabets, in the order in which a model has them.
    pub(super) const ALL: [Self; ALPHABETS] = [
        Self::Event,
        Self::MoreRows,
        Self::HoleGap,
        Self::HoleLength,
        Self::FarMove,
        Self::BirthRows,
        Self::BirthGap,
        Self::MoreIntervals,
        Self::BirthLength,
    ];

    /// Returns the number of symbols, without the escape.
    pub(super) const fn symbols(self) -> usize {
        match self {
            Self::Event => EVENTS,
            Self::BirthRows => BUCKETS + 1,
            Self::BirthGap => INTERVALS * BUCKETS,
            Self::FarMove => 2 * BUCKETS,
            Self::MoreRows | Self::HoleGap | Self::HoleLength | Self::MoreIntervals | Self::BirthLength => {
                BUCKETS
            }
        }
    }

    /// Returns the number of features.
    ///
    /// - `Event`: of the left edge the class of its last move, its period and its age; the same of the right edge; the run's
    ///   width; the countdown to the target;
    /// - `MoreRows`: what the left edge does, what the right edge does, the countdown;
    /// - `HoleGap`: the run's width;
    /// - `HoleLength`: the class of the columns from the hole's start to the run's end;
    /// - `FarMove`: 0 for the left edge and 1 for the right one, the class of its last move, what the other edge does, the
    ///   run's width;
    /// - `BirthRows`: the number of births, the class of the rows from the last birth to the lowest end of an edge, the
    ///   class of the rows between the last two births, the number of edges that wait for a merge;
    /// - `BirthGap`: the classes of the widths of the first two intervals, 1 in the row of the last birth, the number of
    ///   births;
    /// - `BirthLength`: the number of births, the class of the columns from the run to the right side of the image, the
    ///   class of the last birth's length.
    pub(super) const fn features(self) -> usize {
        match self {
            Self::Event => 8,
            Self::FarMove | Self::BirthRows | Self::BirthGap => 4,
            Self::MoreRows | Self::BirthLength => 3,
            Self::HoleGap | Self::HoleLength => 1,
            Self::MoreIntervals => 0,
        }
    }

    /// Returns the length of the longest code, in bits.
    pub(super) const fn max_code_bits(self) -> u32 {
        match self {
            Self::BirthGap => 10,
            _ => 8,
        }
    }
}
