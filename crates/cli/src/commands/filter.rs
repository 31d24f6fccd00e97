//! Selects keys by the names and patterns of the command line.

use std::path::Path;

use bitnpz::Archive;

use crate::failure::Failure;

/// Keys, some of them patterns in which `*` matches any text and `?` any character.
pub(super) struct Filter {
    patterns: Vec<Pattern>,
}

struct Pattern {
    text: String,
    /// Whether the text is a key. It then selects that key only, even if it has `*` or `?`.
    is_key: bool,
}

impl Filter {
    /// Selects the keys that match one of these patterns, or all keys if there is no pattern. Each pattern must match a
    /// key of one of the archives.
    pub(super) fn new(patterns: &[String], archives: &[(&Path, &Archive)]) -> Result<Self, Failure> {
        let is_key = |text: &str| {
            archives.iter().any(|(_, archive)| archive.contains(text) || archive.contains_other(text))
        };
        let filter = Self::of(patterns, |text| Ok(is_key(text)))?;
        let is_found = |pattern: &Pattern| {
            let mut names = archives.iter().flat_map(|(_, archive)| archive.names());
            pattern.is_key || names.any(|name| pattern.selects(&name))
        };
        let Some(missing) = filter.patterns.iter().find(|pattern| !is_found(pattern)) else {
            return Ok(filter);
        };
        let path = archives.first().map_or(Path::new(""), |(path, _)| path);
        let message =
            format!("{:?}: the archive holds no such key; `bitnpz ls` lists its keys", missing.text);
        Err(Failure::at(path, message))
    }

    /// Selects the keys that match one of these patterns, if there are any. `is_key` tells whether a text is a key.
    pub(super) fn of(
        patterns: &[String],
        is_key: impl Fn(&str) -> Result<bool, Failure>,
    ) -> Result<Self, Failure> {
        let pattern = |text: &String| Ok(Pattern { text: text.clone(), is_key: is_key(text)? });
        Ok(Self { patterns: patterns.iter().map(pattern).collect::<Result<_, Failure>>()? })
    }

    /// Returns whether every key is selected.
    pub(super) fn selects_all(&self) -> bool {
        self.patterns.is_empty()
    }

    /// Returns whether a key is selected.
    pub(super) fn selects(&self, key: &str) -> bool {
        self.selects_all() || self.patterns.iter().any(|pattern| pattern.selects(key))
    }
}

impl Pattern {
    /// `k` and `k.npy` are one key.
    fn selects(&self, key: &str) -> bool {
        let identity = |name: &str| name.trim_end_matches(".npy").len();
        let is_same = || self.text[..identity(&self.text)] == key[..identity(key)];
        is_same() || !self.is_key && matches(&self.text, key)
    }
}

/// Returns whether a pattern matches a whole text.
fn matches(pattern: &str, text: &str) -> bool {
    let (mut pattern, mut text) = (pattern.chars(), text.chars());
    // After the last `*`, and at the text that it has not matched yet.
    let mut last = None;
    loop {
        let here = text.clone();
        match (pattern.next(), text.next()) {
            (None, None) => return true,
            (Some('*'), _) => {
                text = here;
                last = Some((pattern.clone(), text.clone()));
            }
            (Some(wanted), Some(found)) if wanted == '?' || wanted == found => {}
            _ => {
                // The last `*` matches one character more.
                let Some((after, rest)) = &mut last else { return false };
                if rest.next().is_none() {
                    return false;
                }
                (pattern, text) = (after.clone(), rest.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_stars_and_question_marks_are_special() {
        for (pattern, text) in [
            ("", ""),
            ("*", ""),
            ("**", "a/b"),
            ("a*b*c", "a--b-bc"),
            ("*ab", "aab"),
            ("?\u{e9}*", "a\u{e9}"),
            ("x[0]*", "x[0]"),
        ] {
            assert!(matches(pattern, text), "{pattern:?} {text:?}");
        }
        for (pattern, text) in
            [("", "a"), ("?", ""), ("a", "ab"), ("a*c", "acb"), ("x[0]", "x0"), ("a*b?", "ab"), ("*a*", "b")]
        {
            assert!(!matches(pattern, text), "{pattern:?} {text:?}");
        }
    }
}
