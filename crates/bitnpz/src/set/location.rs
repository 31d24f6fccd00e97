//! Where some bytes of an image set are.

use base64::engine::general_purpose::STANDARD;
use base64::{DecodeError, Engine};
use serde::{Deserialize, Serialize};

/// A few bytes in a description, in base64 (RFC 4648, section 4).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(super) struct InlineBytes(pub(super) Vec<u8>);

impl TryFrom<String> for InlineBytes {
    type Error = DecodeError;

    fn try_from(text: String) -> Result<Self, DecodeError> {
        STANDARD.decode(text).map(Self)
    }
}

impl From<InlineBytes> for String {
    fn from(InlineBytes(bytes): InlineBytes) -> Self {
        STANDARD.encode(bytes)
    }
}

/// Where some bytes of a set are: a model, or the directory of a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Location {
    /// In the member of this name.
    Member(String),
    /// In the description, as in small sets since version 7: a member takes some 140 bytes by itself.
    Description(Vec<u8>),
}

impl Location {
    /// Returns the name of the member.
    pub(super) fn member(&self) -> Option<&str> {
        match self {
            Self::Member(name) => Some(name),
            Self::Description(_) => None,
        }
    }
}
