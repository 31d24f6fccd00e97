//! A model as an archive has it.

use std::sync::{Arc, Mutex, Weak};

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

    /// Returns the model with its tables, which all archives share that this process has open: the shards of a set have one model.
    ///
    /// # Errors
    ///
    /// As [`to_model`](Self::to_model).
    pub(super) fn to_shared(&self) -> bitnpz_bitmap::Result<Arc<Model>> {
        // A fork may have copied it locked. Then tables are made twice.
        if let Ok(mut in_use) = IN_USE.try_lock() {
            in_use.retain(|(_, model)| model.strong_count() > 0);
            let same = in_use.iter().find(|(bytes, _)| bytes == self);
            if let Some(model) = same.and_then(|(_, model)| model.upgrade()) {
                return Ok(model);
            }
        }
        let model = Arc::new(self.to_model()?);
        if let Ok(mut in_use) = IN_USE.try_lock() {
            in_use.push((self.clone(), Arc::downgrade(&model)));
        }
        Ok(model)
    }
}

/// The models whose tables this process has.
static IN_USE: Mutex<Vec<(ModelBytes, Weak<Model>)>> = Mutex::new(Vec::new());

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_models_share_their_tables_while_they_are_used() {
        let own = ModelBytes { codec: Codec::Contour, base: Some("contour-2".to_owned()), bytes: Vec::new() };
        let first = own.to_shared().unwrap();
        assert!(Arc::ptr_eq(&first, &own.to_shared().unwrap()));
        let other = ModelBytes { codec: Codec::Raw, base: None, bytes: Vec::new() };
        assert_eq!(other.to_shared().unwrap().codec(), Codec::Raw);
        let weak = Arc::downgrade(&first);
        drop(first);
        assert!(weak.upgrade().is_none());
    }
}
