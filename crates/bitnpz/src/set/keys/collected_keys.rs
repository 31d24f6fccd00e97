//! The keys of a segment that is being written.

use super::error::KeysError;
use super::pattern::Pattern;
use super::plan;

/// The keys of the images of a segment, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct KeyList {
    pattern: Option<Pattern>,
    count: usize,
    bytes: usize,
    /// All keys, as soon as one does not follow the pattern; empty before.
    keys: Vec<Box<str>>,
}

impl KeyList {
    /// Appends the key of the next image.
    pub(crate) fn push(&mut self, key: &str) {
        if self.count == 0 {
            self.pattern = Pattern::starting_with(key);
        }
        let is_next = |pattern: &Pattern| pattern.find(key) == Some(self.count);
        if !self.pattern.as_ref().is_some_and(is_next) {
            let pattern = self.pattern.take();
            let keys = (0..self.count).filter_map(|image| pattern.as_ref()?.key(image));
            self.keys.extend(keys.map(String::into_boxed_str));
        }
        if self.pattern.is_none() {
            self.keys.push(key.into());
        }
        self.count += 1;
        self.bytes += key.len();
    }

    /// Returns whether other keys follow the pattern of these, or there are none of either.
    pub(in crate::set) fn is_continued_by(&self, others: &Self) -> bool {
        let follows = |image: usize| {
            let place = self.pattern.as_ref()?.find(&others.pattern.as_ref()?.key(image)?)?;
            Some(place == self.count + image)
        };
        match others.count.checked_sub(1) {
            Some(last) => follows(0) == Some(true) && follows(last) == Some(true),
            None => self.is_empty(),
        }
    }

    /// Appends keys that [continue](Self::is_continued_by) these.
    pub(in crate::set) fn append(&mut self, others: &Self) {
        self.count += others.count;
        self.bytes += others.bytes;
    }

    /// Returns the length of all keys in bytes.
    pub(in crate::set) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(in crate::set) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Returns the key of an image.
    pub(in crate::set) fn key(&self, image: usize) -> Option<String> {
        match &self.pattern {
            Some(pattern) => pattern.key(image),
            None => self.keys.get(image).map(ToString::to_string),
        }
    }

    /// Returns the pattern, if all keys follow one.
    pub(in crate::set) fn pattern(&self) -> Option<&Pattern> {
        self.pattern.as_ref()
    }

    /// Returns the key table of keys that follow no pattern.
    pub(in crate::set) fn write(&self) -> std::result::Result<Vec<u8>, KeysError> {
        let keys: Vec<&str> = self.keys.iter().map(AsRef::as_ref).collect();
        plan::write(&keys)
    }
}
