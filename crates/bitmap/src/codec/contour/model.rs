//! What a coder knows of images of a kind: for each alphabet the contexts, and how likely symbols are in each.

use std::panic::resume_unwind;
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::encode::Teller;
use super::features::{FEATURES, LONG, PART, class};
use super::scan::{EVENTS, Past, Scanner, Surroundings};
use crate::codec::entropy::{Alphabet, Distribution, Observations, SYMBOLS, Table};
use crate::codec::sample::Sample;

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
    symbols: EVENTS,
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
    /// What lengths add to the combinations of events, where they are features.
    lengths: [[u16; LONG + 1]; 3],
    numbers: [Table<FEATURES>; NUMBERS.len()],
}

/// The features that are lengths.
const RIGHT: usize = 4;
const LEFT: usize = 5;
const GAP: usize = 9;

impl Model {
    /// Reads a model, or says what is wrong with it.
    pub(in crate::codec) fn read(rest: &mut &[u8]) -> Result<Self, &'static str> {
        let events: Table<FEATURES> = EVENT.read(rest)?;
        let lengths = [RIGHT, LEFT, GAP]
            .map(|feature| std::array::from_fn(|length| events.step(feature, class(length as u32))));
        let numbers = [NUMBER.read(rest)?, NUMBER.read(rest)?, NUMBER.read(rest)?];
        Ok(Self { events, lengths, numbers })
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
        let Seen { mut events, numbers } = teller.sink;
        let learn = |alphabet: Alphabet, observations: &mut Observations| {
            let mut model = Vec::new();
            alphabet.learn::<FEATURES>(std::mem::take(observations), sample.part(), &mut model);
            model
        };
        let numbers = Mutex::new(numbers);
        let learn_numbers = || {
            let numbers = &mut *numbers.lock().unwrap_or_else(PoisonError::into_inner);
            numbers.each_mut().map(|observations| learn(NUMBER, observations)).concat()
        };
        thread::scope(|scope| {
            let helper = thread::Builder::new().spawn_scoped(scope, learn_numbers);
            let events = learn(EVENT, &mut events);
            // The system may have no thread to give.
            let numbers = helper.map_or_else(
                |_| learn_numbers(),
                |helper| helper.join().unwrap_or_else(|panic| resume_unwind(panic)),
            );
            [events, numbers].concat()
        })
    }

    /// What an event's context owes to the edge above.
    #[inline]
    pub(super) fn part(&self, surroundings: &Surroundings) -> u32 {
        let Surroundings { slopes: [first, second, third], kind, right, left, next_slope, zone } =
            *surroundings;
        let step = |feature, value| self.events.step(feature, value);
        self.events.first(
            step(0, first)
                + step(1, second)
                + step(2, third)
                + step(3, kind)
                + self.lengths[0][(right as usize).min(LONG)]
                + self.lengths[1][(left as usize).min(LONG)]
                + step(6, next_slope)
                + step(7, zone),
        )
    }

    /// How likely each event is.
    #[inline]
    pub(super) fn event(&self, part: u32, past: Past) -> &Distribution {
        let combination = self.events.step(8, past.last)
            + self.lengths[2][(past.gap as usize).min(LONG)]
            + self.events.step(10, past.second_last);
        self.events.distribution(part + self.events.second(combination))
    }

    /// How likely each symbol of a number is; features that are not given are zero.
    #[inline]
    pub(super) fn number(&self, number: Number, features: &[u8]) -> &Distribution {
        let table = &self.numbers[number as usize];
        table.distribution(table.first(table.combination(0, features)))
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

    fn part(&self, surroundings: &Surroundings) -> u64 {
        let Surroundings { slopes: [first, second, third], kind, right, left, next_slope, zone } =
            *surroundings;
        let part = [first, second, third, kind, class(right), class(left), next_slope, zone];
        Observations::features(&part, EVENT.bits)
    }

    fn event(&mut self, part: u64, past: Past, symbol: u8) {
        let mut features = [0; FEATURES];
        features[PART..].copy_from_slice(&[past.last, class(past.gap), past.second_last]);
        self.events.add(part | Observations::features(&features, EVENT.bits), symbol);
    }

    fn number(&mut self, number: Number, features: &[u8], symbol: u8) {
        self.numbers[number as usize].add(Observations::features(features, NUMBER.bits), symbol);
    }

    fn bits(&mut self, _number: usize, _count: u32) {}
}
