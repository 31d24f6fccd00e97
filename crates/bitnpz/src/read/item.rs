//! All that an archive holds: arrays, and members that are none.

use std::fmt;
use std::sync::Arc;

use bitnpz_npz::Member;

use super::contents::Contents;
use super::entry::Entry;
use crate::error::{Error, ErrorKind, Result};
use crate::names::is_array;

/// One thing that an archive holds.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Item<'a> {
    /// An array or images under a key.
    Array(Entry<'a>),
    /// A member that is no array, or none that can be read.
    Other(OtherMember<'a>),
}

/// A member that is no array, or none that can be read. Where an archive is copied its bytes go along as they are.
#[derive(Clone, Debug)]
pub struct OtherMember<'a> {
    member: Member<'a>,
    content: OtherContent,
}

/// What a member is that is no array that can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OtherContent {
    /// A file: its name does not end in `.npy`, or it does not start as a `.npy` file does.
    File,
    /// An array of Python objects.
    Objects,
    /// An array of a dtype that NumPy does not have by itself, as it stands in the file.
    Dtype(String),
}

impl fmt::Display for OtherContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File => f.write_str("file"),
            Self::Objects => f.write_str("Python objects"),
            Self::Dtype(found) => write!(f, "dtype {found}"),
        }
    }
}

impl OtherMember<'_> {
    /// The name under which `np.load` has it: without `.npy`.
    #[must_use]
    pub fn name(&self) -> &str {
        self.member.key()
    }

    /// What it is.
    #[must_use]
    pub fn content(&self) -> &OtherContent {
        &self.content
    }

    /// The bytes it takes in the file, compressed, its headers in the archive apart.
    #[must_use]
    pub fn stored_bytes(&self) -> u64 {
        self.member.compressed_size()
    }

    /// The name of the member, with the `.npy` that it may have.
    #[must_use]
    pub fn member_name(&self) -> &str {
        self.member.name()
    }

    /// Its bytes.
    ///
    /// # Errors
    ///
    /// If they are damaged, or more than the limit.
    pub fn read(&self) -> Result<Vec<u8>> {
        Ok(self.member.read()?)
    }

    pub(crate) fn member(&self) -> &Member<'_> {
        &self.member
    }
}

impl<'a> Item<'a> {
    /// What a member is.
    pub(super) fn of_member(contents: &'a Arc<Contents>, member: Member<'a>) -> Result<Self> {
        if !is_array(member.name()) {
            return Ok(Self::Other(OtherMember { member, content: OtherContent::File }));
        }
        match Entry::of_member(contents, member.clone()) {
            Ok(entry) => Ok(Self::Array(entry)),
            Err(error) => match OtherContent::of(&error) {
                Some(content) => Ok(Self::Other(OtherMember { member, content })),
                None => Err(error),
            },
        }
    }
}

impl OtherContent {
    /// What a member is whose array could not be read for this reason, if it is not damaged.
    fn of(error: &Error) -> Option<Self> {
        let ErrorKind::Npy(error) = error.kind() else { return None };
        match error.kind() {
            bitnpz_npy::ErrorKind::NotNpy => Some(Self::File),
            bitnpz_npy::ErrorKind::Objects => Some(Self::Objects),
            bitnpz_npy::ErrorKind::Dtype { found } => Some(Self::Dtype(found.clone())),
            _ => None,
        }
    }
}
