//! Classes of the values of some features: those that a tree does not tell apart.

use super::alphabet::Alphabet;
use super::history::History;
use super::tree::{Node, Tree};

/// Features of events that are looked up together: those of an edge, or the width and the countdown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Group {
    /// The first feature, and the number of features.
    pub(super) first: usize,
    pub(super) features: usize,
    /// The largest number of classes.
    pub(super) classes: usize,
}

/// The groups of the features of events.
pub(super) const GROUPS: [Group; 3] = [
    Group { first: 0, features: 3, classes: 128 },
    Group { first: 3, features: 3, classes: 128 },
    Group { first: 6, features: 2, classes: 64 },
];

impl Group {
    /// Returns the number of combinations of values.
    pub(super) fn values(self) -> usize {
        if self.features == 3 { History::COUNT } else { 1 << 9 }
    }

    /// Returns the values of the features, by the number of their combination.
    pub(super) fn features_of(self, number: usize) -> [u8; 3] {
        match self.features {
            3 => History::from_index(number).features(),
            _ => [(number >> 4) as u8, (number & 15) as u8, 0],
        }
    }

    /// Returns the group of a feature.
    pub(super) fn of(feature: u8) -> usize {
        usize::from(feature / 3)
    }
}

/// A set of combinations of values, a bit for each.
pub(super) type Region = Vec<u64>;

/// A partition of the combinations of a group's values into classes.
#[derive(Clone, Debug)]
pub(super) struct Classes {
    group: Group,
    /// Which combinations are below a threshold, by feature and threshold.
    below: Vec<Region>,
    classes: Vec<Region>,
}

impl Classes {
    /// All combinations are one class.
    pub(super) fn new(group: Group) -> Self {
        let words = group.values() / 64;
        let mut below = vec![vec![0; words]; group.features * 32];
        for number in 0..group.values() {
            let features = group.features_of(number);
            for (feature, &value) in features[..group.features].iter().enumerate() {
                for threshold in usize::from(value) + 1..32 {
                    below[feature * 32 + threshold][number / 64] |= 1 << (number % 64);
                }
            }
        }
        Self { group, below, classes: vec![vec![u64::MAX; words]] }
    }

    /// Returns the region of all combinations.
    pub(super) fn all(&self) -> Region {
        vec![u64::MAX; self.group.values() / 64]
    }

    /// Divides a region by a test: the part below the threshold and the other one.
    pub(super) fn divide(&self, region: &Region, feature: u8, threshold: u8) -> [Region; 2] {
        let below = &self.below[(usize::from(feature) - self.group.first) * 32 + usize::from(threshold)];
        let part = |is_below| {
            region
                .iter()
                .zip(below)
                .map(move |(all, below)| all & if is_below { *below } else { !below })
                .collect()
        };
        [part(true), part(false)]
    }

    /// Returns whether there would be few enough classes if those that a region cuts were divided.
    pub(super) fn has_room(&self, region: &Region, most: usize) -> bool {
        let cuts = self.classes.iter().filter(|class| cuts(region, class)).count();
        self.classes.len() + cuts <= most
    }

    /// Divides the classes that a region cuts.
    pub(super) fn refine(&mut self, region: &Region) {
        for number in 0..self.classes.len() {
            if cuts(region, &self.classes[number]) {
                let class = &mut self.classes[number];
                let inside: Region = class.iter().zip(region).map(|(class, region)| class & region).collect();
                class.iter_mut().zip(region).for_each(|(class, region)| *class &= !region);
                self.classes.push(inside);
            }
        }
    }

    /// Returns the classes that a tree tells apart; `None` if they are too many.
    pub(super) fn of_tree(tree: &Tree, group: Group) -> Option<Self> {
        let mut classes = Self::new(group);
        let mut open = vec![classes.all()];
        for node in &tree.nodes {
            let region = open.pop()?;
            let Node::Test { feature, threshold, .. } = *node else { continue };
            if GROUPS[Group::of(feature)] != group {
                open.extend([region.clone(), region]);
                continue;
            }
            let [below, above] = classes.divide(&region, feature, threshold);
            classes.refine(&below);
            if classes.classes.len() > group.classes {
                return None;
            }
            open.extend([above, below]);
        }
        Some(classes)
    }

    /// Returns the class of each combination.
    pub(super) fn numbers(&self) -> Vec<u8> {
        let mut numbers = vec![0; self.group.values()];
        for (number, class) in self.classes.iter().enumerate() {
            for (index, class_number) in numbers.iter_mut().enumerate() {
                if class[index / 64] >> (index % 64) & 1 == 1 {
                    *class_number = number as u8;
                }
            }
        }
        numbers
    }

    /// Returns the values of a combination of each class.
    pub(super) fn examples(&self) -> Vec<[u8; 3]> {
        let first = |class: &Region| {
            let word = class.iter().position(|&word| word != 0).expect("no class is empty");
            word * 64 + class[word].trailing_zeros() as usize
        };
        self.classes.iter().map(|class| self.group.features_of(first(class))).collect()
    }
}

/// Returns whether a class has combinations both inside and outside a region.
fn cuts(region: &Region, class: &Region) -> bool {
    let (mut inside, mut outside) = (0, 0);
    for (class, region) in class.iter().zip(region) {
        inside |= class & region;
        outside |= class & !region;
    }
    inside != 0 && outside != 0
}

/// Returns whether a tree tells few enough contexts apart.
pub(super) fn is_small(alphabet: Alphabet, tree: &Tree) -> bool {
    if alphabet == Alphabet::Event {
        GROUPS.iter().all(|&group| Classes::of_tree(tree, group).is_some())
    } else {
        let levels = |feature| tree.thresholds(feature).count_ones() as usize + 1;
        (0..alphabet.features()).map(levels).product::<usize>() <= MAX_COMBINATIONS
    }
}

/// The largest number of combinations of the levels of a number's features.
pub(super) const MAX_COMBINATIONS: usize = 4096;
