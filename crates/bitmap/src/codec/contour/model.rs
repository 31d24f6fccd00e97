//! What a coder knows of images of a kind: for each alphabet the contexts, and how likely symbols are in each.

use super::encode::Teller;
use super::features::{FEATURES, Features, PART};
use super::scan::{Event, Scanner};
use crate::codec::model::Sample;
use crate::codec::table::Table;
use crate::codec::tree::{Alphabet, Observations};
use crate::codec::weights::SYMBOLS;

/// The alphabets of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Number {
    /// How many rows are the same as the one above.
    Rows,
    /// How many pixels come before a new run.
    Gap,
    /// How many pixels a new run has.
    Run,
}

const NUMBERS: [Number; 3] = [Number::Rows, Number::Gap, Number::Run];

const EVENT: Alphabet = Alphabet {
    symbols: Event::SYMBOLS,
    features: FEATURES,
    bits: 4,
    split: PART,
    distributions: 256,
    combinations: [1 << 16, 1 << 10],
};
const NUMBER: Alphabet = Alphabet {
    symbols: SYMBOLS,
    features: FEATURES,
    bits: 4,
    split: FEATURES,
    distributions: 256,
    combinations: [1 << 14, 1],
};

/// What a coder knows of images of a kind.
#[derive(Clone, Debug)]
pub(in crate::codec) struct Model {
    events: Table<FEATURES>,
    numbers: [Table<FEATURES>; NUMBERS.len()],
}

impl Model {
    /// Reads a model, or says what is wrong with it.
    pub(in crate::codec) fn read(rest: &mut &[u8]) -> Result<Self, &'static str> {
        let events = EVENT.read(rest)?;
        Ok(Self { events, numbers: [NUMBER.read(rest)?, NUMBER.read(rest)?, NUMBER.read(rest)?] })
    }

    /// The bytes of a model of images like these.
    pub(in crate::codec) fn train(sample: &Sample<'_>) -> Vec<u8> {
        let mut scanner = Scanner::default();
        let mut teller = Teller::new(Seen::default());
        for &image in sample.images {
            teller.tell(image, &mut scanner);
            if teller.sink.events.len() > MOST_EVENTS {
                break;
            }
        }
        let mut model = Vec::new();
        let Seen { events, numbers } = teller.sink;
        EVENT.learn::<FEATURES>(events, sample.part(), &mut model);
        for observations in numbers {
            NUMBER.learn::<FEATURES>(observations, sample.part(), &mut model);
        }
        model
    }

    pub(super) fn events(&self) -> &Table<FEATURES> {
        &self.events
    }

    /// What an event's context owes to the edge above.
    pub(super) fn part(&self, features: &Features) -> u32 {
        self.events.first(self.events.combination(0, &features[..PART]))
    }

    pub(super) fn numbers(&self, number: Number) -> &Table<FEATURES> {
        &self.numbers[number as usize]
    }
}

/// No more events than these are learned from.
const MOST_EVENTS: usize = 1 << 21;

/// The symbols of a sample.
#[derive(Debug, Default)]
struct Seen {
    events: Observations,
    numbers: [Observations; NUMBERS.len()],
}

impl super::encode::Sink for Seen {
    type Part = u64;

    fn part(&self, features: &Features) -> u64 {
        Observations::features(features, EVENT.bits)
    }

    fn event(&mut self, part: u64, rest: [u8; 3], event: Event) {
        let mut features = [0; FEATURES];
        features[PART..].copy_from_slice(&rest);
        self.events.add(part | self.part(&features), event.symbol());
    }

    fn number(&mut self, number: Number, features: &Features, symbol: u8) {
        self.numbers[number as usize].add(Observations::features(features, NUMBER.bits), symbol);
    }

    fn bits(&mut self, _number: usize, _count: u32) {}
}
