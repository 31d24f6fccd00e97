//! The set of keys of an archive that is being written.

use std::collections::HashSet;

use super::pattern::Pattern;

/// The keys that an archive has so far. Consecutively numbered keys take no memory.
#[derive(Debug, Default)]
pub(crate) struct KeySet {
    runs: Vec<(Pattern, usize)>,
    others: HashSet<Box<str>>,
}

/// The maximum number of runs of numbered keys, because each key is compared with every run.
const MAX_RUNS: usize = 8;

impl KeySet {
    /// Returns `true` if the set has this key.
    pub(crate) fn contains(&self, key: &str) -> bool {
        let contains =
            |(pattern, count): &(Pattern, usize)| pattern.find(key).is_some_and(|number| number < *count);
        self.runs.iter().any(contains) || self.others.contains(key)
    }

    /// Adds a key. Returns `false` if the set has it already.
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
            Some(pattern) if self.runs.len() < MAX_RUNS => self.runs.push((pattern, 1)),
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
        fn agrees_with_a_hash_set(keys in prop::collection::vec("[ab]{0,1}[0-9]{1,2}", 0..200)) {
            let (mut set, mut expected) = (KeySet::default(), HashSet::new());
            for key in keys {
                prop_assert_eq!(set.insert(&key), expected.insert(key));
            }
        }
    }
}
