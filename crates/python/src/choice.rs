//! Options whose values Python gives by name.

use std::fmt::Display;
use std::str::FromStr;

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

/// A value of an option that the facade parses. Any other text raises `InputError`.
pub(crate) struct Parsed<T>(pub(crate) T);

impl<T: FromStr<Err: Display>> FromPyObject<'_, '_> for Parsed<T> {
    type Error = PyErr;

    fn extract(given: Borrowed<'_, '_, PyAny>) -> PyResult<Self> {
        let parsed = given.extract::<String>()?.parse::<T>();
        parsed.map(Self).map_err(|error| raise(given.py(), "InputError", (error.to_string(),)))
    }
}

impl Choice for Access {
    const OPTION: &'static str = "access";
    const VALUES: &'static [(&'static str, Self)] = &[("map", Self::Mapped), ("read", Self::Positional)];
}
