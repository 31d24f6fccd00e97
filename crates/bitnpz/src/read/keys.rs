//! Going through the keys of an archive.

use super::archive::Archive;
use super::order::{Place, Places};
use crate::names::is_array;

/// The keys of an archive's arrays in the order in which they were saved. It keeps the archive open, and a key at a time in
/// memory.
#[derive(Clone, Debug)]
pub struct Keys(Names);

/// The keys of an archive's arrays and the names of its other members in the order in which they were saved, as
/// `NpzFile.files` has them.
#[derive(Clone, Debug)]
pub struct Names(Places);

impl Keys {
    pub(super) fn new(archive: &Archive) -> Self {
        Self(Names::new(archive))
    }
}

impl Names {
    pub(super) fn new(archive: &Archive) -> Self {
        Self(Places::new(archive))
    }

    /// The next key, or the name of the next member that is no array.
    fn next_name(&mut self) -> Option<Result<String, String>> {
        Some(match self.0.next()? {
            Place::Set(number, range) => Ok(self.0.archive().key_of(number, &range)),
            Place::Member(number) => {
                let member = self.0.archive().zip().member(number)?;
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
