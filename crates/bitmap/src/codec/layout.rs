//! Laying out a tree of questions, so that all can be asked at once.

/// A tree of questions, in the order root, smaller side, larger side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Node {
    /// Whether a feature is over a threshold: then the larger side holds.
    Question { feature: u8, threshold: u8 },
    /// The next distribution.
    Leaf,
}

/// What each value of a feature adds to the number of a combination: values between which no question tells are one
/// level, and levels are counted as digits are.
pub(super) type Steps = [u16; 16];

/// The smallest and the largest value that each feature can have.
type Bounds = [(u8, u8)];

/// The steps of features, and the number of their combinations, from the thresholds that are asked about.
pub(super) fn steps(thresholds: &[u16]) -> (Vec<Steps>, usize) {
    let mut combinations = 1;
    let steps = thresholds.iter().map(|thresholds| {
        let step = |value: u32| (thresholds & ((1 << value) - 1)).count_ones() as usize * combinations;
        let steps = std::array::from_fn(|value| step(value as u32) as u16);
        combinations *= thresholds.count_ones() as usize + 1;
        steps
    });
    (steps.collect(), combinations)
}

/// Which features' combinations a tree makes no difference between: they are of one class.
///
/// The features are two halves, each with classes of its own.
pub(super) struct Layout<'a> {
    halves: [Half<'a>; 2],
    /// What leads to each leaf.
    leaves: Vec<Vec<(u8, u8)>>,
}

struct Half<'a> {
    steps: &'a [Steps],
    /// The class of each combination.
    classes: Vec<u32>,
    count: u32,
    /// For each class, in which question some of it became a class of its own, and which.
    parted: Vec<(u32, u32)>,
}

impl<'a> Layout<'a> {
    /// Lays out a tree about features of these steps, of which each half has so many combinations.
    pub(super) fn new(tree: &[Node], steps: [&'a [Steps]; 2], combinations: [usize; 2]) -> Self {
        let half = |half: usize| Half {
            steps: steps[half],
            classes: vec![0; combinations[half]],
            count: 1,
            parted: Vec::new(),
        };
        let mut layout = Self { halves: [half(0), half(1)], leaves: Vec::new() };
        let mut bounds = vec![(0, 15); steps[0].len() + steps[1].len()];
        layout.visit(&mut tree.iter().zip(1..), &mut bounds);
        layout.halves.iter_mut().for_each(Half::renumber);
        layout
    }

    /// The classes of both halves' combinations.
    pub(super) fn classes(&self) -> [&[u32]; 2] {
        self.halves.each_ref().map(|half| half.classes.as_slice())
    }

    /// How many classes each half has.
    pub(super) fn counts(&self) -> [usize; 2] {
        self.halves.each_ref().map(|half| half.count as usize)
    }

    /// The number of the leaf for each pair of classes, those of one class of the first half after the other; `None` if
    /// there are too many leaves for their type.
    pub(super) fn leaves<L: Copy + TryFrom<usize>>(&self) -> Option<Vec<L>> {
        let [first_count, second_count] = self.counts();
        let mut leaves = vec![L::try_from(0).ok()?; first_count * second_count];
        for (leaf, bounds) in self.leaves.iter().enumerate() {
            let leaf = L::try_from(leaf).ok()?;
            let (first, second) = bounds.split_at(self.halves[0].steps.len());
            let seconds = self.halves[1].within(second);
            for first in self.halves[0].within(first) {
                for second in &seconds {
                    leaves[(first * self.halves[1].count + second) as usize] = leaf;
                }
            }
        }
        Some(leaves)
    }

    /// Parts classes by the next question and those below it.
    fn visit<'n>(&mut self, tree: &mut impl Iterator<Item = (&'n Node, u32)>, bounds: &mut [(u8, u8)]) {
        let Some((&Node::Question { feature, threshold }, question)) = tree.next() else {
            self.leaves.push(bounds.to_vec());
            return;
        };
        let (feature, split) = (usize::from(feature), self.halves[0].steps.len());
        let (low, high) = bounds[feature];
        let (smaller, larger) = ((low, high.min(threshold)), (low.max(threshold + 1), high));
        bounds[feature] = larger;
        let (first, second) = bounds.split_at(split);
        if feature < split {
            self.halves[0].part(question, first);
        } else {
            self.halves[1].part(question, second);
        }
        bounds[feature] = smaller;
        self.visit(tree, bounds);
        bounds[feature] = larger;
        self.visit(tree, bounds);
        bounds[feature] = (low, high);
    }
}

impl Half<'_> {
    /// Makes what lies within these bounds classes of their own.
    fn part(&mut self, question: u32, bounds: &Bounds) {
        let Self { steps, classes, count, parted } = self;
        parted.resize(*count as usize, (0, 0));
        each(steps, bounds, 0, &mut |combination| {
            let class = &mut classes[combination];
            let (last, new) = &mut parted[*class as usize];
            if *last != question {
                (*last, *new) = (question, *count);
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
        self.parted.clear();
    }

    /// The classes of the combinations within these bounds.
    fn within(&self, bounds: &Bounds) -> Vec<u32> {
        let mut is_within = vec![false; self.count as usize];
        each(self.steps, bounds, 0, &mut |combination| is_within[self.classes[combination] as usize] = true);
        (0..self.count).filter(|&class| is_within[class as usize]).collect()
    }
}

/// Visits the combinations within these bounds.
fn each(steps: &[Steps], bounds: &Bounds, combination: usize, visit: &mut impl FnMut(usize)) {
    let (Some((steps, others)), Some((&(low, high), bounds))) = (steps.split_last(), bounds.split_last())
    else {
        visit(combination);
        return;
    };
    let mut last = None;
    for value in low..=high {
        let step = steps[usize::from(value)];
        if last.replace(step) != Some(step) {
            each(others, bounds, combination + usize::from(step), visit);
        }
    }
}
