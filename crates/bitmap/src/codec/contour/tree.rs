//! Decision trees: which features decide on the code of a symbol.
//!
//! The leaves of a tree share codes by a context map, as in Brotli (RFC 7932, 7.3) and JPEG XL.

use std::ops::Range;

use super::alphabet::{FEATURE_VALUES, Features};

/// A node of a tree, in pre-order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Node {
    /// Is this feature below the threshold? If so the next node follows, else this one.
    Test { feature: u8, threshold: u8, otherwise: u32 },
    /// The number of the code.
    Leaf { code: u16 },
}

/// A tree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tree {
    pub(super) nodes: Vec<Node>,
}

impl Tree {
    /// Returns the number of the code for these features.
    pub(super) fn code(&self, features: &Features) -> u16 {
        let mut at = 0;
        loop {
            match self.nodes[at] {
                Node::Test { feature, threshold, otherwise } => {
                    at = if features[usize::from(feature)] < threshold { at + 1 } else { otherwise as usize };
                }
                Node::Leaf { code } => return code,
            }
        }
    }

    /// Returns the number of codes.
    pub(super) fn codes(&self) -> usize {
        let codes = self.nodes.iter().map(|node| match *node {
            Node::Leaf { code } => usize::from(code) + 1,
            Node::Test { .. } => 0,
        });
        codes.max().unwrap_or(0)
    }

    /// Returns the thresholds of a feature as bits: bit t if it is tested against t.
    pub(super) fn thresholds(&self, feature: usize) -> u32 {
        let tests = self.nodes.iter().map(|node| match *node {
            Node::Test { feature: tested, threshold, .. } if usize::from(tested) == feature => 1 << threshold,
            _ => 0,
        });
        tests.fold(0, |bits, bit| bits | bit)
    }
}

/// Combinations of the levels of some features, numbered.
///
/// A feature's level is the number of its thresholds that are at most its value.
#[derive(Clone, Debug)]
pub(super) struct Combinations {
    /// What each value of each feature adds to the number.
    steps: Vec<[u16; FEATURE_VALUES]>,
    /// A value of each level of each feature.
    values: Vec<Vec<u8>>,
    count: usize,
}

impl Combinations {
    pub(super) fn new(tree: &Tree, features: Range<usize>) -> Self {
        let mut count = 1;
        let mut all = Self { steps: Vec::new(), values: Vec::new(), count };
        for feature in features {
            let thresholds = tree.thresholds(feature);
            let mut values = vec![0];
            values.extend((1..32).filter(|threshold| thresholds >> threshold & 1 == 1));
            let level = |value: usize| (thresholds & (u32::MAX >> (31 - value)) & !1).count_ones() as usize;
            all.steps.push(std::array::from_fn(|value| (level(value) * count) as u16));
            count *= values.len();
            all.values.push(values);
        }
        all.count = count;
        all
    }

    /// Returns the number of combinations.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Returns what each value of each feature adds to the number of a combination.
    pub(super) fn steps<const F: usize>(&self) -> [[u16; FEATURE_VALUES]; F] {
        std::array::from_fn(|feature| self.steps[feature])
    }

    /// Returns the levels of all features.
    pub(super) fn all(&self) -> Levels {
        self.values.iter().map(|values| 0..values.len()).collect()
    }

    /// Divides levels by a test of the tree: those below the threshold and the others.
    pub(super) fn divide(&self, levels: Levels, feature: usize, threshold: u8) -> [Levels; 2] {
        let first = self.values[feature].partition_point(|&value| value < threshold);
        let mut sides = [levels.clone(), levels];
        let range = &mut sides[0][feature];
        range.end = range.end.min(first);
        let range = &mut sides[1][feature];
        range.start = range.start.max(first);
        sides
    }

    /// Returns the numbers of the combinations of some levels.
    pub(super) fn numbers(&self, levels: &Levels) -> Vec<usize> {
        let mut numbers = vec![0];
        for ((values, steps), levels) in self.values.iter().zip(&self.steps).zip(levels) {
            let step = |level: usize| usize::from(steps[usize::from(values[level])]);
            let next =
                levels.clone().flat_map(|level| numbers.iter().map(move |number| number + step(level)));
            numbers = next.collect();
        }
        numbers
    }
}

/// A range of the levels of each feature.
pub(super) type Levels = Vec<Range<usize>>;
