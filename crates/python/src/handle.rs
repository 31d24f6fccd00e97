//! `Handle`: what archives in one file and sharded ones have in common.

use std::sync::{Arc, PoisonError, RwLock};

use pyo3::prelude::*;

use crate::error::raise;

/// An archive until it is closed.
pub(crate) struct Handle<A> {
    /// The archive's name in messages.
    pub(crate) name: Arc<str>,
    /// `None` once it is closed. Locked only briefly and with the interpreter attached, so that no fork copies it locked.
    archive: RwLock<Option<A>>,
}

impl<A: Clone> Handle<A> {
    pub(crate) fn new(name: &str, archive: A) -> Self {
        Self { name: name.into(), archive: RwLock::new(Some(archive)) }
    }

    /// Returns the archive, unless it is closed.
    pub(crate) fn open(&self, py: Python<'_>) -> PyResult<A> {
        let archive = self.archive.read().unwrap_or_else(PoisonError::into_inner).clone();
        archive.ok_or_else(|| {
            raise(py, "ClosedError", (format!("{}: the archive is closed; load it again", self.name),))
        })
    }

    pub(crate) fn close(&self) {
        let archive = self.archive.write().unwrap_or_else(PoisonError::into_inner).take();
        // No longer locked: an object of Python that the archive reads from may use it as it ends.
        drop(archive);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.archive.read().unwrap_or_else(PoisonError::into_inner).is_none()
    }
}
