//! The keys of a segment that is being written.

use super::error::KeysError;
use super::pattern::Pattern;
use super::plan;

/// The keys of a segment's images.
#[derive(Clone, Debug, Default)]
pub(crate) struct KeyList {
    pattern: Option<Pattern>,
    count: usize,
    bytes: usize,
    /// All of them, once one is not as the pattern has it.
    keys: Vec<Box<str>>,
}

impl KeyList {
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

    /// The bytes of all keys.
    pub(in crate::set) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(in crate::set) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The key of an image.
    pub(in crate::set) fn key(&self, image: usize) -> Option<String> {
        match &self.pattern {
            Some(pattern) => pattern.key(image),
            None => self.keys.get(image).map(ToString::to_string),
        }
    }

    /// The pattern, if all keys have one.
    pub(in crate::set) fn pattern(&self) -> Option<&Pattern> {
        self.pattern.as_ref()
    }

    /// The bytes of keys without a pattern.
    pub(in crate::set) fn write(&self) -> std::result::Result<Vec<u8>, KeysError> {
        let keys: Vec<&str> = self.keys.iter().map(AsRef::as_ref).collect();
        plan::write(&keys)
    }
}
