//! Keys that are numbered in their order.

use serde::{Deserialize, Serialize};

/// Keys that are numbered in their order: a prefix, a number with zeros before it up to so many digits, and what follows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pattern {
    pub(in crate::set) prefix: String,
    pub(crate) digits: usize,
    pub(crate) suffix: String,
    pub(crate) first: u64,
}

/// More digits than a number of 64 bits has.
const MOST_DIGITS: usize = 32;

impl Pattern {
    /// The pattern that starts with this key; none if it has no number.
    pub(super) fn starting_with(key: &str) -> Option<Self> {
        let end = key.rfind(|c: char| c.is_ascii_digit())? + 1;
        let start = key[..end]
            .rfind(|c: char| !c.is_ascii_digit())
            .map_or(0, |at| at + key[at..].chars().next().map_or(0, char::len_utf8));
        let number = &key[start..end];
        let first = number.parse().ok()?;
        let digits = if number.len() > 1 && number.starts_with('0') { number.len() } else { 1 };
        let pattern = Self { prefix: key[..start].to_owned(), digits, suffix: key[end..].to_owned(), first };
        (digits <= MOST_DIGITS).then_some(pattern)
    }

    /// Whether so many images have keys by it, each its own.
    pub(in crate::set) fn is_valid(&self, images: usize) -> bool {
        let is_key = |image| self.key(image).is_some_and(|key| bitnpz_npz::identity(&key) == key);
        (1..=MOST_DIGITS).contains(&self.digits) && (images == 0 || is_key(0) && is_key(images - 1))
    }

    /// The key of the image with this number.
    pub(super) fn key(&self, image: usize) -> Option<String> {
        let Self { prefix, digits, suffix, first } = self;
        let number = first.checked_add(image as u64)?;
        Some(format!("{prefix}{number:0digits$}{suffix}"))
    }

    /// The number of the image with this key.
    pub(super) fn find(&self, key: &str) -> Option<usize> {
        let number = key.strip_prefix(self.prefix.as_str())?.strip_suffix(self.suffix.as_str())?;
        let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
        let is_padded = number.len() == self.digits || number.len() > self.digits && !number.starts_with('0');
        let number: u64 = number.parse().ok().filter(|_| is_number && is_padded)?;
        usize::try_from(number.checked_sub(self.first)?).ok()
    }
}
