//! A model in the form that coders use: contexts as tables, codes as tables.

use std::collections::HashMap;

use super::alphabet::{ALPHABETS, Alphabet, FEATURE_VALUES};
use super::classes::{Classes, GROUPS, Group};
use super::event::{EVENTS, Event};
use super::history::{COUNTDOWNS, Histories, History, countdown_class};
use super::parts::{Part, Parts};
use super::prefix::{self, Lengths};
use super::tree::{Combinations, Node, Tree};

/// Where the code of a number's symbol lies in the table of all codes.
#[derive(Clone, Copy, Debug, Default)]
struct Code {
    /// The number of its first entry.
    start: u32,
    /// The bits that are looked up.
    mask: u32,
}

/// A symbol and the length of its code.
#[derive(Clone, Copy, Debug, Default)]
struct Entry(u16);

impl Entry {
    fn new(symbol: usize, length: u8) -> Self {
        Self((symbol as u16) << 4 | u16::from(length))
    }

    #[inline]
    fn symbol(self) -> u16 {
        self.0 >> 4
    }

    #[inline]
    fn length(self) -> u32 {
        u32::from(self.0 & 15)
    }
}

/// The contexts of events, by three look-ups: of each edge, of both, and of all features.
#[derive(Clone, Debug)]
struct EventTables {
    /// The class of each history, for the left edge and for the right one.
    edges: [[u8; History::COUNT]; 2],
    /// Where the contexts of each pair of these classes start.
    pairs: [u32; 1 << 14],
    /// The class of each width and countdown.
    rest: [u8; 32 * COUNTDOWNS],
    /// The number of the code of each context.
    contexts: Vec<u16>,
    /// The entries of each code: one for each value of the next eight bits.
    entries: Vec<[Entry; 256]>,
}

/// The contexts of numbers.
#[derive(Clone, Debug)]
struct NumberContexts {
    /// What each value of each feature adds to the number of a context.
    steps: [[u16; FEATURE_VALUES]; 4],
    codes: Vec<Code>,
}

/// The tables of a model.
#[derive(Clone, Debug)]
pub(super) struct Tables {
    events: Box<EventTables>,
    numbers: [NumberContexts; ALPHABETS - 1],
    /// The codes of escaped symbols.
    commons: [Code; ALPHABETS],
    entries: Vec<Entry>,
}

impl EventTables {
    fn new(part: &Part) -> Self {
        let tree = &part.tree;
        let classes = GROUPS.map(|group| Classes::of_tree(tree, group).expect("the tree was checked"));
        let [lefts, rights, rests] = classes.each_ref().map(Classes::examples);
        let numbers = classes.each_ref().map(Classes::numbers);
        let rest = |index| {
            let (width, countdown) = (index / COUNTDOWNS, index % COUNTDOWNS);
            numbers[2][width << 4 | usize::from(countdown_class(countdown))]
        };
        let mut tables = Self {
            edges: [0, 1].map(|side| std::array::from_fn(|index| numbers[side][index])),
            pairs: [0; 1 << 14],
            rest: std::array::from_fn(rest),
            contexts: Vec::new(),
            entries: Vec::new(),
        };
        let [left_count, right_count, rest_count] = [lefts.len(), rights.len(), rests.len()];
        let rows = codes_of_classes(tree, [&lefts, &rights, &rests]);
        let mut known: HashMap<&[u16], u32> = HashMap::new();
        for (pair, row) in rows.chunks_exact(rest_count).enumerate() {
            let (left, right) = (pair / right_count, pair % right_count);
            tables.pairs[left << 7 | right] = *known.entry(row).or_insert_with(|| {
                let start = tables.contexts.len() as u32;
                tables.contexts.extend_from_slice(row);
                start
            });
        }
        debug_assert_eq!(rows.len(), left_count * right_count * rest_count);
        for lengths in &part.codes {
            let mut entries = [Entry::default(); 256];
            fill(lengths, zero_symbol(Alphabet::Event, lengths), &mut entries);
            tables.entries.push(entries);
        }
        tables
    }
}

/// Returns the number of the code of each combination of classes, the last group's changing fastest. `examples` has the features
/// of one combination of values of each class.
///
/// One descent divides the classes of the groups at each test, so that the time is that of the tests and the combinations, however
/// deep the tree is.
fn codes_of_classes(tree: &Tree, examples: [&[[u8; 3]]; 3]) -> Vec<u16> {
    let [_, rights, rests] = examples.map(<[_]>::len);
    let mut codes = vec![0; examples.iter().map(|group| group.len()).product()];
    let mut open: Vec<[Vec<usize>; 3]> = vec![examples.map(|group| (0..group.len()).collect())];
    for node in &tree.nodes {
        let here = open.pop().expect("a tree has a node for each side of a test");
        match *node {
            Node::Test { feature, threshold, .. } => {
                let group = Group::of(feature);
                let value = |class: usize| examples[group][class][usize::from(feature) - GROUPS[group].first];
                let (below, others) = here[group].iter().partition(|&&class| value(class) < threshold);
                let mut sides = [here.clone(), here];
                [sides[0][group], sides[1][group]] = [below, others];
                let [below, others] = sides;
                open.extend([others, below]);
            }
            Node::Leaf { code } => {
                let [left, right, rest] = &here;
                for (left, right) in left.iter().flat_map(|left| right.iter().map(move |right| (left, right)))
                {
                    let row = &mut codes[(left * rights + right) * rests..][..rests];
                    rest.iter().for_each(|&rest| row[rest] = code);
                }
            }
        }
    }
    codes
}

/// Returns the number of the code of each combination of levels, in one descent too.
fn codes_of_levels(tree: &Tree, combinations: &Combinations) -> Vec<u16> {
    let mut codes = vec![0; combinations.count()];
    let mut open = vec![combinations.all()];
    for node in &tree.nodes {
        let here = open.pop().expect("a tree has a node for each side of a test");
        match *node {
            Node::Test { feature, threshold, .. } => {
                let [below, others] = combinations.divide(here, feature.into(), threshold);
                open.extend([others, below]);
            }
            Node::Leaf { code } => {
                combinations.numbers(&here).into_iter().for_each(|number| codes[number] = code);
            }
        }
    }
    codes
}

impl NumberContexts {
    /// Makes the tables of a tree, whose codes are these.
    fn new(tree: &Tree, codes: &[Code]) -> Self {
        let combinations = Combinations::new(tree, 0..4);
        let numbers = codes_of_levels(tree, &combinations);
        let codes = numbers.into_iter().map(|code| codes[usize::from(code)]).collect();
        Self { steps: combinations.steps(), codes }
    }

    #[inline]
    fn code(&self, features: [u8; 4]) -> Code {
        let steps =
            [0, 1, 2, 3].map(|feature| self.steps[feature][usize::from(features[feature]) % FEATURE_VALUES]);
        self.codes[usize::from(steps[0] + steps[1] + steps[2] + steps[3])]
    }
}

impl Tables {
    /// Makes the tables of a model.
    pub(super) fn new(parts: &Parts) -> Self {
        let mut table = CodeTable::default();
        let [_, numbers @ ..] = Alphabet::ALL;
        let numbers = numbers.map(|alphabet| {
            let part = &parts[alphabet as usize];
            let codes = part.codes.iter().map(|lengths| table.push(lengths, zero_symbol(alphabet, lengths)));
            NumberContexts::new(&part.tree, &codes.collect::<Vec<Code>>())
        });
        let commons = Alphabet::ALL.map(|alphabet| table.push(&parts[alphabet as usize].common, None));
        Self {
            events: Box::new(EventTables::new(&parts[Alphabet::Event as usize])),
            numbers,
            commons,
            entries: table.entries,
        }
    }

    /// Returns the number of the code of an event.
    #[inline]
    pub(super) fn event_code(&self, histories: Histories, width: u32, countdown: usize) -> u16 {
        let [left, right] = histories.indices();
        let (left, right) = (self.events.edges[0][left], self.events.edges[1][right]);
        let pair = self.events.pairs[(usize::from(left) << 7 | usize::from(right)) % (1 << 14)];
        let rest = self.events.rest[(width.min(31) as usize * COUNTDOWNS + countdown) % (32 * COUNTDOWNS)];
        self.events.contexts[pair as usize + usize::from(rest)]
    }

    /// Returns the event for the bits that come next, which may be escaped, and the length of its code.
    #[inline]
    pub(super) fn event(&self, code: u16, bits: u64) -> (u16, u32) {
        let own = self.events.entries[usize::from(code)][(bits % 256) as usize];
        (own.symbol(), own.length())
    }

    /// Returns the symbol of a number for the bits that come next, which may be escaped, and the length of its code.
    #[inline]
    pub(super) fn number(&self, alphabet: Alphabet, features: [u8; 4], bits: u64) -> (u16, u32) {
        let own = self.entry(self.numbers[alphabet as usize - 1].code(features), bits);
        (own.symbol(), own.length())
    }

    /// Returns the escaped symbol for the bits that come next, and the length of its code.
    #[inline]
    pub(super) fn common(&self, alphabet: Alphabet, bits: u64) -> (u16, u32) {
        let common = self.entry(self.commons[alphabet as usize], bits);
        (common.symbol(), common.length())
    }

    #[inline]
    fn entry(&self, code: Code, bits: u64) -> Entry {
        self.entries[(code.start + (bits as u32 & code.mask)) as usize]
    }
}

/// The table of the codes of numbers.
#[derive(Debug, Default)]
struct CodeTable {
    entries: Vec<Entry>,
}

impl CodeTable {
    /// Adds a code.
    fn push(&mut self, lengths: &Lengths, zero: Option<usize>) -> Code {
        let bits = lengths.iter().copied().max().unwrap_or(0);
        let start = self.entries.len();
        self.entries.resize(start + (1 << bits), Entry::default());
        fill(lengths, zero, &mut self.entries[start..]);
        Code { start: start as u32, mask: (1 << bits) - 1 }
    }
}

/// Fills the entries of a code, one for each value of the bits that come next.
fn fill(lengths: &Lengths, zero: Option<usize>, entries: &mut [Entry]) {
    // A code without symbols escapes all of them by no bits.
    entries.fill(Entry::new(lengths.len() - 1, 0));
    for (symbol, (code, &length)) in prefix::codes(lengths, zero).into_iter().zip(lengths).enumerate() {
        if length > 0 {
            let same = entries.iter_mut().skip(code.into()).step_by(1 << length);
            same.for_each(|entry| *entry = Entry::new(symbol, length));
        }
    }
}

/// Returns the symbol whose code consists of zeros, since it ends most payloads: no birth, or the shortest of the events in
/// which a run dies.
pub(super) fn zero_symbol(alphabet: Alphabet, lengths: &[u8]) -> Option<usize> {
    match alphabet {
        Alphabet::BirthRows => Some(0).filter(|&symbol| lengths[symbol] > 0),
        Alphabet::Event => {
            let deaths = (0..EVENTS)
                .filter(|&symbol| Event::from_symbol(symbol as u16).is_death() && lengths[symbol] > 0);
            deaths.rev().min_by_key(|&symbol| lengths[symbol])
        }
        _ => None,
    }
}
