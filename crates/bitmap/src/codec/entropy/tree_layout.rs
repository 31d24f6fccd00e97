//! Flattening a decision tree, so that look-ups in tables replace its tests.

/// A node of a decision tree; a tree lists its root, its smaller side and its larger side, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TreeNode {
    /// Tests whether a feature is above a threshold; if so, the larger side applies.
    Test { feature: u8, threshold: u8 },
    /// A leaf; the distributions are in the order of the leaves.
    Leaf,
}

/// What each value of a feature adds to the number of a combination.
///
/// Values that no test tells apart are one level; the levels of all features are the digits of the combination's number.
pub(super) type FeatureSteps = [u16; 16];

/// The smallest and the largest value that each feature can have.
type Bounds = [(u8, u8)];

/// Returns the steps of features with these thresholds (one bit each), and the number of their combinations.
pub(super) fn feature_steps(thresholds: &[u16]) -> (Vec<FeatureSteps>, usize) {
    let mut combinations = 1;
    let steps = thresholds.iter().map(|thresholds| {
        let step = |value: u32| (thresholds & ((1 << value) - 1)).count_ones() as usize * combinations;
        let steps = std::array::from_fn(|value| step(value as u32) as u16);
        combinations *= thresholds.count_ones() as usize + 1;
        steps
    });
    (steps.collect(), combinations)
}

/// The classes of feature combinations that a tree does not tell apart.
///
/// The features are split into two halves, each with classes of its own; a pair of classes selects a leaf.
pub(super) struct TreeLayout<'a> {
    halves: [Half<'a>; 2],
    /// The bounds of the features at each leaf.
    leaves: Vec<Vec<(u8, u8)>>,
}

struct Half<'a> {
    steps: &'a [FeatureSteps],
    /// The class of each combination.
    classes: Vec<u32>,
    count: u32,
    /// For each class, the last test that split it, and the class that was split off.
    splits: Vec<(u32, u32)>,
}

impl<'a> TreeLayout<'a> {
    /// Lays out a tree; `steps` are those of each half's features, `combinations` the number of each half's combinations.
    pub(super) fn new(tree: &[TreeNode], steps: [&'a [FeatureSteps]; 2], combinations: [usize; 2]) -> Self {
        let half = |half: usize| Half {
            steps: steps[half],
            classes: vec![0; combinations[half]],
            count: 1,
            splits: Vec::new(),
        };
        let mut layout = Self { halves: [half(0), half(1)], leaves: Vec::new() };
        let mut bounds = vec![(0, 15); steps[0].len() + steps[1].len()];
        layout.visit(&mut tree.iter().zip(1..), &mut bounds);
        layout.halves.iter_mut().for_each(Half::renumber);
        layout
    }

    /// Returns the class of each combination, for both halves.
    pub(super) fn classes(&self) -> [&[u32]; 2] {
        self.halves.each_ref().map(|half| half.classes.as_slice())
    }

    /// Returns the number of classes of each half.
    pub(super) fn counts(&self) -> [usize; 2] {
        self.halves.each_ref().map(|half| half.count as usize)
    }

    /// Returns the number of the leaf for each pair of classes, the class of the second half changing fastest; `None` if
    /// the type `L` cannot number all leaves.
    pub(super) fn leaves<L: Copy + TryFrom<usize>>(&self) -> Option<Vec<L>> {
        let [first_count, second_count] = self.counts();
        let mut leaves = vec![L::try_from(0).ok()?; first_count * second_count];
        for (leaf, bounds) in self.leaves.iter().enumerate() {
            let leaf = L::try_from(leaf).ok()?;
            let (first, second) = bounds.split_at(self.halves[0].steps.len());
            let seconds = self.halves[1].classes_within(second);
            for first in self.halves[0].classes_within(first) {
                for second in &seconds {
                    leaves[(first * self.halves[1].count + second) as usize] = leaf;
                }
            }
        }
        Some(leaves)
    }

    /// Splits classes by the next test of the tree and those below it.
    fn visit<'n>(&mut self, tree: &mut impl Iterator<Item = (&'n TreeNode, u32)>, bounds: &mut [(u8, u8)]) {
        let Some((&TreeNode::Test { feature, threshold }, test)) = tree.next() else {
            self.leaves.push(bounds.to_vec());
            return;
        };
        let (feature, split) = (usize::from(feature), self.halves[0].steps.len());
        let (low, high) = bounds[feature];
        let (smaller, larger) = ((low, high.min(threshold)), (low.max(threshold + 1), high));
        bounds[feature] = larger;
        let (first, second) = bounds.split_at(split);
        if feature < split {
            self.halves[0].split(test, first);
        } else {
            self.halves[1].split(test, second);
        }
        bounds[feature] = smaller;
        self.visit(tree, bounds);
        bounds[feature] = larger;
        self.visit(tree, bounds);
        bounds[feature] = (low, high);
    }
}

impl Half<'_> {
    /// Moves the combinations within these bounds into classes of their own.
    fn split(&mut self, test: u32, bounds: &Bounds) {
        let Self { steps, classes, count, splits } = self;
        splits.resize(*count as usize, (0, 0));
        each_combination(steps, bounds, 0, &mut |combination| {
            let class = &mut classes[combination];
            let (last_test, new) = &mut splits[*class as usize];
            if *last_test != test {
                (*last_test, *new) = (test, *count);
                *count += 1;
            }
            *class = *new;
        });
        if self.count as usize > 2 * self.classes.len() {
            self.renumber();
        }
    }

    /// Numbers the classes from 0, in the order of their first combinations.
    fn renumber(&mut self) {
        let mut numbers = vec![u32::MAX; self.count as usize];
        self.count = 0;
        for class in &mut self.classes {
            let number = &mut numbers[*class as usize];
            if *number == u32::MAX {
                *number = self.count;
                self.count += 1;
            }
            *class = *number;
        }
        self.splits.clear();
    }

    /// Returns the classes of the combinations within these bounds.
    fn classes_within(&self, bounds: &Bounds) -> Vec<u32> {
        let mut is_within = vec![false; self.count as usize];
        each_combination(self.steps, bounds, 0, &mut |combination| {
            is_within[self.classes[combination] as usize] = true;
        });
        (0..self.count).filter(|&class| is_within[class as usize]).collect()
    }
}

/// Visits the combinations within these bounds.
fn each_combination(
    steps: &[FeatureSteps],
    bounds: &Bounds,
    combination: usize,
    visit: &mut impl FnMut(usize),
) {
    let (Some((steps, others)), Some((&(low, high), bounds))) = (steps.split_last(), bounds.split_last())
    else {
        visit(combination);
        return;
    };
    let mut last = None;
    for value in low..=high {
        let step = steps[usize::from(value)];
        if last.replace(step) != Some(step) {
            each_combination(others, bounds, combination + usize::from(step), visit);
        }
    }
}
