//! Keys that are numbered consecutively.

use serde::{Deserialize, Serialize};

/// The rule of consecutively numbered keys: a prefix, a number padded with zeros to `digits` digits, and a suffix.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pattern {
    pub(in crate::set) prefix: String,
    pub(crate) digits: usize,
    pub(crate) suffix: String,
    pub(crate) first: u64,
}

/// The maximum number of digits: above the 20 of a 64-bit number, so that padded numbers fit, and small enough that a damaged
/// pattern cannot ask for long keys.
const MAX_DIGITS: usize = 32;

impl Pattern {
    /// Returns the pattern whose first key is this one, or `None` if the key has no number.
    pub(super) fn starting_with(key: &str) -> Option<Self> {
        let end = key.rfind(|c: char| c.is_ascii_digit())? + 1;
        let start = key[..end]
            .rfind(|c: char| !c.is_ascii_digit())
            .map_or(0, |at| at + key[at..].chars().next().map_or(0, char::len_utf8));
        let number = &key[start..end];
        let first = number.parse().ok()?;
        let digits = if number.len() > 1 && number.starts_with('0') { number.len() } else { 1 };
        let pattern = Self { prefix: key[..start].to_owned(), digits, suffix: key[end..].to_owned(), first };
        (digits <= MAX_DIGITS).then_some(pattern)
    }

    /// Returns `true` if this many images have valid, distinct keys by this pattern.
    pub(in crate::set) fn is_valid(&self, images: usize) -> bool {
        let is_key = |image| self.key(image).is_some_and(|key| bitnpz_npz::identity(&key) == key);
        (1..=MAX_DIGITS).contains(&self.digits) && (images == 0 || is_key(0) && is_key(images - 1))
    }

    /// Returns the key of the image at an index.
    pub(super) fn key(&self, image: usize) -> Option<String> {
        let Self { prefix, digits, suffix, first } = self;
        let number = first.checked_add(image as u64)?;
        Some(format!("{prefix}{number:0digits$}{suffix}"))
    }

    /// Returns the index of the image with this key.
    pub(super) fn find(&self, key: &str) -> Option<usize> {
        let number = key.strip_prefix(self.prefix.as_str())?.strip_suffix(self.suffix.as_str())?;
        let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
        let is_padded = number.len() == self.digits || number.len() > self.digits && !number.starts_with('0');
        let number: u64 = number.parse().ok().filter(|_| is_number && is_padded)?;
        usize::try_from(number.checked_sub(self.first)?).ok()
    }
}
