//! What a description says of a model.

use bitnpz_bitmap::codec::{Codec, Model};
use serde::{Deserialize, Serialize};

use super::location::{InlineBytes, Location};
use crate::names;

/// The description of a model: it is the base, if it has no bytes of its own, or the base with changes, or all of it is its bytes.
#[derive(Clone, Debug)]
pub(super) struct ModelDescription {
    pub(super) codec: Codec,
    /// The name of a shipped model.
    pub(super) base: Option<String>,
    /// Where the changes of the base, or all of the model, are.
    pub(super) location: Option<Location>,
}

impl ModelDescription {
    /// Describes a model of this codec.
    ///
    /// # Errors
    ///
    /// If there is no such codec, or no such base.
    pub(super) fn new(codec: &str, base: Option<String>, location: Option<Location>) -> Result<Self, String> {
        let codec = codec.parse::<Codec>().map_err(|error| error.to_string())?;
        if let Some(name) = &base {
            let shipped = Model::shipped(name).filter(|model| model.codec() == codec);
            shipped.ok_or_else(|| {
                format!("expected a model of this library, found {name:?}; a newer one may have it")
            })?;
        }
        Ok(Self { codec, base, location })
    }
}

#[derive(Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ModelJson {
    codec: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    base: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    member: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bytes: Option<InlineBytes>,
}

impl ModelJson {
    pub(super) fn of(ModelDescription { codec, base, location }: &ModelDescription) -> Self {
        let (member, bytes) = match location.clone() {
            None => (None, None),
            Some(Location::Member(name)) => (Some(names::model_of(&name).to_owned()), None),
            Some(Location::Description(bytes)) => (None, Some(InlineBytes(bytes))),
        };
        Self { codec: codec.to_string(), base: base.clone(), member, bytes }
    }

    /// Returns whether the bytes of the model are in the description.
    pub(super) fn has_bytes(&self) -> bool {
        self.bytes.is_some()
    }

    /// Reads the description.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub(super) fn into_description(self) -> Result<ModelDescription, String> {
        let location = match (self.member, self.bytes) {
            (Some(_), Some(_)) => {
                return Err("expected a model in a member or here, found both".to_owned());
            }
            (Some(name), None) => Some(Location::Member(names::of_model(&name))),
            (None, Some(InlineBytes(bytes))) => Some(Location::Description(bytes)),
            (None, None) => None,
        };
        ModelDescription::new(&self.codec, self.base, location)
    }
}
