//! A model as an archive has it.

use bitnpz_bitmap::codec::{Codec, Model};

/// A model as an archive has it. Its tables, which take a thousand times the memory, are made when images are coded with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ModelBytes {
    pub(super) codec: Codec,
    /// The name of the shipped model that it is, or is a change of.
    pub(super) base: Option<String>,
    /// The changes of the base, or the model; none if it is the base.
    pub(super) bytes: Vec<u8>,
}

impl ModelBytes {
    pub(super) fn of(model: &Model) -> Self {
        let (base, bytes) = (model.base().map(str::to_owned), model.as_bytes().to_vec());
        Self { codec: model.codec(), base, bytes }
    }

    /// Makes the tables of the model.
    ///
    /// # Errors
    ///
    /// If the bytes are not a model of the codec, or no changes of the base.
    pub(super) fn to_model(&self) -> bitnpz_bitmap::Result<Model> {
        match self.base.as_deref().and_then(Model::shipped) {
            Some(shipped) => shipped.with_changes(&self.bytes),
            None => Model::from_bytes(self.codec, &self.bytes),
        }
    }
}
