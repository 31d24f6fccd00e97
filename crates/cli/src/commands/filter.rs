//! Selects keys by the names and patterns of the command line.

use std::path::Path;

use bitnpz::Archive;
use glob::Pattern;

use crate::failure::{Failure, Outcome};

/// Keys, some of them patterns in which `*` matches any text and `?` any character.
pub(super) struct Filter {
    patterns: Vec<(String, Option<Pattern>)>,
}

impl Filter {
    /// Selects the keys that match one of these patterns, or all keys if there is no pattern. Each pattern must match a
    /// key of one of the archives.
    pub(super) fn new(patterns: &[String], archives: &[(&Path, &Archive)]) -> Result<Self, Failure> {
        let filter = Self::of(patterns);
        for (pattern, _) in &filter.patterns {
            filter.check(pattern, archives)?;
        }
        Ok(filter)
    }

    /// Selects the keys that match one of these patterns, if there are any.
    pub(super) fn of(patterns: &[String]) -> Self {
        // Text that is not a valid pattern may be a key.
        Self { patterns: patterns.iter().map(|text| (text.clone(), Pattern::new(text).ok())).collect() }
    }

    /// Returns whether every key is selected.
    pub(super) fn selects_all(&self) -> bool {
        self.patterns.is_empty()
    }

    /// Returns whether a key is selected. A key given literally always is, even if its characters mean something else
    /// in a pattern.
    pub(super) fn selects(&self, key: &str) -> bool {
        let matches = |(text, pattern): &(String, Option<Pattern>)| {
            text == key || pattern.as_ref().is_some_and(|pattern| pattern.matches(key))
        };
        self.selects_all() || self.patterns.iter().any(matches)
    }

    /// Checks that a pattern matches a key of one of these archives.
    fn check(&self, text: &str, archives: &[(&Path, &Archive)]) -> Outcome {
        let only = self.patterns.iter().filter(|(other, _)| other == text).cloned().collect();
        let only = Self { patterns: only };
        let has =
            |archive: &Archive| archive.contains(text) || archive.names().any(|name| only.selects(&name));
        if archives.iter().any(|(_, archive)| has(archive)) {
            return Ok(());
        }
        let path = archives.first().map_or(Path::new(""), |(path, _)| path);
        Err(Failure::at(path, format!("{text:?}: the archive holds no such key; `bitnpz ls` lists its keys")))
    }
}
