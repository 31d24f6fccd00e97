//! The report of a verification.

use std::fmt;

use bitnpz_npz::Archive;

use crate::names;
use crate::set::{Flaw, StoredSet};

/// The result of [`Archive::verify`](crate::Archive::verify).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// The number of members read.
    pub members: usize,
    /// The length of all members in bytes, decompressed.
    pub bytes: u64,
    /// The number of bytes in the file that belong to no member and no record. They do no harm.
    pub gaps: u64,
    /// All damage found. What is not listed can be read.
    pub problems: Vec<Problem>,
}

/// A damaged member, or a damaged image of an image set.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// The name of the member, or of the image set.
    pub member: String,
    /// The key of the image.
    pub key: Option<String>,
    /// The number of the image in the image set.
    pub image: Option<usize>,
    /// `true` if this image is certainly damaged. A checksum covers a block of 128 images, so it may only be known that some
    /// images of the block are damaged; then all of them are listed as uncertain.
    pub is_certain: bool,
    /// A message that says what was expected and what was found.
    pub message: String,
}

/// Formats the problem in one line.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = names::for_people(&self.member).unwrap_or_else(|| self.member.clone());
        match (&self.key, self.image) {
            (Some(key), Some(image)) => write!(f, "{key:?}, image {image} of the set: ")?,
            _ if self.message.contains(&self.member) => {}
            _ => write!(f, "{shown}: ")?,
        }
        f.write_str(&self.message.replace(&self.member, &shown))
    }
}

impl Problem {
    /// Returns a problem of a member or an image set.
    pub(crate) fn of_member(member: &str, message: String) -> Self {
        Self { member: member.to_owned(), key: None, image: None, is_certain: true, message }
    }

    /// Returns a problem of an image of a set.
    pub(crate) fn of_image(zip: &Archive, set: &StoredSet, flaw: &Flaw) -> Self {
        let Flaw { image, is_certain, message } = flaw.clone();
        let key = Some(set.key(zip, image));
        Self { member: set.name().to_owned(), key, image: Some(image), is_certain, message }
    }
}
