//! A model: what the codec has learnt, in the form that coders use.

use std::fmt;
use std::num::NonZero;
use std::sync::OnceLock;

use super::alphabet::Alphabet;
use super::parts::{self, Parts};
use super::symbol_codes::SymbolCodes;
use super::tables::Tables;
use super::train::Observations;
use crate::codec::sample::Sample;
use crate::parallel::both;

/// What the codec has learnt.
#[derive(Clone)]
pub(in crate::codec) struct Model {
    pub(super) parts: Parts,
    pub(super) tables: Tables,
    /// The codes of all symbols, which only encoders need.
    codes: OnceLock<Vec<SymbolCodes>>,
}

/// A model by its bytes.
#[derive(Debug)]
pub(in crate::codec) enum Choice {
    /// A model of its own.
    Own(Vec<u8>),
    /// A change of another one, or that one if there are no bytes.
    Changes(Vec<u8>),
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Model").finish_non_exhaustive()
    }
}

impl Model {
    /// Reads a model, or says what is wrong with it.
    pub(in crate::codec) fn read(bytes: &[u8]) -> Result<Self, &'static str> {
        parts::read(bytes).map(Self::new)
    }

    /// Reads the changes that make another model of this one, or says what is wrong with them.
    pub(in crate::codec) fn read_changes(&self, bytes: &[u8]) -> Result<Self, &'static str> {
        parts::read_changes(&self.parts, bytes).map(Self::new)
    }

    /// Trains a model on a sample and returns its bytes.
    pub(in crate::codec) fn train(sample: &Sample<'_>) -> Vec<u8> {
        parts::write(&Observations::new(sample).train())
    }

    /// Finds the model with which a sample is smallest: of its own, this one, or a change of this one.
    pub(in crate::codec) fn choose(&self, sample: &Sample<'_>, threads: NonZero<usize>) -> Choice {
        let seen = Observations::new(sample);
        let total = sample.total as f64;
        let own = || {
            let own = seen.train();
            let bytes = parts::write(&own);
            (total * seen.payload_bytes(&own, &seen.count(&own)) + bytes.len() as f64, Choice::Own(bytes))
        };
        let changes = || {
            let counts = seen.count(&self.parts);
            let changed = seen.adapt(&self.parts, &counts);
            let bytes = parts::write_changes(&self.parts, &changed);
            let cost = |parts| total * seen.payload_bytes(parts, &counts);
            let unchanged = (cost(&self.parts), Choice::Changes(Vec::new()));
            [unchanged, (cost(&changed) + bytes.len() as f64, Choice::Changes(bytes))]
        };
        let (own, changes) = both(threads, own, changes);
        let choices = changes.into_iter().chain([own]);
        choices.min_by(|(a, _), (b, _)| a.total_cmp(b)).expect("there are three").1
    }

    fn new(parts: Parts) -> Self {
        Self { tables: Tables::new(&parts), parts, codes: OnceLock::new() }
    }

    /// Returns the codes of all symbols, by alphabet.
    pub(super) fn codes(&self) -> &[SymbolCodes] {
        self.codes.get().unwrap_or_else(|| {
            // They are made outside the lock: in a child that is forked meanwhile, nobody would open it.
            let parts = Alphabet::ALL.into_iter().zip(&self.parts);
            let codes = parts.map(|(alphabet, part)| SymbolCodes::new(alphabet, part)).collect();
            self.codes.get_or_init(|| codes)
        })
    }
}
