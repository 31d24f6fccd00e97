//! The items of an archive: arrays, and members that are not arrays.

use std::fmt;
use std::sync::Arc;

use bitnpz_npz::Member;

use super::contents::Contents;
use super::entry::Entry;
use crate::error::{Error, ErrorKind, Result};
use crate::names::is_array;

/// An item of an archive.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Item<'a> {
    /// An array or images under a key.
    Array(Entry<'a>),
    /// A member that is not an array, or an array of a dtype that this library cannot read.
    Other(OtherMember<'a>),
}

/// A member that is not an array, or an array of a dtype that this library cannot read. Its bytes are copied unchanged when an
/// archive is copied.
#[derive(Clone, Debug)]
pub struct OtherMember<'a> {
    member: Member<'a>,
    content: OtherContent,
}

/// The content of an [`OtherMember`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OtherContent {
    /// A file: its name does not end in `.npy`, or it does not start with the magic bytes of a `.npy` file.
    File,
    /// An array of Python objects.
    Objects,
    /// An array of a dtype that is not one of NumPy's own; the string is the dtype in the file.
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
    /// Returns the name by which `np.load` finds it: without `.npy`.
    #[must_use]
    pub fn name(&self) -> &str {
        self.member.key()
    }

    /// Returns the kind of its content.
    #[must_use]
    pub fn content(&self) -> &OtherContent {
        &self.content
    }

    /// Returns its compressed size in bytes, without ZIP headers.
    #[must_use]
    pub fn stored_bytes(&self) -> u64 {
        self.member.compressed_size()
    }

    /// Returns the name of the member, including `.npy` if it has that.
    #[must_use]
    pub fn member_name(&self) -> &str {
        self.member.name()
    }

    /// Reads the member's bytes.
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
    /// Returns the item that a member is.
    ///
    /// # Errors
    ///
    /// If the member is a damaged array.
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
    /// Returns the content of a member that failed to open as an array with this error; `None` if the member is damaged.
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
