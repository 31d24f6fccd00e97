//! Iterators over the keys and names of an archive.

use std::sync::Arc;

use super::contents::Contents;
use super::places::{ItemPlace, ItemPlaces};
use crate::names::is_array;

/// An iterator over the keys of an archive's arrays, in the order in which they were saved. It keeps the archive open and decodes
/// one key at a time.
#[derive(Clone, Debug)]
pub struct Keys(Names);

/// An iterator over the keys of an archive's arrays and the names of its other members, in the order in which they were saved, like
/// NumPy's `NpzFile.files`.
#[derive(Clone, Debug)]
pub struct Names(ItemPlaces);

impl Keys {
    pub(super) fn new(contents: &Arc<Contents>) -> Self {
        Self(Names::new(contents))
    }
}

impl Names {
    pub(super) fn new(contents: &Arc<Contents>) -> Self {
        Self(ItemPlaces::new(contents))
    }

    /// Returns the next key as `Ok`, or the name of the next member that is not an array as `Err`.
    fn next_name(&mut self) -> Option<Result<String, String>> {
        Some(match self.0.next()? {
            ItemPlace::Set(array) => Ok(self.0.contents().key_of(&array)),
            ItemPlace::Member(number) => {
                let member = self.0.contents().zip.member(number)?;
                if is_array(member.name()) {
                    Ok(member.key().to_owned())
                } else {
                    Err(member.name().to_owned())
                }
            }
        })
    }
}

impl Iterator for Names {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        self.next_name().map(|name| name.unwrap_or_else(|other| other))
    }
}

impl Iterator for Keys {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        loop {
            if let Ok(key) = self.0.next_name()? {
                return Some(key);
            }
        }
    }
}
