//! Which keys a command is about.

use std::path::Path;

use bitnpz::Archive;
use glob::Pattern;

use crate::failure::{Failure, Outcome};

/// Keys, some of them with `*` and `?` for any letters.
pub(super) struct Filter {
    patterns: Vec<(String, Option<Pattern>)>,
}

impl Filter {
    /// The keys that these patterns name in an archive, which must have one for each; all if there are none.
    pub(super) fn new(patterns: &[String], archives: &[(&Path, &Archive)]) -> Result<Self, Failure> {
        // What is no pattern may be a key.
        let patterns = patterns.iter().map(|text| (text.clone(), Pattern::new(text).ok())).collect();
        let filter = Self { patterns };
        for (pattern, _) in &filter.patterns {
            filter.check(pattern, archives)?;
        }
        Ok(filter)
    }

    /// Whether all keys are meant.
    pub(super) fn takes_all(&self) -> bool {
        self.patterns.is_empty()
    }

    /// Whether a key is meant. A key that is written as it is counts, whatever letters it has.
    pub(super) fn takes(&self, key: &str) -> bool {
        let takes = |(text, pattern): &(String, Option<Pattern>)| {
            text == key || pattern.as_ref().is_some_and(|pattern| pattern.matches(key))
        };
        self.takes_all() || self.patterns.iter().any(takes)
    }

    /// That a pattern names a key of one of these archives.
    fn check(&self, text: &str, archives: &[(&Path, &Archive)]) -> Outcome {
        let only = self.patterns.iter().filter(|(other, _)| other == text).cloned().collect();
        let only = Self { patterns: only };
        let has = |archive: &Archive| archive.contains(text) || archive.names().any(|name| only.takes(&name));
        if archives.iter().any(|(_, archive)| has(archive)) {
            return Ok(());
        }
        let path = archives.first().map_or(Path::new(""), |(path, _)| path);
        Err(Failure::at(path, format!("{text:?}: the archive holds no such key; `bitnpz ls` lists them")))
    }
}
