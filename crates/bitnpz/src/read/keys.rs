//! Going through the keys of an archive.

use super::archive::{Archive, is_array};

/// The keys of an archive's arrays, in the order in which they lie in it: those of members, then those of image sets. It
/// keeps the archive open, and a key at a time in memory.
#[derive(Clone, Debug)]
pub struct Keys {
    archive: Archive,
    member: usize,
    set: usize,
    image: usize,
}

impl Keys {
    pub(super) fn new(archive: &Archive) -> Self {
        Self { archive: archive.clone(), member: 0, set: 0, image: 0 }
    }
}

impl Iterator for Keys {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        while let Some(member) = self.archive.zip().member(self.member) {
            self.member += 1;
            if is_array(member.name()) {
                return Some(member.key().to_owned());
            }
        }
        loop {
            let set = self.archive.sets().get(self.set)?;
            if set.stack().is_none() && self.image < set.len() {
                self.image += 1;
                return Some(set.key(self.archive.zip(), self.image - 1));
            }
            self.set += 1;
            self.image = 0;
            if let Some((key, _)) = set.stack() {
                return Some(key.to_owned());
            }
        }
    }
}
