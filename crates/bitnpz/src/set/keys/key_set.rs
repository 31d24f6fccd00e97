//! The keys of an archive that is being written.

use std::collections::HashSet;

use super::pattern::Pattern;

/// The keys that an archive has so far. Keys that are numbered one after the other take no memory.
#[derive(Debug, Default)]
pub(crate) struct KeySet {
    runs: Vec<(Pattern, usize)>,
    others: HashSet<Box<str>>,
}

/// More runs of numbered keys are not looked for.
const RUNS: usize = 8;

impl KeySet {
    /// Whether it has this key.
    pub(crate) fn contains(&self, key: &str) -> bool {
        let contains =
            |(pattern, count): &(Pattern, usize)| pattern.find(key).is_some_and(|number| number < *count);
        self.runs.iter().any(contains) || self.others.contains(key)
    }

    /// Adds a key; `false` if it is there already.
    pub(crate) fn insert(&mut self, key: &str) -> bool {
        if self.contains(key) {
            return false;
        }
        let next = self.runs.iter_mut().find(|(pattern, count)| pattern.find(key) == Some(*count));
        if let Some((_, count)) = next {
            *count += 1;
            return true;
        }
        match Pattern::starting_with(key) {
            Some(pattern) if self.runs.len() < RUNS => self.runs.push((pattern, 1)),
            _ => return self.others.insert(key.into()),
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn is_a_key_taken_once(keys in prop::collection::vec("[ab]{0,1}[0-9]{1,2}", 0..200)) {
            let (mut set, mut expected) = (KeySet::default(), HashSet::new());
            for key in keys {
                prop_assert_eq!(set.insert(&key), expected.insert(key));
            }
        }
    }
}
