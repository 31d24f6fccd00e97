//! Options whose values Python gives by name.

use bitnpz::Access;
use pyo3::prelude::*;

use crate::error::raise;

/// An option with named values.
pub(crate) trait Choice: Copy + 'static {
    /// The option's name in messages.
    const OPTION: &'static str;

    /// The values and their names.
    const VALUES: &'static [(&'static str, Self)];
}

/// A value of an option, extracted from its name. Any other name raises `InputError`.
pub(crate) struct Chosen<T>(pub(crate) T);

impl<T: Choice> FromPyObject<'_, '_> for Chosen<T> {
    type Error = PyErr;

    fn extract(given: Borrowed<'_, '_, PyAny>) -> PyResult<Self> {
        let name = given.extract::<String>().ok();
        let found = T::VALUES.iter().find(|(known, _)| Some(*known) == name.as_deref());
        if let Some(&(_, value)) = found {
            return Ok(Self(value));
        }
        let names: Vec<_> = T::VALUES.iter().map(|(known, _)| format!("{known:?}")).collect();
        let message = format!("{}: expected {}, found {}", T::OPTION, names.join(" or "), given.repr()?);
        Err(raise(given.py(), "InputError", (message,)))
    }
}

impl Choice for Access {
    const OPTION: &'static str = "access";
    const VALUES: &'static [(&'static str, Self)] = &[("map", Self::Mapped), ("read", Self::Positional)];
}
